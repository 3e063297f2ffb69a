"""A plot of points, each with a name and what it lies between upwards; a click chooses one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_llm.widgets import theme
from desktop_llm.widgets.plot import Axis, Role

SIZE, CHOSEN = 10, 15
NEAR = 14.0
"""Pixels from a point within which it is meant."""
BESIDE = "\u2002"
"""Between a point and its name."""
ROOM = 0.12
"""Room beside the outermost points, as a share of what lies between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """At `x` and `y`, which lies between `low` and `high` (NaN: nobody knows); `words` are its hint."""

    name: str
    x: float
    y: float
    low: float
    high: float
    role: Role
    words: str


class ScatterPlot(QWidget):
    """Signals: `clicked(place)`: the point of this place."""

    clicked = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name."""
        super().__init__(parent)
        self.setObjectName(name)
        self._across = self._up = ""
        self._dots: tuple[Dot, ...] = ()
        self._chosen = -1
        self._drawn: list[Any] = []
        self._plot = pg.PlotWidget(
            parent=self, axisItems={"bottom": Axis("bottom", whole=False), "left": Axis("left", whole=False)}
        )
        self._plot.setMenuEnabled(False)
        # pyqtgraph makes this menu without a parent; with one it goes when the plot goes
        menu = self._plot.getPlotItem().ctrlMenu
        menu.setParent(self, menu.windowFlags())
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        self._plot.getPlotItem().layout.setContentsMargins(0, 8, 12, 0)
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

    def show_dots(self, dots: Sequence[Dot], across: str, up: str) -> None:
        """Show these, with the axes' titles; none is chosen."""
        self._dots, self._across, self._up, self._chosen = tuple(dots), across, up, -1
        self.setAccessibleName("; ".join(one.words for one in dots) or up)
        self._paint()

    def choose(self, place: int) -> None:
        """Show which one is meant; −1: none."""
        if place != self._chosen:
            self._chosen = place
            self._paint()

    def dots(self) -> tuple[Dot, ...]:
        """The points shown."""
        return self._dots

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
        if not self._dots:
            return
        self._set_range()
        for place, one in enumerate(self._dots):
            self._draw(one, palette, chosen=place == self._chosen)

    def _set_range(self) -> None:
        """Across from nought, as these are amounts; upwards as far as the points and what they lie between."""
        ends = [end for one in self._dots for end in (one.y, one.low, one.high) if math.isfinite(end)]
        low, high = min(ends), max(ends)
        room = ROOM * max(high - low, 1e-3 * max(1.0, abs(high)))
        right = max(one.x for one in self._dots)
        box = self._plot.getPlotItem().getViewBox()
        box.setRange(xRange=(0.0, right * (1 + 2 * ROOM) or 1.0), yRange=(low - room, high + room), padding=0)

    def _draw(self, one: Dot, palette: theme.Palette, *, chosen: bool) -> None:
        color = pg.mkColor(getattr(palette, one.role))
        if math.isfinite(one.low) and math.isfinite(one.high):
            faint = pg.mkColor(color)
            faint.setAlpha(110)
            self._add(pg.PlotCurveItem([one.x, one.x], [one.low, one.high], pen=pg.mkPen(faint, width=1)))
        edge = pg.mkPen(palette.text, width=2) if chosen else pg.mkPen(palette.surface, width=1)
        self._add(
            pg.ScatterPlotItem(
                x=[one.x], y=[one.y], size=CHOSEN if chosen else SIZE, brush=pg.mkBrush(color), pen=edge, symbol="o"
            )
        )
        if chosen or one is self._dots[0]:  # all of them would stand on each other; the pointer tells of the others
            right = one.x > 0.6 * max(dot.x for dot in self._dots)
            words = f"{one.name}{BESIDE}" if right else f"{BESIDE}{one.name}"
            name = pg.TextItem(words, color=palette.text if chosen else palette.muted, anchor=(1 if right else 0, 0.5))
            name.setPos(one.x, one.y)
            self._add(name)

    def _add(self, item: Any) -> None:
        self._plot.addItem(item, ignoreBounds=True)
        self._drawn.append(item)

    def _place(self, at: Any) -> int | None:
        """The point near a place of the scene."""
        box = self._plot.getPlotItem().getViewBox()
        if not self._dots or not box.sceneBoundingRect().contains(at):
            return None
        there = [box.mapViewToScene(pg.Point(one.x, one.y)) for one in self._dots]
        far = np.asarray([math.hypot(one.x() - at.x(), one.y() - at.y()) for one in there])
        nearest = int(far.argmin())
        return nearest if far[nearest] <= NEAR else None

    def _on_moved(self, at: Any) -> None:
        place = self._place(at)
        self._hint.setVisible(place is not None)
        self._plot.setCursor(Qt.CursorShape.ArrowCursor if place is None else Qt.CursorShape.PointingHandCursor)
        if place is not None:
            one = self._dots[place]
            box = self._plot.getPlotItem().getViewBox()
            (left, right), (bottom, top) = box.viewRange()
            self._hint.setText(one.words)
            self._hint.setAnchor((1 if one.x > (left + right) / 2 else 0, 0 if one.y > (bottom + top) / 2 else 1))
            self._hint.setPos(one.x, one.y)

    def _on_clicked(self, event: Any) -> None:
        place = self._place(event.scenePos())
        if place is not None:
            self.clicked.emit(place)
