"""From a key to the next row on the Label page, at rest and while the model in the loop refits all the time.

Run by hand: python -m tests.benchmarks.labeling_keys [--rows 10000] [--labeled 3000] [--keys 400] [--every 0.12]
Banking77's training rows, 77 classes, some of them labeled. A key is pressed every 120 ms and counts from the moment at
which it was due, so that a window that stands still is late. With the loop on, it refits after every 5 labels.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop_llm.gui import garbage, theme
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label import LabelPage
from tests.benchmarks.labeling import project_in


def pump(seconds: float) -> None:
    """Let the window live so long."""
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, max(1, int(left * 1000)))
        time.sleep(0.0005)


def press(page: LabelPage, keys: int, every: float) -> tuple[list[float], list[float]]:
    """Milliseconds from when each key was due to the next row painted; and those that the window's thread worked."""
    took, worked = [], []
    due = time.perf_counter() + every
    for _ in range(keys):
        pump(due - time.perf_counter())
        before, cpu = page.item, time.thread_time()
        QTest.keyClick(page, Qt.Key.Key_1)
        page.repaint()
        assert page.item is not before
        took.append((time.perf_counter() - due) * 1000)
        worked.append((time.thread_time() - cpu) * 1000)
        due = max(due + every, time.perf_counter())
    return took, worked


def tell(name: str, measured: tuple[list[float], list[float]]) -> None:
    """Percentiles."""
    for what, values in zip((name, "  of which the thread worked"), measured, strict=True):
        cuts = statistics.quantiles(values, n=100)
        sys.stdout.write(
            f"{what:36s} p50 {cuts[49]:6.1f}  p95 {cuts[94]:6.1f}  p99 {cuts[98]:6.1f}  most {max(values):6.1f} ms\n"
        )
    sys.stdout.flush()


def main() -> None:
    """At rest, then with the loop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--labeled", type=int, default=3000)
    parser.add_argument("--keys", type=int, default=400)
    parser.add_argument("--every", type=float, default=0.12)
    told = parser.parse_args()
    app = QApplication([])
    with tempfile.TemporaryDirectory() as name:
        os.environ["DESKTOP_LLM_HOME"] = str(Path(name) / "home")
        theme.apply(app, "light")
        hub = Hub()
        garbage.keep_to_this_thread(app)
        garbage.spare(hub)
        page = LabelPage(hub)
        page.resize(1280, 720)
        page.show()
        hub.project_opened.connect(page.set_project)
        hub.changed.connect(page.on_changes)
        hub.open_project(project_in(Path(name), told.rows, told.labeled))
        while page.item is None:
            pump(0.1)
        pump(2 * garbage.SETTLED_MS / 1000)
        tell("at rest", press(page, told.keys, told.every))
        hub.looping.choose(on=True, every=5)
        while len(hub.looping.curve) < 1:
            pump(0.2)
        pump(1.0)
        began = len(hub.looping.curve)
        took = press(page, told.keys, told.every)
        tell(f"while it refits ({len(hub.looping.curve) - began} times)", took)
        page.close()
        hub.close()


if __name__ == "__main__":
    main()
