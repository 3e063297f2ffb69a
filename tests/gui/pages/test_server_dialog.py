"""Suggestions from a server, in the window: proposed, agreed to, asked for, shown; a load beside a served model."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QCheckBox, QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages import server_dialog
from desktop_llm.gui.pages.server_dialog import ServerDialog
from desktop_llm.gui.window import MainWindow
from tests.gui.conftest import HOSTILE, WAITING
from tests.serving import answering
from tests.windows import LONG, find, open_in

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")


def _words(dialog: ServerDialog) -> str:
    return find(dialog, QLabel, "server.work.words").text()


def _open(qtbot: QtBot, window: MainWindow) -> ServerDialog:
    dialog = server_dialog.open_dialog(window.hub, window)
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)
    return dialog


@pytest.mark.loopback
def test_a_served_model_suggests_and_is_remembered(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    project = open_in(qtbot, window, tickets, "label")
    dialog = _open(qtbot, window)
    go, agree = find(dialog, QPushButton, "server.go"), find(dialog, QCheckBox, "server.agree")
    assert not go.isEnabled()
    with answering.running(labels=(HOSTILE, "travel")) as server:
        find(dialog, QLineEdit, "server.address").setText(server.address)
        assert not agree.isVisible()
        with qtbot.waitSignal(window.hub.changed, timeout=LONG) as changed:
            go.click()
        assert changed.args is not None
        assert changed.args[0].predictions
        qtbot.waitUntil(lambda: "suggestions by “the rule”" in _words(dialog), timeout=LONG)
        assert project.suggestions.count() == WAITING
        dialog.reject()
        again = _open(qtbot, window)
        qtbot.waitUntil(lambda: find(again, QLineEdit, "server.address").text() == server.address, timeout=LONG)
        assert find(again, QLineEdit, "server.token").text() == ""
        again.reject()


def test_another_machine_is_agreed_to_first(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    """The guard of these tests would refuse a connection."""
    open_in(qtbot, window, tickets, "label")
    dialog = _open(qtbot, window)
    field, go = find(dialog, QLineEdit, "server.address"), find(dialog, QPushButton, "server.go")
    agree, warning = find(dialog, QCheckBox, "server.agree"), find(dialog, QLabel, "server.warning")
    field.setText("http://192.0.2.7:8765")
    assert agree.isVisible()
    assert "will be sent to 192.0.2.7, another machine, and not encrypted" in warning.text()
    assert not go.isEnabled()
    qtbot.waitUntil(lambda: window.hub.background.idle, timeout=LONG)  # what the page itself looked up
    dialog.ask()  # by Enter
    assert window.hub.background.idle
    agree.setChecked(True)
    assert go.isEnabled()
    field.setText("http://192.0.2.8:8765")  # agreed to was the other one
    assert not agree.isChecked()
    assert not go.isEnabled()
    field.setText("no address")
    dialog.ask()
    assert "is no address of a server" in _words(dialog)
    assert not warning.isVisible()
    dialog.reject()


@pytest.mark.loopback
def test_what_does_not_fit_is_said_in_the_dialog(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    project = open_in(qtbot, window, tickets, "label")
    dialog = _open(qtbot, window)
    with answering.running(labels=("rain", "snow")) as server:
        find(dialog, QLineEdit, "server.address").setText(server.address)
        find(dialog, QPushButton, "server.go").click()
        qtbot.waitUntil(lambda: "None of the labels" in _words(dialog), timeout=LONG)
    assert project.suggestions.count() == 0
    dialog.reject()
