"""A line of text that ends in … where it has no room, and tells itself in full under the mouse."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QStyle, QStyleOption, QWidget


class ElidedLabel(QLabel):
    """A plain-text label of one line that never asks for more width than it gets."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        """`role` chooses its look in the style sheet."""
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        if role:
            self.setProperty("role", role)
        self.setText(text)

    def shown_text(self) -> str:
        """What there is room for."""
        line = " ".join(self.text().split())
        return self.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, self.contentsRect().width())

    def setText(self, text: str) -> None:
        """Another text; any line breaks become spaces."""
        super().setText(text)
        self._tell_in_full()

    def _tell_in_full(self) -> None:
        cut = self.shown_text() != " ".join(self.text().split())
        # Tool tips guess their format: escaped inside a tag, data stays data.
        self.setToolTip(f"<span>{escape(self.text())}</span>" if cut else "")

    def minimumSizeHint(self) -> QSize:
        """As narrow as anybody likes."""
        return QSize(0, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        """As wide as the text in one line."""
        width = self.fontMetrics().horizontalAdvance(" ".join(self.text().split())) + 2
        return QSize(width, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More or less of it is cut."""
        super().resizeEvent(event)
        self._tell_in_full()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Only what there is room for."""
        painter = QPainter(self)
        option = QStyleOption()
        option.initFrom(self)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_Widget, option, painter, self)
        self.style().drawItemText(
            painter,
            self.contentsRect(),
            int(self.alignment()),
            option.palette,
            self.isEnabled(),
            self.shown_text(),
            self.foregroundRole(),
        )
