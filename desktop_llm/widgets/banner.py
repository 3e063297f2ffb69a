"""A sentence across the page, with details behind a fold and a way to close it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label


class Banner(QFrame):
    """Hidden until it has something to say."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name."""
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("role", "banner")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 8, 8, 8)
        line = QHBoxLayout()
        self._sentence = plain_label("", "", wrap=True)
        self._sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._more = button(self.tr("Details"), f"{name}.details", self._on_more, kind="quiet")
        self._close = button(self.tr("Close"), f"{name}.close", self.hide, kind="quiet")
        line.addWidget(self._sentence, 1)
        line.addWidget(self._more)
        line.addWidget(self._close)
        whole.addLayout(line)
        self._details = plain_label("", "muted", wrap=True)
        self._details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        whole.addWidget(self._details)
        self.hide()

    def tell(self, sentence: str, details: str = "", level: str = "error", *, closable: bool = True) -> None:
        """Show a sentence; `level` is error, warning or info."""
        self.setProperty("level", level)
        self.style().unpolish(self)
        self.style().polish(self)
        self._sentence.setText(sentence)
        self._details.setText(details)
        self._details.hide()
        self._more.setVisible(bool(details))
        self._close.setVisible(closable)
        self.show()

    def text(self) -> str:
        """The sentence shown."""
        return self._sentence.text()

    def _on_more(self) -> None:
        self._details.setVisible(self._details.isHidden())
