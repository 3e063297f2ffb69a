"""Work off the window's thread, at its edges."""

from __future__ import annotations

import threading

import shiboken6
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from desktop_llm.gui.background import Background, Task


def test_progress_that_is_still_on_its_way_when_all_ends_is_dropped(qtbot: QtBot) -> None:
    background, told = Background(), threading.Event()

    def work(task: Task) -> None:
        task.progress(0.5)
        told.set()

    background.run(work, title="Work")
    assert told.wait(5)
    background.close()
    shiboken6.delete(background)
    QCoreApplication.processEvents()  # a slot that raises fails the test
