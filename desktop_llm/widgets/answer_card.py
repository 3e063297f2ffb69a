"""One answer to be read beside another, to be scrolled where it is long."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.scrolling import scrolling
from desktop_llm.widgets.writing_field import size_of


class AnswerCard(Card):
    """Its text can be selected, and never has the keyboard."""

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name, that of its text is `name.text`."""
        super().__init__(" ", " ", parent)
        self.set_title(title)
        self.setObjectName(name)
        self.text = plain_label("", "reading-text", wrap=True)
        self.text.setObjectName(f"{name}.text")
        self.text.setAccessibleName(title)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.text.setMinimumWidth(80)
        inner = QWidget()
        inside = QVBoxLayout(inner)
        inside.setContentsMargins(0, 0, 8, 0)
        inside.addWidget(self.text)
        inside.addStretch(1)
        self._scroll = scrolling(inner)
        self.body.addWidget(self._scroll, 1)

    def show_answer(self, text: str) -> None:
        """Show it from its beginning."""
        self.text.setText(text)
        self.set_note(size_of(text) if text else "")
        self._scroll.verticalScrollBar().setValue(0)
