"""What a model thought of one token: how probable it was, and what else it held likely there."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from desktop_llm.jobs.generation import Piece
from desktop_llm.widgets.bars import Bars
from desktop_llm.widgets.card import Card, plain_label

SIGNS = {"\n": "⏎", "\t": "⇥", " ": "␣"}


class TokenCard(Card):
    """Empty until a token is looked at."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing is looked at."""
        super().__init__(self.tr("Token"), " ", parent)
        self.setObjectName("try.token")
        words = self.tr("Point at a word to see how likely it was, and what else it might have been.")
        self._hint = plain_label(words, "muted", wrap=True)
        self.bars = Bars(choosing=False)
        self.bars.hide()
        self.body.addWidget(self._hint)
        self.body.addWidget(self.bars)

    def show_piece(self, piece: Piece) -> None:
        """The token, and the likeliest ones in its place."""
        shown = piece.text
        for sign, told in SIGNS.items():
            shown = shown.replace(sign, told)
        self.set_title(self.tr("Token “{text}”").format(text=shown))
        words = self.tr("{chance:.1f} %, {nats:.2f} nats")
        self.set_note(words.format(chance=100 * piece.probability, nats=piece.nats))
        self.bars.show_rows([(word, chance, f"{100 * chance:.1f} %") for word, chance in piece.top], most=1.0)
        self._hint.hide()
        self.bars.show()
