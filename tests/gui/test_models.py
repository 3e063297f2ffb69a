"""Models from the menu and from the Train page, and why a folder cannot be started from, before anything starts."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.models_dialog import ModelsDialog
from desktop_llm.gui.window import MainWindow
from desktop_llm.verbs import shelving
from tests import projects
from tests.catalog.folders import BERT, LLAMA, MARIAN, make
from tests.windows import LONG, find, open_in


def _dialog(qtbot: QtBot, window: MainWindow) -> ModelsDialog:
    qtbot.waitUntil(lambda: any(one.isVisible() for one in window.findChildren(ModelsDialog)), timeout=LONG)
    dialog = next(one for one in window.findChildren(ModelsDialog) if one.isVisible())
    qtbot.waitUntil(lambda: dialog._work is None, timeout=LONG)
    return dialog


def test_the_menu_opens_the_list_without_a_project(qtbot: QtBot, window: MainWindow) -> None:
    action = window.findChild(QAction, "action.file.models")
    assert isinstance(action, QAction)
    action.trigger()
    dialog = _dialog(qtbot, window)
    assert not find(dialog, QPushButton, "models.start").isVisible()
    dialog.reject()


def test_a_kept_model_is_chosen_to_start_from(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    bert, llama = make(tmp_path / "bert", BERT), make(tmp_path / "llama", LLAMA)
    shelving.add([bert])
    open_in(qtbot, window, projects.make(tmp_path / "Tickets"), "train")
    box = find(window, QComboBox, "train.model")
    assert box.findText("bert") > 0
    place = box.findText("Models…")
    box.setCurrentIndex(place)
    box.activated.emit(place)
    assert box.currentText() == "From scratch"
    dialog = _dialog(qtbot, window)
    dialog.add(llama)
    qtbot.waitUntil(lambda: dialog._work is None, timeout=LONG)
    find(dialog, QPushButton, "models.start").click()
    assert box.currentText() == "llama"
    assert box.findText("bert") > 0


def test_why_a_folder_cannot_be_started_from_is_told_before(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    shelving.add([make(tmp_path / "marian", MARIAN)])
    open_in(qtbot, window, projects.make(tmp_path / "Tickets"), "train")
    box, problem = find(window, QComboBox, "train.model"), find(window, QLabel, "train.problem")
    place = box.findText("marian")
    box.setCurrentIndex(place)
    box.activated.emit(place)
    qtbot.waitUntil(lambda: "of the type “marian”, which cannot be trained to classify here" in problem.text())
    assert not find(window, QPushButton, "train.start").isEnabled()
