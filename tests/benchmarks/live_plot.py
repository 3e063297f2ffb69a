"""Redraws of a live plot that grows: ours from its pyramid, against pyqtgraph's own thinning of the same points.

Run by hand: QT_QPA_PLATFORM=offscreen python -m tests.benchmarks.live_plot
1,000 × 600 pixels, two curves (as measured, and smoothed), 100 points more before each redraw; both take turns. Prints
milliseconds of wall and of processor time for a redraw with its painting, by the number of points.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QApplication

from desktop_llm.widgets.plot import SeriesPlot

SIZES = (10_000, 1_000_000, 5_000_000)
REDRAWS = 60
MORE = 100
Draw = Callable[[np.ndarray, np.ndarray], None]


def ours(values: np.ndarray) -> tuple[SeriesPlot, Draw]:
    """The plot of the Train page with these points."""
    plot = SeriesPlot("benchmark.plot")
    plot.add_series("training", "accent", smoothed=True)
    plot.set_smoothing(0.8)
    plot.append("training", np.arange(len(values)), values)

    def draw(steps: np.ndarray, more: np.ndarray) -> None:
        plot.append("training", steps, more)
        plot.redraw()
        plot._plot.viewport().repaint()

    return plot, draw


def theirs(values: np.ndarray) -> tuple[pg.PlotWidget, Draw]:
    """Two curves that pyqtgraph thins by itself."""
    plot = pg.PlotWidget()
    plot.setDownsampling(auto=True, mode="peak")
    plot.setClipToView(True)
    curves = [plot.plot(pen=pg.mkPen(color, width=1)) for color in ("b", "g")]
    held = [np.arange(len(values), dtype=float), values]

    def draw(steps: np.ndarray, more: np.ndarray) -> None:
        held[0], held[1] = np.append(held[0], steps), np.append(held[1], more)
        for curve in curves:
            curve.setData(held[0], held[1])
        plot.viewport().repaint()

    return plot, draw


def main() -> None:
    """Measure and print."""
    app = QApplication.instance() or QApplication([])
    source = np.random.default_rng(1)
    heads = ("wall p50", "wall p95", "cpu p50", "cpu p95")
    print(f"{'points':>10} {'':9}" + "".join(f"{head:>10}" for head in heads) + "   (wanted: below 8 at 5,000,000)")
    for size in SIZES:
        values = source.normal(size=size)
        legs = {"ours": ours(values), "pyqtgraph": theirs(values)}
        for plot, _ in legs.values():
            plot.resize(1000, 600)
            plot.show()
        app.processEvents()
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in legs}
        for turn in range(REDRAWS):
            steps = np.arange(size + turn * MORE, size + (turn + 1) * MORE)
            more = source.normal(size=MORE)
            for name, (_, draw) in legs.items():
                wall, cpu = time.perf_counter(), time.process_time()
                draw(steps, more)
                took[name].append((1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)))
        for name, spent in took.items():
            figures = [
                statistics.quantiles(column, n=20)[place] for column in zip(*spent, strict=True) for place in (9, 18)
            ]
            print(f"{size:>10,} {name:9}" + "".join(f"{figure:10.1f}" for figure in figures))
        for plot, _ in legs.values():
            plot.close()


if __name__ == "__main__":
    main()
