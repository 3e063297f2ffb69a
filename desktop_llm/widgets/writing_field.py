"""A field for longer texts that tells what was written whenever the hands rest, so that a crash costs a moment at most.

What it is given comes back as it was: a plain text field would turn no-break spaces into others.
"""

from __future__ import annotations

import re

from PySide6.QtCore import QCoreApplication, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QHideEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

tr = QCoreApplication.translate
REST_MS = 600
PARAGRAPH = "\u2029"
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""A word; in writing without spaces a sign counts as one, as word processors have it."""


def words_in(text: str) -> int:
    """How many words a text has."""
    return sum(1 for _ in WORD.finditer(text))


def size_of(text: str) -> str:
    """How long a text is, as a person counts."""
    characters, words = len(text), words_in(text)
    one = tr("WritingField", "1 character"), tr("WritingField", "1 word")
    many = tr("WritingField", "{count:,} characters"), tr("WritingField", "{count:,} words")
    told = [one[0] if characters == 1 else many[0].format(count=characters)]
    told.append(one[1] if words == 1 else many[1].format(count=words))
    return " · ".join(told)


class WritingField(QPlainTextEdit):
    """Signals: `rested(text)`: something was written, and no key came for a moment, or the field is left."""

    rested = Signal(str)

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name."""
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setProperty("role", "item-text")
        self.setTabChangesFocus(True)
        self._given = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self.settle)
        self.textChanged.connect(self._on_text_changed)
        self._quiet = False

    def load(self, text: str) -> None:
        """Begin with a text; what was written before is forgotten, and can be undone no more."""
        self._timer.stop()
        self._quiet = True
        self._given = text
        self.setPlainText(text)
        self.document().setModified(False)
        self._quiet = False

    def write(self, text: str) -> None:
        """Put a text in the place of all that stands here, as if it had been typed."""
        cursor = self.textCursor()
        cursor.select(cursor.SelectionType.Document)
        cursor.insertText(text)
        self.setTextCursor(cursor)

    def text(self) -> str:
        """What stands here."""
        if not self.document().isModified():
            return self._given
        return self.document().toRawText().replace(PARAGRAPH, "\n")

    def settle(self) -> None:
        """Tell now what was written a moment ago, if anything was."""
        if self._timer.isActive() or self.sender() is self._timer:
            self._timer.stop()
            self.rested.emit(self.text())

    def forget(self) -> None:
        """What was written a moment ago is told otherwise."""
        self._timer.stop()

    def _on_text_changed(self) -> None:
        if not self._quiet:
            self._timer.start()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Shift+Enter makes a line end like any other; Ctrl+Enter is for whoever is around."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                event.ignore()
                return
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.insertPlainText("\n")
                return
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Whoever goes elsewhere has ended, for now."""
        super().focusOutEvent(event)
        self.settle()

    def hideEvent(self, event: QHideEvent) -> None:
        """The page or the window goes."""
        super().hideEvent(event)
        self.settle()
