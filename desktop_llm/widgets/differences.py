"""Texts before and after, one below the other, with the places that differ marked; always plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QTextEdit, QWidget

from desktop_llm.widgets import theme

AROUND = 60
"""Characters shown before the first and after the last place that differs."""
LONGEST = 400
Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A heading, the text before and after, and the spans (start, end) of each that differ.

    `after` None with spans of `before` marked: a text with places to look at; without: all of it goes.
    """

    heading: str
    before: str
    after: str | None
    gone: Sequence[Span] = ()
    come: Sequence[Span] = ()


class Differences(QTextEdit):
    """A list of differences to read."""

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name."""
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self._shown: Sequence[Difference] = ()
        theme.notifier().changed.connect(self._draw)

    def show_differences(self, told: Sequence[Difference]) -> None:
        """Show these."""
        self._shown = tuple(told)
        self._draw()

    def _draw(self) -> None:
        self.clear()
        colors = theme.current()
        muted, good, bad = _format(colors.muted), _format(colors.good, under=True), _format(colors.bad, strike=True)
        plain, found = _format(colors.text), _format(colors.bad, under=True)
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        for place, one in enumerate(self._shown):
            if place:
                cursor.insertBlock()
                cursor.insertBlock()
            cursor.insertText(one.heading, muted)
            cursor.insertBlock()
            if one.after is None and not one.gone:
                cursor.insertText(_visible(one.before[:LONGEST]), bad)
                continue
            if one.after is None:
                _insert(cursor, one.before, one.gone, plain, found)
                continue
            _insert(cursor, one.before, one.gone, plain, bad)
            cursor.insertBlock()
            _insert(cursor, one.after, one.come, plain, good)
        cursor.endEditBlock()
        self.moveCursor(QTextCursor.MoveOperation.Start)


def _insert(
    cursor: QTextCursor, text: str, spans: Sequence[Span], plain: QTextCharFormat, marked: QTextCharFormat
) -> None:
    """The text around its marked places; what lies far from any of them is left out."""
    first = min((start for start, _ in spans), default=0)
    at = max(0, first - AROUND)
    end = min(len(text), at + LONGEST)
    if at:
        cursor.insertText("… ", plain)
    for start, stop in spans:
        if start >= end:
            break
        cursor.insertText(_visible(text[at:start]), plain)
        cursor.insertText(_visible(text[start : min(stop, end)], marked=True), marked)
        at = max(at, min(stop, end))
    cursor.insertText(_visible(text[at:end]) + (" …" if end < len(text) else ""), plain)


def _visible(text: str, *, marked: bool = False) -> str:
    """On one line, with signs for what cannot be seen; spaces are seen where they are marked."""
    signs = {"\n": "↵", "\r": "␍", "\t": "⇥", "\u00a0": "⍽", " ": "␣" if marked else " "}
    return "".join(signs.get(one) or (one if one.isprintable() else f"⟨{ord(one):X}⟩") for one in text)


def _format(color: str, *, strike: bool = False, under: bool = False) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setForeground(QColor(color))
    made.setFontStrikeOut(strike)
    made.setFontUnderline(under)
    return made
