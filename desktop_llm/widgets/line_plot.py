"""A plot of lines by name with what they lie between, or of shares as bars that a click asks the rows of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_llm.widgets import theme
from desktop_llm.widgets.plot import Axis, Powers, Role

MARGIN = 0.02
BELOW = 6
"""Pixels below the title of the lower axis, whose letters reach down farther than pyqtgraph reckons."""
ROLES: tuple[Role, ...] = ("accent", "second", "good", "bad", "warn", "muted")
"""The colours of lines, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """From `left` to `right`, as high as `value`, which lies between `low` and `high`; `words` are its hint."""

    left: float
    right: float
    value: float
    low: float
    high: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line; `role` is a colour of the palette; `low` and `high` are a band around it. `dots` show its points."""

    name: str
    role: Role
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    dots: bool = False


class LinePlot(QWidget):
    """Signals: `clicked(place)`: the bar of this place."""

    clicked = Signal(int)

    def __init__(
        self,
        name: str,
        across: str,
        up: str,
        *,
        unit: bool = True,
        diagonal: bool = False,
        powers: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """`name` becomes the object name; `across` and `up` are the axes' titles.

        `unit`: both axes go from 0 to 1, else as far as the lines do; a `diagonal` shows what is equal.
        `powers`: what lies across are powers of ten, and written as such.
        """
        super().__init__(parent)
        self.setObjectName(name)
        self._across, self._up, self._unit, self._diagonal = across, up, unit, diagonal
        self._bars: tuple[Bar, ...] = ()
        self._lines: tuple[Line, ...] = ()
        bottom = Powers("bottom", whole=True) if powers else Axis("bottom", whole=not unit)
        self._plot = pg.PlotWidget(parent=self, axisItems={"bottom": bottom, "left": Axis("left", whole=False)})
        self._plot.setMenuEnabled(False)
        # pyqtgraph makes this menu without a parent; with one it goes when the plot goes
        menu = self._plot.getPlotItem().ctrlMenu
        menu.setParent(self, menu.windowFlags())
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        self._plot.getPlotItem().layout.setContentsMargins(0, 8, 12, BELOW)
        box = self._plot.getPlotItem().getViewBox()
        if unit:
            box.setRange(xRange=(-MARGIN, 1 + MARGIN), yRange=(-MARGIN, 1 + MARGIN), padding=0)
        else:
            box.enableAutoRange()
        self._drawn: list[Any] = []
        self._hint = pg.TextItem("", anchor=(0, 1))
        self._hint.setZValue(10)
        self._hint.hide()
        self._plot.addItem(self._hint, ignoreBounds=True)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._plot)
        self._plot.scene().sigMouseMoved.connect(self._on_moved)
        self._plot.scene().sigMouseClicked.connect(self._on_clicked)
        theme.notifier().changed.connect(self._paint)
        self._paint()

    def show_bars(self, bars: Sequence[Bar]) -> None:
        """Show these, from left to right."""
        self._bars, self._lines = tuple(bars), ()
        self.setAccessibleName("; ".join(one.words for one in self._bars) or self._up)
        self._paint()

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show these, the last on top."""
        self._bars, self._lines = (), tuple(lines)
        names = ", ".join(one.name for one in self._lines)
        self.setAccessibleName(f"{self._up} / {self._across}: {names}")
        self._paint()

    def set_titles(self, across: str, up: str) -> None:
        """Other titles of the axes; seen with the next lines."""
        self._across, self._up = across, up

    def bars(self) -> tuple[Bar, ...]:
        """The bars shown."""
        return self._bars

    def lines(self) -> tuple[Line, ...]:
        """The lines shown."""
        return self._lines

    def _paint(self) -> None:
        palette = theme.current()
        self._plot.setBackground(palette.surface)
        for one in self._drawn:
            self._plot.removeItem(one)
        self._drawn = []
        self._hint.hide()
        self._hint.setColor(palette.text)
        self._hint.fill = pg.mkBrush(palette.hover)
        for side, words in (("bottom", self._across), ("left", self._up)):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(palette.line))
            axis.setTextPen(pg.mkPen(palette.muted))
            axis.setLabel(words, color=palette.muted, **{"font-size": "12px"})
        if self._bars:
            self._draw_bars(palette)
        if self._diagonal:
            pen = pg.mkPen(palette.muted, width=1, style=Qt.PenStyle.DashLine)
            self._add(pg.PlotCurveItem([0.0, 1.0], [0.0, 1.0], pen=pen))
        for line in self._lines:
            self._draw_line(line, palette)

    def _draw_line(self, line: Line, palette: theme.Palette) -> None:
        color = pg.mkColor(getattr(palette, line.role))
        if line.low is not None and line.high is not None:
            faint = pg.mkColor(color)
            faint.setAlpha(50)
            edges = [pg.PlotCurveItem(line.x, side, pen=pg.mkPen(None)) for side in (line.low, line.high)]
            for edge in edges:
                self._add(edge)
            self._add(pg.FillBetweenItem(*edges, brush=faint))
        drawn = pg.PlotDataItem(line.x, line.y, pen=pg.mkPen(color, width=1))
        if line.dots:
            drawn.setSymbol("o")
            drawn.setSymbolSize(6)
            drawn.setSymbolPen(None)
            drawn.setSymbolBrush(color)
        self._add(drawn)

    def _draw_bars(self, palette: theme.Palette) -> None:
        middle = np.asarray([(one.left + one.right) / 2 for one in self._bars])
        heights = np.asarray([one.value for one in self._bars])
        width = [0.86 * (one.right - one.left) for one in self._bars]
        self._add(pg.BarGraphItem(x=middle, height=heights, width=width, brush=palette.accent_soft, pen=palette.accent))
        below = heights - np.asarray([one.low for one in self._bars])
        above = np.asarray([one.high for one in self._bars]) - heights
        self._add(
            pg.ErrorBarItem(x=middle, y=heights, top=above, bottom=below, beam=0.01, pen=pg.mkPen(palette.accent))
        )

    def _add(self, item: Any) -> None:
        self._plot.addItem(item)
        self._drawn.append(item)

    def _place(self, at: Any) -> int | None:
        """The bar above or below a place of the scene."""
        box = self._plot.getPlotItem().getViewBox()
        if not box.sceneBoundingRect().contains(at):
            return None
        x = box.mapSceneToView(at).x()
        return next((place for place, one in enumerate(self._bars) if one.left <= x < one.right), None)

    def _on_moved(self, at: Any) -> None:
        place = self._place(at)
        self._hint.setVisible(place is not None)
        self._plot.setCursor(Qt.CursorShape.ArrowCursor if place is None else Qt.CursorShape.PointingHandCursor)
        if place is not None:
            one = self._bars[place]
            right = one.left > 0.5
            self._hint.setText(one.words)
            self._hint.setAnchor((1 if right else 0, 0))
            self._hint.setPos(one.left if right else one.right, 1.0)

    def _on_clicked(self, event: Any) -> None:
        place = self._place(event.scenePos())
        if place is not None:
            self.clicked.emit(place)
