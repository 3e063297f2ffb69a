"""The real window for tests, opened and closed as the program does; loaded by conftest.py as a plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from pytestqt.qtbot import QtBot

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop_llm.gui.window import MainWindow
    from desktop_llm.store.project import Project

T = TypeVar("T", bound="QWidget")
OpenWindow = Callable[[], "MainWindow"]
LONG = 120_000
"""Milliseconds that a process may take to start, or a tiny model to train, on a machine that does much else, too."""


class PatientBot(QtBot):
    """Waits as long where a test says no other time: how busy the machine is decides nothing."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = LONG) -> None:
        """Until `callback()` is true."""
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = LONG, **more: Any) -> Any:
        """Until the signal comes, from the end of the block on."""
        return super().waitSignal(signal, timeout=timeout, **more)

    def waitSignals(self, signals: list[Any], *, timeout: int = LONG, **more: Any) -> Any:
        """Until all of them came."""
        return super().waitSignals(signals, timeout=timeout, **more)


@pytest.fixture
def qtbot(qapp: object, request: pytest.FixtureRequest) -> QtBot:
    """In place of pytest-qt's own, which gives up after five seconds."""
    return PatientBot(request)


@pytest.fixture
def open_window(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenWindow]:
    """Open the window, again after another was closed; all of them in one home."""
    from PySide6.QtCore import QCoreApplication, QEvent
    from PySide6.QtWidgets import QApplication

    from desktop_llm import settings
    from desktop_llm.gui import theme
    from desktop_llm.gui.hub import Hub
    from desktop_llm.gui.window import MainWindow

    monkeypatch.setenv("DESKTOP_LLM_HOME", str(tmp_path / "home"))
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    theme.apply(app, "light")
    made: list[MainWindow] = []

    def start() -> MainWindow:
        if not settings.settings_file().exists():
            # a page that is looked at for some seconds would start a process that the test does not know of
            settings.save(settings.Settings(measure_by_itself=False))
        made.append(MainWindow(Hub()))
        made[-1].show()
        qtbot.waitExposed(made[-1])
        return made[-1]

    yield start
    for window in made:
        window.leave()
        for part in (window, window.hub):
            part.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    """The window in a home of its own, on the Projects page."""
    return open_window()


def find(window: QWidget, kind: type[T], name: str) -> T:
    """The widget of that object name."""
    found = window.findChild(kind, name)
    assert isinstance(found, kind), name
    return found


def click(qtbot: QtBot, window: QWidget, name: str) -> None:
    """Click a button with the mouse, once it can be clicked."""
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QPushButton

    target = find(window, QPushButton, name)
    qtbot.waitUntil(lambda: target.isEnabled() and target.isVisible(), timeout=LONG)
    qtbot.mouseClick(target, Qt.MouseButton.LeftButton)


def press(qtbot: QtBot, window: QWidget, keys: str) -> None:
    """Press keys as a menu writes them; its keys reach the active window alone."""
    from PySide6.QtGui import QKeySequence
    from PySide6.QtTest import QTest

    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keySequence(window, QKeySequence(keys))


def project_of(window: MainWindow) -> Project:
    """The project that is open."""
    assert window.hub.project is not None
    return window.hub.project


def open_in(qtbot: QtBot, window: MainWindow, path: Path, page: str) -> Project:
    """Open a project on a page and wait until all of it is there."""
    with qtbot.waitSignal(window.hub.project_opened, timeout=LONG):
        window.hub.open_project(path, then_page=page)
    qtbot.waitUntil(lambda: window.page_name == page and window.hub.background.idle, timeout=LONG)
    return project_of(window)
