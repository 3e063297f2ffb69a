"""What one model made of a text, each of its tokens to be looked at, and below it what differs from that text."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_llm.jobs.generation import Piece
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.differences import Differences
from desktop_llm.widgets.scrolling import scrolling
from desktop_llm.widgets.talk import Turn
from desktop_llm.widgets.talk_column import ending_words
from desktop_llm.widgets.told_text import ToldText
from desktop_llm.widgets.wording import changes

CHANGES_HEIGHT = 170


class MadeColumn(Card):
    """Signals: `looked_at(Piece)`: the token that somebody looks at."""

    looked_at = Signal(object)

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        """`number` is part of object names."""
        super().__init__(" ", " ", parent)
        self.setObjectName(f"try.column.{number}")
        inner = QWidget()
        inside = QVBoxLayout(inner)
        inside.setContentsMargins(0, 0, 8, 0)
        inside.setSpacing(8)
        self.text = ToldText(f"try.made.{number}", self.tr("What the model made of the text"))
        self.text.setProperty("size", "reading")
        self.text.looked_at.connect(self.looked_at)
        inside.addWidget(self.text)
        self._problem = plain_label("", "bad", wrap=True)
        self._note = plain_label("", "muted", wrap=True)
        inside.addWidget(self._problem)
        inside.addWidget(self._note)
        inside.addStretch(1)
        self.body.addWidget(scrolling(inner), 1)
        self.differences = Differences(f"try.changes.{number}", self.tr("What differs from the text that was given"))
        self.differences.setPlaceholderText(self.tr("It is the text that was given."))
        self.differences.setFixedHeight(CHANGES_HEIGHT)
        self.differences.hide()
        self.body.addWidget(self.differences)
        self._turn: Turn | None = None
        self.show_turn(None)

    def show_turn(self, turn: Turn | None) -> None:
        """What was made; None: nothing yet."""
        self._turn = turn
        self.text.show_text("")
        if turn is not None:
            self.text.add(turn.pieces)
        self._show_state(self.tr("What the model makes of a text appears here.") if turn is None else "")

    def show_waiting(self) -> None:
        """The model reads."""
        self._show_state(self.tr("reading…"))

    def show_pieces(self, pieces: Sequence[Piece]) -> None:
        """More of the text."""
        self.text.add(pieces)
        self._show_state(self.tr("writing…"))

    def show_end(self) -> None:
        """The text has ended, well or not."""
        self._show_state("")

    def show_changes(self, given: str | None) -> None:
        """What differs from the text that was given; None: that is not wanted."""
        ended = self._turn is not None and self._turn.ending is not None
        self.differences.setVisible(given is not None and ended)
        if given is not None and self._turn is not None and ended:
            told = changes(given, self._turn.text.strip(), self.tr("Line {line:,}"))
            self.differences.show_differences(told)

    def _show_state(self, waiting: str) -> None:
        turn = self._turn
        ended = turn is not None and turn.ending is not None
        told = ending_words(turn.ending) if turn is not None and turn.ending is not None else waiting
        if turn is not None and ended and not turn.text and not turn.problem:
            told = self.tr("It made nothing of this text.")
        self._note.setText(told)
        self._note.setVisible(bool(told))
        self._problem.setText(turn.problem if turn is not None else "")
        self._problem.setVisible(turn is not None and bool(turn.problem))
        self.text.setVisible(turn is not None and bool(turn.text))
