"""A plot of points, each with a name and what it lies between upwards; a click chooses one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from desktop_llm.widgets import theme
from desktop_llm.widgets.hinted_plot import HintedPlot
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


class ScatterPlot(HintedPlot):
    """Signals: `clicked(place)`: the point of this place."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name."""
        super().__init__(name, "", "", Axis("bottom", whole=False), parent)
        self._dots: tuple[Dot, ...] = ()
        self._chosen = -1
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

    def _draw(self, palette: theme.Palette) -> None:
        if not self._dots:
            return
        self._set_range()
        for place, one in enumerate(self._dots):
            self._draw_dot(one, palette, chosen=place == self._chosen)

    def _set_range(self) -> None:
        """Across from nought, as these are amounts; upwards as far as the points and what they lie between."""
        ends = [end for one in self._dots for end in (one.y, one.low, one.high) if math.isfinite(end)]
        low, high = min(ends), max(ends)
        room = ROOM * max(high - low, 1e-3 * max(1.0, abs(high)))
        right = max(one.x for one in self._dots)
        self._box.setRange(xRange=(0.0, right * (1 + 2 * ROOM) or 1.0), yRange=(low - room, high + room), padding=0)

    def _draw_dot(self, one: Dot, palette: theme.Palette, *, chosen: bool) -> None:
        color = pg.mkColor(getattr(palette, one.role))
        if math.isfinite(one.low) and math.isfinite(one.high):
            faint = pg.mkColor(color)
            faint.setAlpha(110)
            self._add(pg.PlotCurveItem([one.x, one.x], [one.low, one.high], pen=pg.mkPen(faint, width=1)), beside=True)
        edge = pg.mkPen(palette.text, width=2) if chosen else pg.mkPen(palette.surface, width=1)
        self._add(
            pg.ScatterPlotItem(
                x=[one.x], y=[one.y], size=CHOSEN if chosen else SIZE, brush=pg.mkBrush(color), pen=edge, symbol="o"
            ),
            beside=True,
        )
        if chosen or one is self._dots[0]:  # all of them would stand on each other; the pointer tells of the others
            right = one.x > 0.6 * max(dot.x for dot in self._dots)
            words = f"{one.name}{BESIDE}" if right else f"{BESIDE}{one.name}"
            name = pg.TextItem(words, color=palette.text if chosen else palette.muted, anchor=(1 if right else 0, 0.5))
            name.setPos(one.x, one.y)
            self._add(name, beside=True)

    def _place(self, at: Any) -> int | None:
        """The point near a place of the scene."""
        if not self._dots:
            return None
        there = [self._box.mapViewToScene(pg.Point(one.x, one.y)) for one in self._dots]
        far = np.asarray([math.hypot(one.x() - at.x(), one.y() - at.y()) for one in there])
        nearest = int(far.argmin())
        return nearest if far[nearest] <= NEAR else None

    def _hint_of(self, place: int) -> tuple[str, tuple[int, int], tuple[float, float]]:
        one = self._dots[place]
        (left, right), (bottom, top) = self._box.viewRange()
        anchor = (1 if one.x > (left + right) / 2 else 0, 0 if one.y > (bottom + top) / 2 else 1)
        return one.words, anchor, (one.x, one.y)
