"""Counts by name as horizontal bars, painted; a click asks for the rows behind one."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from desktop_llm.widgets import theme

ROW = 24


class Bars(QWidget):
    """Signals: `clicked(place)`: the bar of this place in the list."""

    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None, *, choosing: bool = True) -> None:
        """Empty at first; with `choosing` the pointer says that a click does something."""
        super().__init__(parent)
        self._rows: tuple[tuple[str, float, str], ...] = ()
        self._most = 0.0
        self._widths: tuple[int, int] | None = None
        if choosing:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.notifier().changed.connect(self.update)

    def show_rows(self, rows: Sequence[tuple[str, float, str]], most: float = 0.0) -> None:
        """Show (name, value, value in words); bars fill up at `most`, the largest value unless given."""
        self._rows = tuple(rows)
        self._most = most or max((value for _, value, _ in self._rows), default=0.0)
        self.setFixedHeight(max(1, len(self._rows)) * ROW)
        self.setAccessibleName(", ".join(f"{name} {words}" for name, _, words in self._rows[:20]))
        self._widths = None
        self.update()

    def sizeHint(self) -> QSize:
        """A row a bar."""
        return QSize(240, max(1, len(self._rows)) * ROW)

    def _measured(self, metrics: QFontMetrics) -> tuple[int, int]:
        """The widths that all names and all numbers need; measured once, there may be thousands."""
        if self._widths is None:
            names = max((metrics.horizontalAdvance(row[0][:200]) for row in self._rows), default=0)
            numbers = max((metrics.horizontalAdvance(row[2]) for row in self._rows), default=0)
            self._widths = (names + 12, numbers + 8)
        return self._widths

    def event(self, event: QEvent) -> bool:
        """Tell a name in full where it is cut; escaped, for Qt reads tool tips as markup."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            place = event.pos().y() // ROW
            if 0 <= place < len(self._rows):
                name, _, words = self._rows[place]
                QToolTip.showText(event.globalPos(), f"<p>{html.escape(name)}: {html.escape(words)}</p>", self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Ask for the rows of the bar under the pointer."""
        place = int(event.position().y() // ROW)
        if 0 <= place < len(self._rows):
            self.clicked.emit(place)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Name, bar, number; only the rows that are seen."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette, metrics = theme.current(), QFontMetrics(self.font())
        wide = self.width()
        longest, numbers = self._measured(metrics)
        names = min(int(wide * 0.64), longest)
        first, last = event.rect().top() // ROW, event.rect().bottom() // ROW + 1
        for place in range(max(0, first), min(len(self._rows), last)):
            name, value, words = self._rows[place]
            top = place * ROW
            painter.setPen(QColor(palette.text))
            shown = metrics.elidedText(name.replace("\n", " "), Qt.TextElideMode.ElideRight, names - 8)
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, names, ROW), middle | Qt.AlignmentFlag.AlignLeft, shown)
            room = max(0, wide - names - numbers)
            bar = room * (value / self._most) if self._most else 0
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(palette.line))
            painter.drawRoundedRect(QRectF(names, top + 8, room, 8), 4, 4)
            painter.setBrush(QColor(palette.accent))
            if bar > 0:
                painter.drawRoundedRect(QRectF(names, top + 8, max(bar, 4), 8), 4, 4)
            painter.setPen(QColor(palette.muted))
            box = QRectF(wide - numbers, top, numbers, ROW)
            painter.drawText(box, middle | Qt.AlignmentFlag.AlignRight, words)
        painter.end()
