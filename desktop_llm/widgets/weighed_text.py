"""A text whose words are tinted by what they add to a chance: the more, the deeper; what speaks against is underlined.

Colour is not all: words against have a dashed line below them, and pointing at a word, or moving the text cursor to it,
tells its figures.
"""

from __future__ import annotations

import html
from bisect import bisect_right
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QTextCharFormat, QTextCursor, QTextOption
from PySide6.QtWidgets import QFrame, QTextEdit, QToolTip, QWidget

from desktop_llm.jobs.explanation import Weighed, points
from desktop_llm.widgets import theme
from desktop_llm.widgets.span_text import SpanText
from desktop_llm.widgets.theme import Palette

DEEPEST = 0.5
"""How much of the colour the word has that adds most; text stays readable on it in both looks (a test measures it)."""
LEAST_LARGEST = 0.05
"""A word must add so much, five points, to have the deepest colour: where nothing matters, nothing glows."""
FAINTEST = 0.04
"""Words with less of it than this are left as they are."""


def tint(palette: Palette, share: float) -> str:
    """The colour below a word of which `share` (−1…1) is its weight against the largest."""
    color, depth = (palette.accent if share > 0 else palette.second), DEEPEST * min(1.0, abs(share))
    pairs = [(int(palette.surface[at : at + 2], 16), int(color[at : at + 2], 16)) for at in (1, 3, 5)]
    parts = [round(under * (1 - depth) + over * depth) for under, over in pairs]
    return "#" + "".join(f"{part:02x}" for part in parts)


class WeighedText(QTextEdit):
    """Signals: `looked_at(place)`: the word of this place in the list, by mouse or text cursor."""

    looked_at = Signal(int)

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name."""
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setProperty("role", "told")
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.document().setDocumentMargin(2)
        self.viewport().installEventFilter(self)
        self.cursorPositionChanged.connect(self._on_cursor_moved)
        theme.notifier().changed.connect(self._paint)
        self._words: tuple[Weighed, ...] = ()
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._text = ""

    def show_words(self, text: str, words: Sequence[Weighed]) -> None:
        """Show a text with the weights of its words, in their order."""
        self._text, self._words = text, tuple(words)
        count = SpanText(text).to16
        self._starts = [count(one.start) for one in self._words]
        self._ends = [count(one.end) for one in self._words]
        self.setPlainText(text)
        self._paint()

    def word_at(self, point: QPoint) -> int:
        """The word at a point of the viewport; −1 where there is none."""
        place = (
            self.document()
            .documentLayout()
            .hitTest(QPointF(point) + QPointF(0, self.verticalScrollBar().value()), Qt.HitTestAccuracy.ExactHit)
        )
        return self._word_of(place)

    def words_of(self, place: int) -> str:
        """What is to be said of a word."""
        one = self._words[place]
        return self.tr("{word}: adds {adds} points; without it {without} points").format(
            word=self._text[one.start : one.end], adds=points(one.adds), without=points(one.without)
        )

    def _word_of(self, place: int) -> int:
        number = bisect_right(self._starts, place) - 1
        return number if 0 <= number < len(self._ends) and 0 <= place < self._ends[number] else -1

    def _on_cursor_moved(self) -> None:
        number = self._word_of(self.textCursor().position())
        if self.hasFocus() and number >= 0:
            self.looked_at.emit(number)

    def _paint(self) -> None:
        palette, most = theme.current(), max([LEAST_LARGEST, *(abs(one.adds) for one in self._words)])
        told = []
        for one, start, end in zip(self._words, self._starts, self._ends, strict=True):
            share = one.adds / most
            if abs(share) < FAINTEST:
                continue
            look = QTextCharFormat()
            look.setBackground(QColor(tint(palette, share)))
            if share < 0:
                look.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DashUnderline)
                look.setUnderlineColor(QColor(palette.second))
            cursor = QTextCursor(self.document())
            cursor.setPosition(start)
            cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
            marked = QTextEdit.ExtraSelection()
            marked.cursor, marked.format = cursor, look
            told.append(marked)
        self.setExtraSelections(told)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Tell the figures of the word under the mouse; escaped, as Qt reads tool tips as markup."""
        if watched is self.viewport() and isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            number = self.word_at(event.pos())
            if number < 0:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), f"<p>{html.escape(self.words_of(number))}</p>", self.viewport())
            return True
        return super().eventFilter(watched, event)
