"""A plot of lines by name with what they lie between, or of shares as bars that a click asks the rows of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from desktop_llm.widgets import theme
from desktop_llm.widgets.hinted_plot import HintedPlot
from desktop_llm.widgets.plot import Axis, Powers, Role

MARGIN = 0.02
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


class LinePlot(HintedPlot):
    """Signals: `clicked(place)`: the bar of this place."""

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
        bottom = Powers("bottom", whole=True) if powers else Axis("bottom", whole=not unit)
        super().__init__(name, across, up, bottom, parent)
        self._diagonal = diagonal
        self._bars: tuple[Bar, ...] = ()
        self._lines: tuple[Line, ...] = ()
        if unit:
            self._box.setRange(xRange=(-MARGIN, 1 + MARGIN), yRange=(-MARGIN, 1 + MARGIN), padding=0)
        else:
            self._box.enableAutoRange()
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

    def _draw(self, palette: theme.Palette) -> None:
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

    def _place(self, at: Any) -> int | None:
        """The bar above or below a place of the scene."""
        x = self._box.mapSceneToView(at).x()
        return next((place for place, one in enumerate(self._bars) if one.left <= x < one.right), None)

    def _hint_of(self, place: int) -> tuple[str, tuple[int, int], tuple[float, float]]:
        one = self._bars[place]
        right = one.left > 0.5
        return one.words, (1 if right else 0, 0), (one.left if right else one.right, 1.0)
