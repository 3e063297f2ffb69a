"""A text of a model, token by token, each of which can be looked at; or one that somebody said.

What somebody said can be told of, too: each token has the colour of its loss then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QResizeEvent, QTextCharFormat, QTextCursor, QTextOption, QWheelEvent
from PySide6.QtWidgets import QFrame, QTextEdit, QWidget

from desktop_llm.jobs.generation import Piece
from desktop_llm.widgets import loss_shade, theme


class ToldText(QTextEdit):
    """As high as its text. Signals: `looked_at(Piece)`: the token under the mouse or the text cursor is another."""

    looked_at = Signal(object)

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name."""
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setProperty("role", "told")
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.document().setDocumentMargin(0)
        self.document().documentLayout().documentSizeChanged.connect(lambda _: self._fit())
        self.viewport().setMouseTracking(True)
        self.cursorPositionChanged.connect(self._on_cursor_moved)
        theme.notifier().changed.connect(self._on_theme)
        self._pieces: list[Piece] = []
        self._starts: list[int] = []
        """Where each piece begins, in Qt's own count of the document's characters."""
        self._end = 0
        """Where the last of them ends."""
        self._colored = False
        self._looked = -1
        self._fit()

    def show_text(self, text: str) -> None:
        """What somebody said."""
        self._pieces, self._starts, self._looked = [], [], -1
        self._end, self._colored = 0, False
        self.setPlainText(text)

    def add(self, pieces: Sequence[Piece]) -> None:
        """More of what a model writes."""
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        for piece in pieces:
            self._starts.append(cursor.position())
            self._pieces.append(piece)
            cursor.insertText(piece.text)
        self._end = cursor.position()

    def tell(self, pieces: Sequence[Piece]) -> None:
        """More of what a model thought of the tokens of the text that stands here, from its beginning on."""
        first = len(self._pieces)
        for piece in pieces:
            if piece.text:
                self._starts.append(self._end)
                self._pieces.append(piece)
                self._end += len(piece.text.encode("utf-16-le", "surrogatepass")) // 2
        self._colored = True
        self._color(first)

    def piece_at(self, point: QPoint) -> Piece | None:
        """The token below a point of the viewport."""
        place = self.document().documentLayout().hitTest(QPointF(point), Qt.HitTestAccuracy.ExactHit)
        number = self._number_at(place)
        return None if number < 0 else self._pieces[number]

    def _on_cursor_moved(self) -> None:
        """The keyboard goes through the text; what is written moves the cursor, too, and is not looked at for that."""
        if self.hasFocus():
            self._look_at(self.textCursor().position())

    def _number_at(self, place: int) -> int:
        if not self._starts or not self._starts[0] <= place <= self._end:
            return -1
        return bisect_right(self._starts, place) - 1

    def _look_at(self, place: int) -> None:
        number = self._number_at(place)
        if number != self._looked:
            self._looked = number
            self._mark()
            if number >= 0:
                self.looked_at.emit(self._pieces[number])

    def _on_theme(self) -> None:
        if self._colored:
            self._color(0)
        self._mark()

    def _color(self, first: int) -> None:
        """Give the pieces from `first` on the colour of their loss."""
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        for start, end, piece in zip(self._starts[first:], self._ends(first), self._pieces[first:], strict=True):
            look = QTextCharFormat()
            look.setBackground(loss_shade.shade(piece.nats))
            cursor.setPosition(start)
            cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
            cursor.mergeCharFormat(look)
        cursor.endEditBlock()

    def _ends(self, first: int) -> list[int]:
        """Where the pieces from `first` on end."""
        return [*self._starts[first + 1 :], self._end] if first < len(self._starts) else []

    def _mark(self) -> None:
        """Show which token is looked at."""
        if self._looked < 0:
            self.setExtraSelections([])
            return
        marked = QTextEdit.ExtraSelection()
        cursor = QTextCursor(self.document())
        cursor.setPosition(self._starts[self._looked])
        cursor.setPosition(self._ends(self._looked)[0], QTextCursor.MoveMode.KeepAnchor)
        look = QTextCharFormat()
        look.setBackground(QColor(theme.current().accent))
        look.setForeground(QColor(theme.current().on_accent))
        marked.cursor, marked.format = cursor, look
        self.setExtraSelections([marked])

    def _fit(self) -> None:
        high = max(self.fontMetrics().lineSpacing(), round(self.document().size().height() + 0.5))
        if high != self.height():
            self.setFixedHeight(high)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Look at the token below the mouse."""
        super().mouseMoveEvent(event)
        if event.buttons() == Qt.MouseButton.NoButton:
            point = event.position()
            self._look_at(self.document().documentLayout().hitTest(point, Qt.HitTestAccuracy.ExactHit))

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is marked where nobody looks."""
        super().leaveEvent(event)
        self._look_at(-1)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Let the conversation scroll."""
        event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width, another height."""
        super().resizeEvent(event)
        self._fit()
