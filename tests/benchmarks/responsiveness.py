"""How quick the window stays while a run trains, in both lanes, against the window at rest.

Run by hand: python -m tests.benchmarks.responsiveness [--seconds 8]
A timer of 5 ms tells how late it comes; the loss plot (fed with what the run says) and a table of 200 rows are
repainted twenty times a second, and the time of both together is taken. Prints p50, p95, p99 in milliseconds.
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

import numpy as np
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from desktop_llm.gui import theme
from desktop_llm.gui.training import Training
from desktop_llm.jobs.events import Event, StepDone
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.widgets.plot import SeriesPlot
from tests import run_folders

TICK_MS = 5
REPAINT_MS = 50


class _Nowhere:
    """Takes events and keeps none: the store is not what is measured."""

    def ingest(self, number: int, batch: list[Event]) -> object:
        """Nothing."""
        return None

    def collect(self, number: int) -> object:
        """Nothing."""
        return None


class Bench(QWidget):
    """A plot and a table, a ticking timer, and what was measured."""

    def __init__(self) -> None:
        """The plot begins with 5,000 points."""
        super().__init__()
        self.plot = SeriesPlot("bench.plot")
        self.plot.add_series("training", smoothed=True)
        self.plot.append("training", np.arange(-5000, 0), np.random.default_rng(0).normal(size=5000))
        self.table = QTableWidget(200, 4)
        for row in range(200):
            for column in range(4):
                self.table.setItem(row, column, QTableWidgetItem(f"{row} {column}"))
        line = QVBoxLayout(self)
        line.addWidget(self.plot)
        line.addWidget(self.table)
        self.resize(1000, 900)
        self.late: list[float] = []
        self.paints: list[float] = []
        self._due = 0.0
        self._tick = QTimer(self)
        self._tick.setTimerType(Qt.TimerType.PreciseTimer)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self._on_tick)
        self._paint = QTimer(self)
        self._paint.setInterval(REPAINT_MS)
        self._paint.timeout.connect(self._on_paint)

    def measure(self, seconds: float) -> None:
        """Tick and repaint for so long."""
        self.late, self.paints, self._due = [], [], 0.0
        self._tick.start()
        self._paint.start()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 20)
        self._tick.stop()
        self._paint.stop()

    def on_events(self, batch: list[Event]) -> None:
        """What a run says goes into the plot."""
        steps = [event for event in batch if isinstance(event, StepDone)]
        self.plot.append("training", [event.step for event in steps], [event.loss for event in steps])

    def _on_tick(self) -> None:
        now = time.perf_counter()
        if self._due:
            self.late.append(max(0.0, now - self._due) * 1000)
        self._due = time.perf_counter() + TICK_MS / 1000

    def _on_paint(self) -> None:
        began = time.perf_counter()
        self.plot.redraw()
        self.plot.repaint()
        self.table.viewport().repaint()
        self.paints.append((time.perf_counter() - began) * 1000)
        self._due = 0.0


def _figures(values: list[float]) -> str:
    cuts = statistics.quantiles(values, n=100)
    return f"p50 {cuts[49]:6.2f}   p95 {cuts[94]:6.2f}   p99 {cuts[98]:6.2f}"


def _tell(name: str, bench: Bench, steps: int) -> None:
    sys.stdout.write(f"{name:28s} timer late  {_figures(bench.late)}\n")
    sys.stdout.write(f"{'':28s} repaint     {_figures(bench.paints)}   steps {steps}\n")
    sys.stdout.flush()


def _lane(bench: Bench, seconds: float, *, in_window: bool) -> None:
    training = Training()
    steps = 0

    def on_events(batch: list[Event]) -> None:
        nonlocal steps
        steps += sum(isinstance(event, StepDone) for event in batch)
        bench.on_events(batch)

    training.events_arrived.connect(on_events)
    with tempfile.TemporaryDirectory() as name:
        folder: RunFolder = run_folders.make(
            Path(name), count=4000, hidden_size=64, num_hidden_layers=4, num_train_epochs=1000.0, eval_steps=100_000
        )
        training.begin(_Nowhere(), 1, folder, in_window=in_window)
        deadline = time.monotonic() + 60
        while not steps and time.monotonic() < deadline:
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)
        before = steps
        bench.measure(seconds)
        _tell("inside the window" if in_window else "in its own process", bench, steps - before)
        training.close()


def main() -> None:
    """At rest, then the two lanes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    told = parser.parse_args()
    app = QApplication([])
    theme.apply(app, "light")
    bench = Bench()
    bench.show()
    bench.measure(2.0)
    bench.measure(told.seconds)
    _tell("at rest", bench, 0)
    for in_window in (False, True):
        _lane(bench, told.seconds, in_window=in_window)
    bench.close()


if __name__ == "__main__":
    main()
