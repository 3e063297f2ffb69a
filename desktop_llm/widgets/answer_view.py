"""The results of models that answer: how well given answers are foretold, and some of their own beside them."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QWidget

from desktop_llm.widgets.card import Card
from desktop_llm.widgets.figure_table import FigureTable
from desktop_llm.widgets.loss_card import LossCard
from desktop_llm.widgets.screen import ResultView


class AnswerView(ResultView):
    """How the losses of the held-out answers are spread, and some answers beside those that were given."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(parent)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        note = self.tr("by nats a token; 0 is best")
        self.losses = LossCard(self.tr("How well answers are foretold"), note)
        self.losses.these_asked.connect(self.these_asked)
        self.losses.offer("odd", self.tr("Oddest answers"), self.tr("answers that are hard to foretell"))
        self.losses.offer("usual", self.tr("Most usual answers"), self.tr("answers that are easy to foretell"))
        self.losses.offer("answers", self.tr("Those compared"), self.tr("answers that were compared"))
        right = Card(self.tr("What it answers"), self.tr("short held-out answers, written anew"))
        titles = [self.tr("Question"), self.tr("Given"), self.tr("Written"), self.tr("In common")]
        self.table = FigureTable("results.answers", self.tr("Answers beside those that were given"), titles)
        for column in range(3):
            self.table.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        right.body.addWidget(self.table, 1)
        whole.addWidget(self.losses, 2)
        whole.addWidget(right, 3)

    def show_details(self, details: Mapping[str, Any]) -> None:
        """Draw what `LossCard` does, `conversations`, `tokens`, `compared`, and `answers`: texts and a share."""
        words = self.tr("{conversations:,} conversations, {tokens:,} tokens of answers, {compared:,} answers compared")
        told = {name: int(details.get(name, 0)) for name in ("conversations", "tokens", "compared")}
        self.losses.show_details(details, words.format(**told))
        self.table.show_rows(
            [(asked, given, said, f"{100 * like:.0f} %") for asked, given, said, like in details.get("answers", ())]
        )
        for row in range(self.table.rowCount()):
            for column in range(3):
                item = self.table.item(row, column)
                if item is not None and item.text():
                    # in a tag, as tool tips guess their format
                    item.setToolTip(f"<p>{html.escape(item.text())}</p>")
