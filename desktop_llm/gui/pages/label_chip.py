"""The chip that says which rows alone the Label page shows; a click shows all of them again."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QStyle, QStyleOptionButton, QStylePainter

SIGN = "  ✕"


class FilterChip(QPushButton):
    """Words as long as they may be: what finds no room ends in …, and is told in full under the mouse."""

    def __init__(self, clicked: Callable[[], object]) -> None:
        """Hidden while all rows are shown."""
        super().__init__()
        self.setObjectName("label.filter_chip")
        self.setProperty("kind", "quiet")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.clicked.connect(lambda: clicked())
        self.hide()

    def tell(self, words: str) -> None:
        """Say which rows are shown."""
        self.setText(words.replace("&", "&&") + SIGN)
        self.setAccessibleName(self.tr("Show all rows again, not only: {what}").format(what=words))
        # tool tips guess their format: escaped inside a tag, data stays data
        self.setToolTip(f"<span>{escape(self.accessibleName())}</span>")
        self.show()

    def shown_text(self) -> str:
        """What there is room for; the sign that takes the chip away is always there."""
        missing, measures = self.sizeHint().width() - self.width(), self.fontMetrics()
        if missing <= 0:
            return self.text()
        words = self.text().removesuffix(SIGN).replace("&&", "&")
        room = max(0, measures.horizontalAdvance(words) - missing)
        return measures.elidedText(words, Qt.TextElideMode.ElideRight, room).replace("&", "&&") + SIGN

    def minimumSizeHint(self) -> QSize:
        """As narrow as the window is."""
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """A button like others, with the words that it has room for."""
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = self.shown_text()
        QStylePainter(self).drawControl(QStyle.ControlElement.CE_PushButton, option)
