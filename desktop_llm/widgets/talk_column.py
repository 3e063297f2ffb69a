"""The turns with one model, one below the other, the newest in sight while it is written."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from desktop_llm.jobs.generation import Ending, Piece
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.scrolling import scrolling
from desktop_llm.widgets.talk import ASSISTANT, USER, Turn
from desktop_llm.widgets.told_text import ToldText

INDENT = 40
MOST_NATS = 700.0
NEAR = 24
"""Pixels from the bottom within which one follows what is written."""
tr = QCoreApplication.translate


def ending_words(told: Ending) -> str:
    """Why a model stopped, and how quick it was."""
    reasons = {
        "end": "",
        "stop": tr("Talk", "met a text to stop at"),
        "length": tr("Talk", "reached the longest answer"),
        "context": tr("Talk", "can read no more than this"),
        "cancelled": tr("Talk", "stopped"),
    }
    count = tr("Talk", "1 token") if told.tokens == 1 else tr("Talk", "{count:,} tokens").format(count=told.tokens)
    speed = tr("Talk", "{speed:,.1f} tokens/s").format(speed=told.speed) if told.tokens > 1 and told.seconds else ""
    return " · ".join(one for one in (count, speed, reasons[told.reason]) if one)


def reading_words(turn: Turn) -> str:
    """How well a text was foretold, of which all is read."""
    if turn.ending is None:
        return ""
    tokens = turn.ending.tokens
    loss = sum(one.nats for one in turn.pieces) / max(1, tokens)
    count = tr("Talk", "1 token") if tokens == 1 else tr("Talk", "{count:,} tokens").format(count=tokens)
    words = tr("Talk", "{loss:.3f} nats a token, perplexity {perplexity:,.1f}")
    told = words.format(loss=loss, perplexity=math.exp(min(loss, MOST_NATS)))
    why = tr("Talk", "stopped") if turn.ending.reason == "cancelled" else ""
    colors = tr("Talk", "the stronger the colour, the less expected")
    return " · ".join(one for one in (told, count, why, colors) if one)


class Bubble(QFrame):
    """A turn. Signals: `looked_at(Piece)`."""

    looked_at = Signal(object)

    def __init__(self, turn: Turn, name: str, who: str, parent: QWidget | None = None) -> None:
        """`name` becomes the text's object name; `who` says it."""
        super().__init__(parent)
        self.turn = turn
        self.setProperty("role", "bubble")
        self.setProperty("who", turn.role)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 8, 12, 10)
        whole.setSpacing(4)
        whole.addWidget(plain_label(who, "legend-accent" if turn.role == ASSISTANT else "muted"))
        self.text = ToldText(name, who)
        self.text.looked_at.connect(self.looked_at)
        whole.addWidget(self.text)
        self._note = plain_label("", "muted", wrap=True)
        self._problem = plain_label("", "bad", wrap=True)
        whole.addWidget(self._note)
        whole.addWidget(self._problem)
        if turn.pieces and not turn.read:
            self.text.add(turn.pieces)
        else:
            self.text.show_text(turn.said)
            self.text.tell(turn.pieces)
        self.show_state("")

    def show_state(self, waiting: str) -> None:
        """How the turn ended, or `waiting` while it has not."""
        turn = self.turn
        told = waiting
        if turn.ending is not None:
            told = reading_words(turn) if turn.read else ending_words(turn.ending)
        self._note.setText(told)
        self._note.setVisible(bool(told))
        self._problem.setText(turn.problem)
        self._problem.setVisible(bool(turn.problem))
        self.text.setVisible(bool(turn.text) or not (told or turn.problem))


class TalkColumn(Card):
    """Signals: `looked_at(Piece)`: the token that somebody looks at."""

    looked_at = Signal(object)

    def __init__(self, number: int, names: tuple[str, str], empty: str, parent: QWidget | None = None) -> None:
        """`number` is part of object names; `names` what user and model are called; `empty` is said of no turns."""
        super().__init__(" ", " ", parent)
        self.setObjectName(f"try.column.{number}")
        self._number, self._names = number, {USER: names[0], ASSISTANT: names[1]}
        inner = QWidget()
        self._turns = QVBoxLayout(inner)
        self._turns.setContentsMargins(0, 0, 8, 0)
        self._turns.setSpacing(8)
        self._empty = plain_label(empty, "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._turns.addWidget(self._empty, 1)
        self._turns.addStretch(1)
        self._area = scrolling(inner)
        self._area.setAccessibleName(self.tr("Conversation"))
        self.body.addWidget(self._area, 1)
        self._bubbles: list[Bubble] = []
        self._follow = True
        bar = self._area.verticalScrollBar()
        bar.valueChanged.connect(lambda value: self._on_scrolled(value, bar.maximum()))
        bar.rangeChanged.connect(lambda _, most: self._on_longer(most))

    def show_turns(self, turns: Sequence[Turn]) -> None:
        """All turns anew."""
        for bubble in self._bubbles:
            bubble.setParent(None)
            bubble.deleteLater()
        while self._turns.count() > 2:  # what is said of no turns, and the stretch below, stay
            self._turns.takeAt(1)
        self._bubbles = []
        self._follow = True
        self.set_note("")
        for turn in turns:
            self.add(turn)
        self._show_empty()

    def add(self, turn: Turn) -> None:
        """One more turn."""
        name = f"try.turn.{self._number}.{len(self._bubbles) + 1}"
        bubble = Bubble(turn, name, self._names.get(turn.role, turn.role))
        bubble.looked_at.connect(self.looked_at)
        place = QVBoxLayout()
        place.setContentsMargins(INDENT if turn.role == USER else 0, 0, 0 if turn.role == USER else INDENT, 0)
        place.addWidget(bubble)
        self._turns.insertLayout(self._turns.count() - 1, place)
        self._bubbles.append(bubble)
        self._follow = True
        self._show_empty()

    def show_waiting(self) -> None:
        """The model reads."""
        self._bubbles[-1].show_state(self.tr("reading…"))

    def show_pieces(self, pieces: Sequence[Piece]) -> None:
        """More of the last turn."""
        bubble = self._bubbles[-1]
        if bubble.turn.read:
            bubble.text.tell(pieces)
            return
        bubble.text.add(pieces)
        bubble.show_state(self.tr("writing…"))

    def show_end(self) -> None:
        """The last turn has ended, well or not."""
        bubble = self._bubbles[-1]
        bubble.show_state("")
        ending = bubble.turn.ending
        if ending is not None and ending.tokens > 1 and not bubble.turn.read:
            self.set_note(self.tr("{speed:,.1f} tokens/s").format(speed=ending.speed))

    def _show_empty(self) -> None:
        self._empty.setVisible(not self._bubbles)

    def _on_longer(self, most: int) -> None:
        if self._follow:
            self._area.verticalScrollBar().setValue(most)

    def _on_scrolled(self, value: int, most: int) -> None:
        self._follow = value >= most - NEAR
