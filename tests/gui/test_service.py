"""A model served from the window: started, asked, stopped; what goes wrong is said; no process is left behind."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QSpinBox
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.window import MainWindow
from desktop_llm.serving.place import Place
from desktop_llm.widgets.banner import Banner
from tests.serving.requests import ask
from tests.windows import LONG, click, find, open_in

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.loopback


class _Browser(QObject):
    """Opens nothing, and keeps what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    @Slot(QUrl)
    def take(self, url: QUrl) -> None:
        self.asked.append(url.toString())


def test_a_model_is_served_and_stopped_by_hand(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    open_in(qtbot, window, tickets, "export")
    words, curl = find(window, QLabel, "serve.words"), find(window, QLineEdit, "serve.curl")
    find(window, QLineEdit, "serve.folder").setText(str(tickets / "runs" / "0001" / "model"))
    find(window, QSpinBox, "serve.port").setValue(0)
    assert not curl.isVisible()
    click(qtbot, window, "serve.go")
    service = window.hub.service
    qtbot.waitUntil(lambda: service.standing.stage == "on", timeout=LONG)
    address = service.standing.address
    assert address in words.text()
    assert address in curl.text()
    assert ask(address, "/predict", {"text": "soup"})[0] == 200
    qtbot.waitUntil(lambda: "1 request, " in words.text(), timeout=LONG)
    browser = _Browser()
    QDesktopServices.setUrlHandler("http", browser, "take")  # type: ignore[arg-type]  # stubs and call differ
    try:
        click(qtbot, window, "serve.page")
    finally:
        QDesktopServices.unsetUrlHandler("http")
    assert browser.asked == [address]
    click(qtbot, window, "serve.load")
    told = find(window, QLabel, "serve.load.work.words")
    qtbot.waitUntil(lambda: "answers a second" in told.text(), timeout=LONG)
    assert told.text().endswith("no errors.")
    served = psutil.Process(service.pid)
    assert served.is_running()
    click(qtbot, window, "serve.go")
    qtbot.waitUntil(lambda: service.standing.stage == "off", timeout=LONG)
    assert service.standing.problem == ""
    assert not served.is_running()
    assert find(window, QPushButton, "serve.go").text() == "Start"


def test_what_cannot_be_served_is_said_and_nothing_starts(
    qtbot: QtBot, window: MainWindow, tickets: Path, tmp_path: Path
) -> None:
    open_in(qtbot, window, tickets, "export")
    banner = find(window, Banner, "banner")
    for folder, said in (
        ("", "Choose an exported folder"),
        (str(tickets), "is a project"),
        (str(tmp_path), "is missing"),
    ):
        find(window, QLineEdit, "serve.folder").setText(folder)
        click(qtbot, window, "serve.go")
        assert said in banner.text()
    assert window.hub.service.standing.stage == "off"


def test_a_taken_port_is_told_where_it_was_started(qtbot: QtBot, tickets: Path) -> None:
    import socket

    hub = Hub()
    with socket.create_server(("127.0.0.1", 0)) as other:
        hub.service.start(tickets / "runs" / "0001" / "model", Place(port=other.getsockname()[1]))
        qtbot.waitUntil(lambda: hub.service.standing.stage == "off", timeout=LONG)
    assert "listen on" in hub.service.standing.problem
    hub.close()
