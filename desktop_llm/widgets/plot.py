"""A plot of growing curves: drawn from pyramids, smoothed on wish, read off by the pointer, saved as CSV or PNG."""

from __future__ import annotations

import csv
import io
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QIODevice, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QVBoxLayout, QWidget

from desktop_llm import atomic
from desktop_llm.errors import from_os_error
from desktop_llm.widgets import theme
from desktop_llm.widgets.pyramid import Pyramid

REDRAW_MS = 50
TICK_WIDTH, TICK_HEIGHT = 44.0, 24.0
"""Pixels that a tick's words need, across and down."""
MANY = 10_000
"""From so many points on they are smoothed at once."""
Role = str


class Axis(pg.AxisItem):  # type: ignore[misc]
    """Numbers as people write them, 12000 as 12k, and only as many as there is room for side by side."""

    def __init__(self, orientation: str, *, whole: bool) -> None:
        """`whole`: it counts something, and there is nothing between two whole numbers."""
        super().__init__(orientation)
        self._whole = whole

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        """One distance between ticks, the least round one that keeps their words apart."""
        across = self.orientation == "bottom"
        most = max(2.0, size / (TICK_WIDTH if across else TICK_HEIGHT))
        least = max(abs(high - low), 1e-12) / most
        decade = 10.0 ** math.floor(math.log10(least))
        distance = next(decade * times for times in (1, 2, 5, 10) if decade * times >= least * (1 - 1e-9))
        return [(max(1.0, distance) if self._whole else distance, 0.0)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """The ticks' words."""
        return [short(value * scale) for value in values]


class Powers(Axis):
    """Ticks at powers of ten, of what is shown by its logarithm."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """The powers themselves, as they are typed: 1e-4."""
        return [f"1e{round(value * scale)}" for value in values]


def short(value: float) -> str:
    """A number in few characters."""
    size = abs(value)
    if size >= 1e9:
        return f"{value / 1e9:.4g}G"
    if size >= 1e6:
        return f"{value / 1e6:.4g}M"
    if size >= 1e4:
        return f"{value / 1e3:.4g}k"
    if size and size < 1e-3:
        return f"{value:.2g}"
    return f"{value:.4g}"


class _Curve:
    """A series: its points, its smoothed points, and what draws them. `role` is a colour of the palette."""

    def __init__(self, plot: Any, role: Role, *, dots: bool, smoothed: bool) -> None:
        self.role, self.dots = role, dots
        self.raw = Pyramid()
        self.smooth = Pyramid() if smoothed else None
        self.faint = plot.plot(skipFiniteCheck=False) if smoothed else None
        self.line = plot.plot(skipFiniteCheck=False)
        self.last = np.nan

    def paint(self) -> None:
        color = pg.mkColor(getattr(theme.current(), self.role))
        self.line.setPen(pg.mkPen(color, width=1))
        if self.dots:
            self.line.setSymbol("o")
            self.line.setSymbolSize(6)
            self.line.setSymbolPen(None)
            self.line.setSymbolBrush(color)
        if self.faint is not None:
            faint = pg.mkColor(color)
            faint.setAlpha(80)
            self.faint.setPen(pg.mkPen(faint, width=1))


class SeriesPlot(QWidget):
    """Several named series over steps. Signal: `problem_met(UserError)`, a picture or table could not be saved."""

    problem_met = Signal(object)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name."""
        super().__init__(parent)
        self.setObjectName(name)
        # steps and labels come whole; what is measured over them does not
        axes = {"bottom": Axis("bottom", whole=True), "left": Axis("left", whole=False)}
        self._plot = pg.PlotWidget(parent=self, axisItems=axes, enableMenu=False)
        # pyqtgraph makes this menu without a parent; with one it goes when the plot goes
        menu = self._plot.getPlotItem().ctrlMenu
        menu.setParent(self, menu.windowFlags())
        self._plot.hideButtons()
        # Room for the halves of the outermost ticks' words.
        self._plot.getPlotItem().layout.setContentsMargins(0, 8, 12, 0)
        self._plot.getPlotItem().getViewBox().setMouseEnabled(x=True, y=False)
        self._plot.getPlotItem().getViewBox().enableAutoRange(y=True)
        self._plot.getPlotItem().getViewBox().setAutoVisible(y=True)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._plot)
        self._curves: dict[str, _Curve] = {}
        self._weight = 0.0
        self._hint = pg.TextItem(anchor=(0, 0))
        self._hint.setZValue(10)
        self._hint.hide()
        self._plot.addItem(self._hint, ignoreBounds=True)
        self._line = pg.InfiniteLine(angle=90, movable=False)
        self._line.hide()
        self._plot.addItem(self._line, ignoreBounds=True)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self.redraw)
        self._plot.scene().sigMouseMoved.connect(self._on_mouse_moved)
        self._plot.getPlotItem().getViewBox().sigXRangeChanged.connect(lambda *_: self._later())
        theme.notifier().changed.connect(self._paint)
        self._paint()

    def add_series(self, name: str, role: Role = "accent", *, dots: bool = False, smoothed: bool = False) -> None:
        """A series by the name that the pointer and the files show; `role` names a colour of the palette."""
        self._curves[name] = _Curve(self._plot, role, dots=dots, smoothed=smoothed)
        self._curves[name].paint()

    def append(self, name: str, steps: list[int] | np.ndarray, values: list[float] | np.ndarray) -> None:
        """Add points to a series; drawn soon, many calls at once."""
        curve = self._curves[name]
        x, y = np.asarray(steps, dtype=float), np.asarray(values, dtype=float)
        if len(x) == 0:
            return
        replaced = len(curve.raw) > 0 and x[0] <= curve.raw.points()[0][-1]
        curve.raw.append(x, y)
        if curve.smooth is not None:
            if replaced:
                self._smooth(curve)
            else:
                curve.smooth.append(x, _smoothed(y, self._weight, curve))
        self._later()

    def clear(self) -> None:
        """Forget all points."""
        for curve in self._curves.values():
            curve.raw.clear()
            curve.last = np.nan
            if curve.smooth is not None:
                curve.smooth.clear()
        self._plot.getPlotItem().getViewBox().enableAutoRange(x=True)
        self._later()

    def set_smoothing(self, weight: float) -> None:
        """Exponential smoothing with weight 0 (none) to 0.99 of what came before."""
        self._weight = weight
        for curve in self._curves.values():
            if curve.smooth is not None:
                self._smooth(curve)
        self._later()

    def points(self, name: str) -> int:
        """How many points a series holds."""
        return len(self._curves[name].raw)

    def redraw(self) -> None:
        """Draw what the view shows now."""
        box = self._plot.getPlotItem().getViewBox()
        automatic = bool(box.autoRangeEnabled()[0])
        left, right = (-np.inf, np.inf) if automatic else box.viewRange()[0]
        columns = max(100, int(box.width()))
        drawn = any(len(curve.raw) for curve in self._curves.values())
        for side in ("bottom", "left"):
            # Without points the numbers at the axes would be made up.
            self._plot.showAxis(side, drawn)
        for curve in self._curves.values():
            shown = curve.smooth if curve.smooth is not None and self._weight > 0 else curve.raw
            curve.line.setData(*shown.window(left, right, columns))
            if curve.faint is not None:
                if self._weight > 0:
                    curve.faint.setData(*curve.raw.window(left, right, columns))
                else:
                    curve.faint.setData([], [])

    def save_csv(self, path: Path) -> None:
        """Write all points: series, step, value. Raises OSError."""
        file = io.StringIO(newline="")
        writer = csv.writer(file)
        writer.writerow(["series", "step", "value"])
        for name, curve in self._curves.items():
            for step, value in zip(*curve.raw.points(), strict=True):
                writer.writerow([name, int(step), repr(float(value))])
        atomic.write_text(path, file.getvalue())

    def save_png(self, path: Path) -> None:
        """Write the picture as it is seen. Raises OSError."""
        picture = QBuffer()
        picture.open(QIODevice.OpenModeFlag.WriteOnly)
        self.grab().save(picture, "PNG")
        atomic.write_bytes(path, bytes(picture.data().data()))

    def _later(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _smooth(self, curve: _Curve) -> None:
        assert curve.smooth is not None
        curve.smooth.clear()
        curve.last = np.nan
        x, y = curve.raw.points()
        if len(x):
            curve.smooth.append(x.copy(), _smoothed(y, self._weight, curve))

    def _paint(self) -> None:
        palette = theme.current()
        self._plot.setBackground(palette.surface)
        for side in ("bottom", "left"):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(palette.line))
            axis.setTextPen(pg.mkPen(palette.muted))
        self._hint.setColor(palette.text)
        self._hint.fill = pg.mkBrush(palette.hover)
        self._line.setPen(pg.mkPen(palette.muted, style=Qt.PenStyle.DotLine))
        for curve in self._curves.values():
            curve.paint()

    def _on_mouse_moved(self, place: Any) -> None:
        box = self._plot.getPlotItem().getViewBox()
        inside = box.sceneBoundingRect().contains(place)
        words = self._words_at(box.mapSceneToView(place).x()) if inside else ""
        self._hint.setVisible(bool(words))
        self._line.setVisible(bool(words))
        if words:
            point = box.mapSceneToView(place)
            ranges = box.viewRange()
            right = point.x() > sum(ranges[0]) / 2
            self._hint.setAnchor((1, 0) if right else (0, 0))
            self._hint.setText(words)
            self._hint.setPos(point.x(), ranges[1][1])
            self._line.setPos(point.x())

    def _words_at(self, step: float) -> str:
        words = []
        for name, curve in self._curves.items():
            x, y = curve.raw.points()
            if len(x):
                place = min(len(x) - 1, max(0, int(np.searchsorted(x, step))))
                if place and abs(x[place - 1] - step) < abs(x[place] - step):
                    place -= 1
                words.append(f"{name} {short(float(y[place]))} @ {int(x[place]):,}")
        return "\n".join(words)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Save, or see everything again."""
        menu = QMenu(self)
        menu.addAction(self.tr("Save as PNG…"), lambda: self._ask("png"))
        menu.addAction(self.tr("Save values as CSV…"), lambda: self._ask("csv"))
        box = self._plot.getPlotItem().getViewBox()
        menu.addAction(self.tr("Show everything"), lambda: box.enableAutoRange(x=True))
        menu.exec(event.globalPos())

    def _ask(self, kind: str) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Save the plot"), f"plot.{kind}", f"*.{kind}")
        if chosen:
            self.save(Path(chosen), kind)

    def save(self, path: Path, kind: str) -> None:
        """Write 'csv' or 'png'; what forbids it is told by `problem_met`."""
        try:
            if kind == "csv":
                self.save_csv(path)
            else:
                self.save_png(path)
        except OSError as error:
            self.problem_met.emit(from_os_error(error, "save the plot", path))


def _smoothed(values: np.ndarray, weight: float, curve: _Curve) -> np.ndarray:
    """Exponentially smoothed: each value is `weight` times the smoothed one before and the rest itself.

    What is no number begins anew behind itself.
    """
    if len(values) > MANY and np.isfinite(values).all():
        result = _smoothed_at_once(values, weight, values[0] if np.isnan(curve.last) else curve.last)
        curve.last = float(result[-1])
        return result
    result = _smoothed_one_by_one(values, weight, curve.last)
    if len(result):
        curve.last = float(result[-1])
    return result


def _smoothed_one_by_one(values: np.ndarray, weight: float, last: float) -> np.ndarray:
    result = np.empty(len(values))
    for place, value in enumerate(values.tolist()):
        last = value if last != last or value != value else weight * last + (1 - weight) * value
        result[place] = last
    return result


def _smoothed_at_once(values: np.ndarray, weight: float, last: float) -> np.ndarray:
    """`_smoothed` of many numbers behind `last`: stretches side by side, then what each one hands to the next."""
    width = math.isqrt(len(values))
    rows = len(values) // width
    stretches = np.ascontiguousarray(values[: rows * width].reshape(rows, width).T) * (1 - weight)
    for before, here in itertools.pairwise(stretches):
        here += weight * before
    fading = weight ** np.arange(1, width + 1)
    handed = np.empty(rows)
    for place in range(rows):
        handed[place] = last
        last = stretches[-1, place] + fading[-1] * last
    stretches += fading[:, None] * handed
    return np.concatenate((stretches.T.ravel(), _smoothed_one_by_one(values[rows * width :], weight, last)))
