"""A confusion matrix, painted: true labels down, predicted across; a click on a cell asks for its rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop_llm.widgets import theme

NAMED = 12
"""Up to so many labels their names stand beside the matrix, and counts in the cells."""
MOVES = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}


class Confusion(QWidget):
    """Signals: `cell_clicked(true, predicted)` with label names."""

    cell_clicked = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(parent)
        self._labels: tuple[str, ...] = ()
        self._cells: dict[tuple[int, int], int] = {}
        self._totals: dict[int, int] = {}
        self._marked = (0, 0)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 200)
        theme.notifier().changed.connect(self.update)

    def show_cells(
        self, labels: Sequence[str], cells: Sequence[Sequence[int]], totals: Mapping[int, int] | None = None
    ) -> None:
        """Show [true place, predicted place, count] of `labels`; cells without rows may be left out.

        `totals`: the texts of each true label, where these are not the sum of its cells.
        """
        if self._labels != tuple(labels):
            self._marked = (0, 0)
        self._labels = tuple(labels)
        self._cells = {(row, column): count for row, column, count in cells}
        self._totals = {}
        for (row, _), count in self._cells.items():
            self._totals[row] = self._totals.get(row, 0) + count
        self._totals = self._totals if totals is None else dict(totals)
        self.setAccessibleName(self.tr("Confusion matrix of {count} labels").format(count=len(labels)))
        self.update()

    def cell_at(self, point: QPointF) -> tuple[int, int] | None:
        """The (true, predicted) places under a point."""
        left, top, side = self._geometry()
        if not side:
            return None
        column, row = math.floor((point.x() - left) / side), math.floor((point.y() - top) / side)
        inside = 0 <= row < len(self._labels) and 0 <= column < len(self._labels)
        return (row, column) if inside else None

    def cell_rect(self, row: int, column: int) -> QRectF:
        """Where a cell is drawn."""
        left, top, side = self._geometry()
        return QRectF(left + column * side, top + row * side, side, side)

    def _names_width(self) -> float:
        if not 0 < len(self._labels) <= NAMED:
            return 0.0
        metrics = QFontMetrics(self.font())
        return min(self.width() * 0.35, max(metrics.horizontalAdvance(name) for name in self._labels) + 12)

    def _geometry(self) -> tuple[float, float, float]:
        """Left, top and the side of a cell."""
        count = len(self._labels)
        if not count:
            return 0.0, 0.0, 0.0
        names, below = self._names_width(), 20.0
        side = max(2.0, min((self.width() - names) / count, (self.height() - below) / count, 72.0))
        left = names + max(0.0, (self.width() - names - side * count) / 2)
        return left, max(0.0, (self.height() - below - side * count) / 2), side

    def _words(self, cell: tuple[int, int]) -> str:
        row, column = cell
        count = self._cells.get(cell, 0)
        return self.tr("true {truth}\npredicted {told}\n{count} of {total} texts").format(
            truth=self._labels[row], told=self._labels[column], count=count, total=self._totals.get(row, 0)
        )

    def sizeHint(self) -> QSize:
        """A square that shows something."""
        return QSize(320, 320)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Name the cell under the pointer."""
        cell = self.cell_at(event.position())
        self.setCursor(Qt.CursorShape.PointingHandCursor if cell in self._cells else Qt.CursorShape.ArrowCursor)
        words = self._words(cell) if cell is not None else ""
        # a lone "<" would make Qt read markup
        QToolTip.showText(event.globalPosition().toPoint(), words.replace("<", "‹"), self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Ask for the rows of the cell."""
        self._ask(self.cell_at(event.position()))

    def _ask(self, cell: tuple[int, int] | None) -> None:
        if cell is not None and self._cells.get(cell):
            self._marked = cell
            self.cell_clicked.emit(self._labels[cell[0]], self._labels[cell[1]])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move the mark, Enter asks for the rows of the marked cell."""
        move = MOVES.get(Qt.Key(event.key()))
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._ask(self._marked)
        elif move is None or not self._labels:
            super().keyPressEvent(event)
        else:
            most = len(self._labels) - 1
            row, column = self._marked[0] + move[0], self._marked[1] + move[1]
            self._marked = (min(max(row, 0), most), min(max(column, 0), most))
            self.setAccessibleDescription(self._words(self._marked))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Right ones in the accent, wrong ones in the warning colour, by their share of the true label."""
        painter = QPainter(self)
        palette, count = theme.current(), len(self._labels)
        left, top, side = self._geometry()
        gap = 1.0 if side > 6 else 0.0
        named = 0 < count <= NAMED
        metrics = QFontMetrics(self.font())
        painter.fillRect(QRectF(left, top, side * count, side * count), QColor(palette.hover))
        for (row, column), number in self._cells.items():
            color = QColor(palette.accent if row == column else palette.second)
            share = number / max(1, self._totals.get(row, 1))
            color.setAlphaF(0.15 + 0.85 * math.sqrt(share))
            box = self.cell_rect(row, column)
            painter.fillRect(box.adjusted(0, 0, -gap, -gap), color)
            if named and side >= 24:
                painter.setPen(QColor(palette.on_accent if share > 0.4 else palette.text))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(number))
        if self.hasFocus() and count:
            painter.setPen(QPen(QColor(palette.text), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.cell_rect(*self._marked).adjusted(1, 1, -1, -1))
        painter.setPen(QColor(palette.muted))
        if named:
            for place, name in enumerate(self._labels):
                box = QRectF(left - self._names_width(), top + place * side, self._names_width() - 8, side)
                shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(box.width()))
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, shown)
        if count:
            below = QRectF(left, top + side * count + 2, side * count, 18)
            words = metrics.elidedText(
                self.tr("predicted, in the same order"), Qt.TextElideMode.ElideRight, int(below.width())
            )
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, words)
        painter.end()
