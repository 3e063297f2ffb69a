"""How a model is to write, and below it the token that is looked at: the side of each trial of models that write."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.jobs import generation
from desktop_llm.jobs.generation import Sampling
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.form import DataForm
from desktop_llm.widgets.scrolling import scrolling
from desktop_llm.widgets.token_card import TokenCard

WIDTH = 300


class SamplingSide(QWidget):
    """Signals: `changed(key)`: the person has changed a setting."""

    changed = Signal(str)

    def __init__(self, settings: Sequence[str], usual: Sampling, parent: QWidget | None = None) -> None:
        """Offer `settings`, as in `usual` at first."""
        super().__init__(parent)
        self._usual = usual
        inner = QWidget()
        side = QVBoxLayout(inner)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(16)
        card = Card(self.tr("How it writes"))
        self._form = DataForm(Sampling, settings, usual, "try.sampling")
        self._form.changed.connect(lambda key, _: self.changed.emit(key))
        card.body.addWidget(self._form)
        self._wrong = plain_label("", "bad", wrap=True)
        self._wrong.setObjectName("try.problem")
        self._wrong.hide()
        card.body.addWidget(self._wrong)
        side.addWidget(card)
        self.token = TokenCard()
        side.addWidget(self.token)
        side.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scrolling(inner))
        self.setFixedWidth(WIDTH)

    def sampling(self) -> Sampling | None:
        """The settings; None, and a word about it, where one of them is none."""
        wrong, told = "", None
        try:
            told = generation.changed(self._usual, self._form.values())
        except ValueError as error:
            wrong = self.tr("“{title}” is not a number that can be used.").format(title=error)
        except UserError as error:
            wrong = error.message
        self._wrong.setText(wrong)
        self._wrong.setVisible(bool(wrong))
        return told

    def set_enabled_keys(self, keys: Sequence[str]) -> None:
        """Let only these be changed."""
        self._form.set_enabled_keys(keys)

    def value(self, key: str) -> object:
        """What stands in a setting's field. Raises ValueError for a text that is no number of the range."""
        return self._form.values()[key]
