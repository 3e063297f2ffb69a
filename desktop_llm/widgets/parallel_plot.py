"""Parallel coordinates, painted: an upright axis for each setting and for what came of it, a line for each trial.

What belongs together is seen at once: where the good lines run close to each other, a setting matters.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QToolTip, QWidget

from desktop_llm.widgets import theme

Kind = Literal["plain", "faint", "first", "best"]
TOP, BOTTOM, LEFT, RIGHT = 44.0, 14.0, 46.0, 68.0
NEAR = 6.0
"""Pixels from a line within which it is meant."""
TICK_GAP = 13.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Upright:
    """An axis; `ticks` are (place, words), place 0 at the bottom and 1 at the top."""

    title: str
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A line through the axes; `places` 0 to 1, None where it has none. `words` are its hint."""

    key: int
    places: tuple[float | None, ...]
    kind: Kind
    words: str


class ParallelPlot(QWidget):
    """Signals: `chosen(key)`: the line of this key was clicked."""

    chosen = Signal(int)

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        """Empty; `name` becomes the object name, `title` what it is called."""
        super().__init__(parent)
        self.setObjectName(name)
        self._title = title
        self._axes: tuple[Upright, ...] = ()
        self._threads: tuple[Thread, ...] = ()
        self._marked: int | None = None
        self.setAccessibleName(title)
        self.setMouseTracking(True)
        self.setMinimumHeight(150)
        theme.notifier().changed.connect(self.update)

    def show_threads(self, axes: Sequence[Upright], threads: Sequence[Thread]) -> None:
        """Show these; the last ones on top."""
        self._axes, self._threads = tuple(axes), tuple(threads)
        told = "; ".join(one.words for one in self._threads[-20:])
        self.setAccessibleName(f"{self._title}: {told}" if told else self._title)
        self.update()

    def mark(self, key: int | None) -> None:
        """Show one more strongly than the others."""
        if key != self._marked:
            self._marked = key
            self.update()

    def threads(self) -> tuple[Thread, ...]:
        """The lines shown."""
        return self._threads

    def sizeHint(self) -> QSize:
        """Wider than high."""
        return QSize(560, 240)

    def points(self, one: Thread) -> list[list[QPointF]]:
        """The pieces of a line; it is broken where it has no place."""
        pieces: list[list[QPointF]] = [[]]
        for place, share in enumerate(one.places):
            if share is None:
                pieces.append([])
            else:
                pieces[-1].append(QPointF(self._x(place), self._y(share)))
        return [piece for piece in pieces if piece]

    def _x(self, place: int) -> float:
        many = max(1, len(self._axes) - 1)
        return LEFT + (self.width() - LEFT - RIGHT) * (place / many if len(self._axes) > 1 else 0.5)

    def _y(self, share: float) -> float:
        return TOP + (self.height() - TOP - BOTTOM) * (1.0 - share)

    def _at(self, where: QPointF) -> Thread | None:
        """The line near a place, the uppermost first."""
        for one in reversed(self._threads):
            for piece in self.points(one):
                if any(_distance(where, *ends) <= NEAR for ends in pairwise(piece)):
                    return one
        return None

    def event(self, event: QEvent) -> bool:
        """Tell a line in words; escaped, for Qt reads tool tips as markup."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            one = self._at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), f"<p>{html.escape(one.words)}</p>" if one else "", self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Over a line a click does something."""
        over = self._at(event.position()) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the line under the pointer."""
        one = self._at(event.position())
        if one is not None:
            self.chosen.emit(one.key)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The lines, then the axes with their words."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = theme.current()
        for one in sorted(self._threads, key=lambda told: told.key == self._marked):
            self._draw_thread(painter, palette, one)
        metrics = QFontMetrics(self.font())
        for place, axis in enumerate(self._axes):
            self._draw_axis(painter, palette, metrics, place, axis)

    def _draw_thread(self, painter: QPainter, palette: theme.Palette, one: Thread) -> None:
        roles = {"plain": palette.accent, "faint": palette.faint, "first": palette.second, "best": palette.good}
        color, strong = QColor(roles[one.kind]), one.kind in ("first", "best") or one.key == self._marked
        if not strong:
            color.setAlpha(150)
        pen = QPen(color, 3.0 if one.key == self._marked else 2.0 if strong else 1.2)
        if one.kind == "faint":
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for piece in self.points(one):
            painter.drawPolyline(QPolygonF(piece))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        for piece in self.points(one):
            for point in piece:
                painter.drawEllipse(point, 2.5, 2.5)

    def _draw_axis(
        self, painter: QPainter, palette: theme.Palette, metrics: QFontMetrics, place: int, axis: Upright
    ) -> None:
        x = self._x(place)
        painter.setPen(QPen(QColor(palette.muted), 1))
        painter.drawLine(QPointF(x, self._y(0.0)), QPointF(x, self._y(1.0)))
        room = (self.width() - LEFT - RIGHT) / max(1, len(self._axes) - 1) - 6
        room = min(room, 2 * min(x, self.width() - x) - 2)  # nothing is cut by the edge
        painter.setPen(QColor(palette.text))
        title = metrics.elidedText(axis.title, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(QRectF(x - room / 2, 4, room, 18), Qt.AlignmentFlag.AlignCenter, title)
        painter.setPen(QColor(palette.muted))
        before: float | None = None
        for share, words in axis.ticks:
            y = self._y(share)
            if before is not None and abs(y - before) < TICK_GAP:
                continue
            before = y
            painter.drawLine(QPointF(x - 3, y), QPointF(x + 3, y))
            self._draw_tick(painter, palette, metrics, x, y, words)

    def _draw_tick(
        self, painter: QPainter, palette: theme.Palette, metrics: QFontMetrics, x: float, y: float, words: str
    ) -> None:
        """The words beside an axis, on a ground of their own: lines run behind them."""
        told = metrics.elidedText(words, Qt.TextElideMode.ElideRight, 96)
        wide, high = metrics.horizontalAdvance(told) + 6.0, metrics.height()
        box = QRectF(x + 6, y - high / 2, wide, high)
        box.moveTop(min(max(box.top(), TOP - 18), self.height() - high))
        ground = QColor(palette.surface)
        ground.setAlpha(205)
        painter.fillRect(box, ground)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, told)


def _distance(where: QPointF, start: QPointF, end: QPointF) -> float:
    """Of a point from a piece of a line, in pixels."""
    along = end - start
    length = along.x() ** 2 + along.y() ** 2
    share = 0.0 if not length else QPointF.dotProduct(where - start, along) / length
    off = where - (start + along * min(1.0, max(0.0, share)))
    return float((off.x() ** 2 + off.y() ** 2) ** 0.5)
