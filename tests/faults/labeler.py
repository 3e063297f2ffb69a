"""A person at the real window, by keys only: `python -m tests.faults.labeler PROJECT FIRST_STEP` goes on with the plan.

Before each step it prints what it is about to do, and afterwards, when the window shows it, that it is done: whoever
kills it then may ask for everything that was told as done.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QApplication

    from desktop_llm.gui.window import MainWindow

LABELS = ("account", "damaged", "delivery", "payment", "returns")
SINGLE, TOGETHER, ROWS_TOGETHER = 200, 3, 4
WAIT_SECONDS = 20.0


def plan() -> list[str]:
    """200 labels by single keys and three times four rows together; 10 steps undone and 3 done again meanwhile."""
    drawn = random.Random(20261126)
    steps = [str(drawn.randint(1, len(LABELS))) for _ in range(SINGLE)]
    for place in (170, 101, 31):
        steps.insert(place, f"many {drawn.randint(1, len(LABELS))}")
    turns = (["undo"] * 4 + ["redo"], ["undo"] * 3 + ["redo"], ["undo"] * 3 + ["redo"])
    for place, these in zip((len(steps), 104, 33), turns, strict=True):
        steps[place:place] = these
    return steps


class Person:
    """Sits at one window."""

    def __init__(self, app: QApplication, window: MainWindow) -> None:
        """The window shows the Label page."""
        from desktop_llm.gui.pages.label import LabelPage

        self._app = app
        page = window.page("label")
        assert isinstance(page, LabelPage)
        self._page = page

    def do(self, number: int, step: str) -> None:
        """One step of the plan."""
        if step in ("undo", "redo"):
            self._turn(number, step)
        elif step.startswith("many"):
            self._label_many(number, step[-1])
        else:
            self._label(number, step)

    def _label(self, number: int, key: str) -> None:
        from PySide6.QtTest import QTest

        page = self._page
        assert page.item is not None
        item = page.item.id
        _say(begin=number, items=[item], value=int(key))
        QTest.keyClicks(page, key)
        self._until(lambda: page.item is not None and page.item.id != item)
        _say(done=number)

    def _label_many(self, number: int, key: str) -> None:
        """In the list and back."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        page, listing = self._page, self._page._listing
        QTest.keyClick(page, Qt.Key.Key_F3)
        table = listing.view.table
        self._until(table.isVisible)
        for _ in range(ROWS_TOGETHER - 1):
            QTest.keyClick(table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
        items = [item.id for item in listing.view.selected()]
        _say(begin=number, items=items, value=int(key))
        QTest.keyClicks(table, key)
        self._until(lambda: not listing.many.busy)
        assert [item.value for item in listing.view.items if item.id in items] == [int(key)] * len(items)
        _say(done=number)
        QTest.keyClick(page, Qt.Key.Key_F3)
        self._until(lambda: not table.isVisible())

    def _turn(self, number: int, turn: str) -> None:
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        _say(begin=number, turn=turn)
        if turn == "undo":
            QTest.keyClick(self._page, Qt.Key.Key_Backspace)
        else:
            QTest.keyClick(self._page, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
        self._until(lambda: not self._page._listing.many.busy)
        _say(done=number)

    def _until(self, condition: Callable[[], bool]) -> None:
        _wait(self._app, condition)


def _wait(app: QApplication, condition: Callable[[], bool]) -> None:
    from PySide6.QtCore import QEventLoop

    deadline = time.monotonic() + WAIT_SECONDS
    app.processEvents()
    while not condition():
        assert time.monotonic() < deadline, "the window does not get on"
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 20)


def _say(**told: Any) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def main(path: Path, first: int) -> None:
    """Open the window on the project and go on with the plan."""
    from PySide6.QtWidgets import QApplication

    from desktop_llm.gui import theme
    from desktop_llm.gui.hub import Hub
    from desktop_llm.gui.window import MainWindow

    app = QApplication([])
    theme.apply(app, "light")
    hub = Hub()
    window = MainWindow(hub)
    window.show()
    hub.open_project(path, then_page="label")
    _wait(app, lambda: window.page_name == "label" and hub.background.idle)
    assert hub.writable
    person = Person(app, window)
    for number, step in enumerate(plan()[first:], first):
        person.do(number, step)
    window.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
