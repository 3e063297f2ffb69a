"""The head of a table with a quiet second line under each title: what the column holds."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QHeaderView, QWidget

from desktop_llm.widgets import theme

NOTE = Qt.ItemDataRole.UserRole
"""The role under which a model tells the second line."""
TYPE_PX = 12
BESIDE = 11
ABOVE = 6
BETWEEN = 2


class NotedHeader(QHeaderView):
    """Draws the titles in the colour of texts, and the model's notes in the muted one below them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """A horizontal one."""
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setSectionsClickable(False)
        self.setHighlightSections(False)

    def sectionSizeFromContents(self, logicalIndex: int) -> QSize:
        """High enough for two lines."""
        size = super().sectionSizeFromContents(logicalIndex)
        return QSize(size.width(), 2 * ABOVE + BETWEEN + 2 * QFontMetrics(self._type()).height())

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        """Both lines, each cut where it has no room."""
        palette, model = theme.current(), self.model()
        painter.save()
        painter.fillRect(rect, QColor(palette.surface))
        painter.setPen(QColor(palette.line))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        painter.setFont(self._type())
        metrics = painter.fontMetrics()
        top = rect.top() + ABOVE
        for role, color in ((Qt.ItemDataRole.DisplayRole, palette.text), (NOTE, palette.muted)):
            line = QRect(rect.left() + BESIDE, top, rect.width() - 2 * BESIDE, metrics.height())
            words = str(model.headerData(logicalIndex, Qt.Orientation.Horizontal, role) or "")
            words = metrics.elidedText(" ".join(words.split()), Qt.TextElideMode.ElideRight, line.width())
            painter.setPen(QColor(color))
            painter.drawText(line, Qt.TextFlag.TextSingleLine | Qt.AlignmentFlag.AlignLeft, words)
            top += metrics.height() + BETWEEN
        painter.restore()

    def _type(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(TYPE_PX)
        return font
