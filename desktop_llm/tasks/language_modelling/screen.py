"""What this task shows: a text of which nothing is asked, how well texts are foretold, and what comes next in one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.figure_table import FigureTable
from desktop_llm.widgets.loss_card import LossCard
from desktop_llm.widgets.screen import ClassInfo, LabelEditor, ResultView, ShownItem, WritingView
from desktop_llm.widgets.talk_trial import TalkTrial
from desktop_llm.widgets.text_card import TextCard

SHOWN = 100
MOST_NATS = 700.0


class Editor(LabelEditor):
    """The text, and that nothing needs to be done with it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """No text yet."""
        super().__init__(parent)
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, 0)
        self._whole.setSpacing(16)
        self._card = TextCard()
        self._whole.addWidget(self._card, 1)
        note = Card(self.tr("Nothing needs to be labeled"))
        line = QHBoxLayout()
        line.setSpacing(16)
        words = self.tr("This project learns from the texts as they are. Look through them, or train.")
        line.addWidget(plain_label(words, "muted", wrap=True), 1)
        line.addWidget(button(self.tr("Train"), "label.train", lambda: self.asked.emit("train"), kind="primary"))
        note.body.addLayout(line)
        self._whole.addWidget(note)
        self._away = QWidget(self)
        self._away.hide()

    def set_foot(self, foot: QWidget) -> None:
        """There is no session of labeling to tell of."""
        foot.setParent(self._away)

    def set_keys(self, told: Mapping[str, str]) -> None:
        """For the hints below the text."""
        self._card.set_keys(told)

    def set_classes(self, classes: Sequence[ClassInfo]) -> None:
        """This task has none."""

    def show_item(self, item: ShownItem | None) -> None:
        """A text, and how odd a model found it."""
        self._card.show_item(item)
        said = None if item is None else item.suggestion
        self._card.set_note("" if said is None else in_words(said))

    def key_for_label(self, text: str) -> bool:
        """No key does anything to a text."""
        return False


class Figures(ResultView):
    """How the losses of the held-out texts are spread, and the texts that were hardest to foretell."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(parent)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        note = self.tr("texts by loss, in nats a token; 0 is best")
        self.losses = LossCard(self.tr("How well texts are foretold"), note)
        self.losses.these_asked.connect(self.these_asked)
        self.losses.offer("odd", self.tr("Oddest texts"), self.tr("hard to foretell"))
        self.losses.offer("usual", self.tr("Most usual texts"), self.tr("easy to foretell"))
        right = Card(self.tr("Hardest to foretell"), self.tr("the held-out texts with the highest loss"))
        self.table = FigureTable(
            "results.oddest", self.tr("Texts with the highest loss"), [self.tr("Text"), self.tr("Loss")]
        )
        right.body.addWidget(self.table, 1)
        whole.addWidget(self.losses, 1)
        whole.addWidget(right, 1)

    def show_details(self, details: Mapping[str, Any]) -> None:
        """Draw `Scores.details` of this task."""
        words = self.tr("{texts:,} texts, {tokens:,} tokens, {bytes:,} bytes")
        told = {name: int(details.get(name, 0)) for name in ("texts", "tokens", "bytes")}
        self.losses.show_details(details, words.format(**told))
        self.table.show_rows([(text, f"{loss:.3f}") for text, loss in details.get("odd", ())[:SHOWN]])


def in_words(said: Prediction) -> str:
    """How well a text was foretold, in a line."""
    told = said.label if isinstance(said.label, dict) else {}
    tokens = max(1, int(told.get("tokens", 1)))
    loss = float(told.get("nats", 0.0)) / tokens
    if "right" in told:
        filled = QCoreApplication.translate(
            "LanguageModelling", "{right:,} of {tokens:,} hidden tokens found, pseudo-perplexity {perplexity:,.1f}"
        )
        hidden = int(told.get("tokens", 0))
        return filled.format(right=int(told["right"]), tokens=hidden, perplexity=math.exp(min(loss, MOST_NATS)))
    words = QCoreApplication.translate("LanguageModelling", "{loss:.3f} nats a token, perplexity {perplexity:,.1f}")
    return words.format(loss=loss, perplexity=math.exp(min(loss, MOST_NATS)))


def label_editor(parent: QWidget | None = None) -> LabelEditor:
    """The editor for labels."""
    return Editor(parent)


def result_view(parent: QWidget | None = None) -> ResultView:
    """The view of a run's details."""
    return Figures(parent)


def _row(messages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """All that stands, by whoever it was written."""
    return {"text": "".join(str(one["content"]) for one in messages)}


def try_view(parent: QWidget | None = None) -> WritingView:
    """The view to try a model by hand."""
    return TalkTrial(_row, chat=False, measures=True, parent=parent)
