"""Draws the curves of `labeling` into a PNG, with the program's own plot colours, off screen."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

Curve = Sequence[tuple[int, float]]
WIDTH, HEIGHT = 900, 520


def draw(curves: Mapping[str, Sequence[Curve]], wanted: float, to: Path) -> None:
    """Every run as a thin line, the mean of each order as a thick one, and a line at the accuracy `wanted`."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import pyqtgraph
    from PySide6.QtWidgets import QApplication

    application = QApplication.instance() or QApplication([])
    pyqtgraph.setConfigOptions(antialias=True, background="#ffffff", foreground="#667085")
    plot = pyqtgraph.PlotWidget()
    plot.resize(WIDTH, HEIGHT)
    plot.addLegend(offset=(-20, -20))
    plot.getAxis("left").enableAutoSIPrefix(False)
    plot.setLabel("bottom", "labels given")
    plot.setLabel("left", "accuracy on banking77's test rows")
    plot.showGrid(x=False, y=True, alpha=0.2)
    for color, (name, runs) in zip(
        ("#98a1b2", "#3558e6", "#17845a", "#b3690b", "#c8372d"), curves.items(), strict=False
    ):
        for run in runs:
            plot.plot(*_columns(run), pen=pyqtgraph.mkPen(color, width=1, style=pyqtgraph.QtCore.Qt.PenStyle.DotLine))
        mean = [(points[0][0], statistics.mean(one[1] for one in points)) for points in zip(*runs, strict=True)]
        title = "random order" if name == "random" else f"the loop: {name}"
        plot.plot(*_columns(mean), pen=pyqtgraph.mkPen(color, width=2), name=title)
    plot.addLine(y=wanted, pen=pyqtgraph.mkPen("#1b1f27", width=1, style=pyqtgraph.QtCore.Qt.PenStyle.DashLine))
    plot.setYRange(0.3, 0.95)
    application.processEvents()
    plot.grab().save(str(to))


def _columns(curve: Curve) -> tuple[list[int], list[float]]:
    return [point[0] for point in curve], [point[1] for point in curve]
