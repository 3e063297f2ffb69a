"""The results of models that were taught which answers are better: how far apart both are, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.figure_table import FigureTable
from desktop_llm.widgets.loss_card import LossCard
from desktop_llm.widgets.screen import ResultView

SIDES = ("chosen", "rejected")
FIGURE = 84
"""Pixels for a log-probability of a long answer."""


class PairView(ResultView):
    """How the margins of held-out pairs are spread, and the mean figures of better and worse answers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(parent)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        note = self.tr("reward of the better answer less that of the worse; above 0 is right")
        self.margins = LossCard(self.tr("How far apart the answers are"), note)
        self.margins.these_asked.connect(self.these_asked)
        self.margins.offer("wrong", self.tr("Wrong ones"), self.tr("pairs whose worse answer has the higher reward"))
        self.margins.offer("near", self.tr("Nearest"), self.tr("pairs whose answers are nearest to each other"))
        self.margins.offer("clear", self.tr("Clearest"), self.tr("pairs that are told apart most clearly"))
        right = Card(self.tr("Both answers"), self.tr("means of the held-out pairs"))
        titles = [self.tr("Figure"), self.tr("Better"), self.tr("Worse")]
        self.table = FigureTable("results.sides", self.tr("Figures of better and worse answers"), titles)
        for column in (1, 2):
            self.table.setColumnWidth(column, FIGURE)
        right.body.addWidget(self.table, 1)
        self.lengths = plain_label("", "muted", wrap=True)
        self.lengths.setObjectName("results.lengths")
        right.body.addWidget(self.lengths)
        whole.addWidget(self.margins, 3)
        whole.addWidget(right, 2)

    def show_details(self, details: Mapping[str, Any]) -> None:
        """Draw what `LossCard` does, `pairs`, `left_out`, `sides` (figures of both), and what lengths have to do with
        it: `longer_better`, `longer_preferred`."""
        words = self.tr("{pairs:,} pairs").format(pairs=int(details.get("pairs", 0)))
        left_out = int(details.get("left_out", 0))
        if left_out:
            words += self.tr(", {count:,} left out: no answer is better, or they cannot be compared").format(
                count=left_out
            )
        self.margins.show_details(details, words)
        sides: Mapping[str, Mapping[str, float]] = details.get("sides", {})
        called = {
            "log-probability": self.tr("Log-probability"),
            "at the start": self.tr("At the start"),
            "change": self.tr("Change since"),
            "nats a token": self.tr("Nats a token"),
            "tokens": self.tr("Tokens"),
        }
        there = [name for name in called if any(name in sides.get(side, {}) for side in SIDES)]
        self.table.show_rows(
            [(called[name], *(self._figure(name, sides.get(side, {})) for side in SIDES)) for name in there]
        )
        self.lengths.setText(self._lengths(details))
        self.lengths.setVisible(bool(self.lengths.text()))

    def _figure(self, name: str, side: Mapping[str, float]) -> str:
        if name not in side:
            return "–"
        return f"{side[name]:+.2f}" if name == "change" else f"{side[name]:.2f}"

    def _lengths(self, details: Mapping[str, Any]) -> str:
        if "longer_better" not in details:
            return ""
        words = self.tr(
            "The longer answer is better in {better:.0f} % of the pairs, and preferred in {preferred:.0f} %."
        )
        return words.format(
            better=100 * float(details["longer_better"]), preferred=100 * float(details["longer_preferred"])
        )
