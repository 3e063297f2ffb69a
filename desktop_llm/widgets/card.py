"""The surface on which a page puts what belongs together: a title, a note at its right, and a body."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop_llm.widgets.elided import ElidedLabel


def plain_label(text: str = "", role: str = "", *, wrap: bool = False) -> QLabel:
    """A label that never reads its text as markup; `role` chooses its look in the style sheet."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    label.setWordWrap(wrap)
    if role:
        label.setProperty("role", role)
    return label


SHORT = 112
"""Pixels of a title that are never cut."""


class Card(QFrame):
    """A surface with a title. `body` is the layout to fill."""

    def __init__(self, title: str = "", note: str = "", parent: QWidget | None = None) -> None:
        """Both texts may be empty; the head is left out when they are."""
        super().__init__(parent)
        self.setProperty("role", "card")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 12, 16, 16)
        whole.setSpacing(8)
        self._title = ElidedLabel("", "card-title")
        self.set_title(title)
        self._note = plain_label(note, "muted")
        self.head = QHBoxLayout()
        self.head.setSpacing(8)
        self.head.addWidget(self._title)
        self.head.addStretch(1)
        self.head.addWidget(self._note)
        if title or note:
            whole.addLayout(self.head)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        whole.addLayout(self.body, 1)

    def set_tight(self) -> None:
        """Smaller margins, for a card among many."""
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(10, 8, 6, 6)

    def set_title(self, text: str) -> None:
        """Another title."""
        self._title.setText(text)
        self._title.ensurePolished()  # in its own type
        self._title.setMinimumWidth(min(SHORT, self._title.sizeHint().width()))

    def set_note(self, text: str) -> None:
        """Another note."""
        self._note.setText(text)


class Tile(QFrame):
    """One figure: a caption, the value large, a note below."""

    def __init__(self, caption: str, parent: QWidget | None = None) -> None:
        """The value is a dash until it is set."""
        super().__init__(parent)
        self.setProperty("role", "card")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 10, 16, 10)
        whole.setSpacing(2)
        self._caption = plain_label(caption, "muted")
        self._value = plain_label("–", "tile-value")
        self._note = plain_label("", "muted")
        self._notes: tuple[str, ...] = ("",)
        for part in (self._caption, self._value, self._note):
            whole.addWidget(part)

    def show_figure(self, value: str, *notes: str) -> None:
        """Show a value and what is to be said of it: the first of `notes`, or where it has no room a shorter one."""
        self._value.setText(value)
        self._notes = notes or ("",)
        if len(notes) > 1:  # the longest must not make the tile wider
            self._note.setMinimumWidth(1)
        self._choose_note()
        self._value.setAccessibleName(f"{self._caption.text()}: {value}")

    def set_caption(self, text: str) -> None:
        """Another caption."""
        self._caption.setText(text)

    def value(self) -> str:
        """The value shown."""
        return self._value.text()

    def note(self) -> str:
        """What is said of it."""
        return self._note.text()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More or less fits."""
        super().resizeEvent(event)
        self._choose_note()

    def _choose_note(self) -> None:
        margins = self.contentsMargins()
        layout = self.layout()
        if layout is not None:
            margins += layout.contentsMargins()
        room = self.width() - margins.left() - margins.right()
        width = self._note.fontMetrics().horizontalAdvance
        self._note.setText(next((one for one in self._notes if width(one) <= room), self._notes[-1]))
