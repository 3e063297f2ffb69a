"""From a label's key to the next row on the screen, through the real window: `python -m tests.benchmarks.labels`.

A project of 10,000 rows and 77 labels. Keys come as a person presses them (`--pause` milliseconds apart) and one after
the other without a pause. A time ends when the next row is painted; what the window's thread itself worked of it is
told, too, as other programs on the machine do not count there. Skip, undo, moving and the list are measured besides.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from tests import run_folders

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from desktop_llm.gui.pages.label import LabelPage
    from desktop_llm.gui.window import MainWindow

TASK = TASKS[run_folders.TASK]
LABELS = 77
KEYS = "123456789bcefh"


def make(path: Path, rows: int) -> None:
    """A project of short messages, a tenth of them labeled."""
    project = Project.create(path, TASK.name)
    names = [f"topic number {place}" for place in range(LABELS)]
    project.classes.ensure(names)
    items = [
        NewItem(
            content={"text": f"I am still waiting for my card and the top-up of number {place}, what can I do?"},
            label=names[place % LABELS] if place % 10 == 0 else None,
        )
        for place in range(rows)
    ]
    project.items.insert("rows.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    project.close()


class Bench:
    """Presses keys and looks at the clock."""

    def __init__(self, app: QApplication, window: MainWindow, pause: float) -> None:
        """`pause` seconds between keys."""
        from desktop_llm.gui.pages.label import LabelPage

        self._app, self._window, self._pause = app, window, pause
        page = window.page("label")
        assert isinstance(page, LabelPage)
        self.page: LabelPage = page

    def until(self, condition: Callable[[], bool]) -> None:
        """Go on with the window's work until something is so."""
        from PySide6.QtCore import QEventLoop

        deadline = time.monotonic() + 60
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError("the window does not get on")
            self._app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 10)

    def measure(self, title: str, press: Callable[[int], object], count: int, *, pause: float | None = None) -> None:
        """Press `count` times; tell how long it took each time until the window was painted again."""
        times, work = [], []
        for place in range(count):
            self._rest(self._pause if pause is None else pause)
            began, worked = time.perf_counter(), time.thread_time()
            press(place)
            self._app.processEvents()
            times.append((time.perf_counter() - began) * 1000)
            work.append((time.thread_time() - worked) * 1000)
        for words, values in ((title, times), ("  of it work of the window", work)):
            cuts = statistics.quantiles(values, n=100)
            figures = f"p50 {cuts[49]:6.2f}   p95 {cuts[94]:6.2f}   p99 {cuts[98]:6.2f}   worst {max(values):6.2f} ms"
            sys.stdout.write(f"{words:34s} {figures}\n")
        sys.stdout.flush()

    def _rest(self, seconds: float) -> None:
        until = time.perf_counter() + seconds
        self._app.processEvents()
        while time.perf_counter() < until:
            self._app.processEvents()
            time.sleep(0.001)  # as a person's hand rests; the window goes on with its own work


def main() -> None:
    """Make the project, open the window, press."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--keys", type=int, default=400)
    parser.add_argument("--pause", type=float, default=100.0, help="milliseconds between keys")
    told = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory(prefix="desktop-llm-labels-") as home:
        os.environ["DESKTOP_LLM_HOME"] = home
        path = Path(home) / "Messages"
        make(path, told.rows)
        _press(path, told.keys, told.pause / 1000)


def _press(path: Path, keys: int, pause: float) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from desktop_llm.gui import garbage, theme
    from desktop_llm.gui.hub import Hub
    from desktop_llm.gui.window import MainWindow

    app = QApplication([])
    theme.apply(app, "light")
    hub = Hub()
    garbage.keep_to_this_thread(app)
    garbage.spare(hub)
    window = MainWindow(hub)
    window.resize(1280, 720)
    window.show()
    hub.open_project(path, then_page="label")
    bench = Bench(app, window, pause)
    bench.until(lambda: window.page_name == "label" and hub.background.idle)
    page = bench.page

    def label(place: int) -> None:
        QTest.keyClicks(page, KEYS[place % len(KEYS)])

    bench.measure("a label, at a person's pace", label, keys)
    bench.measure("a label, without a pause", label, keys, pause=0)
    bench.measure("skip", lambda _: QTest.keyClick(page, Qt.Key.Key_Space), keys // 4)
    bench.measure("undo", lambda _: QTest.keyClick(page, Qt.Key.Key_Backspace), keys // 4)
    bench.measure("the next row", lambda _: QTest.keyClick(page, Qt.Key.Key_D), keys // 4)
    QTest.keyClick(page, Qt.Key.Key_F3)
    bench.until(lambda: hub.background.idle)
    bench.measure("a label in the list", label, keys // 4)
    bench.until(lambda: hub.background.idle)
    window.leave()


if __name__ == "__main__":
    main()
