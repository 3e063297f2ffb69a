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
from desktop_llm.widgets.histogram import Histogram
from desktop_llm.widgets.screen import ClassInfo, LabelEditor, ResultView, ShownItem, TryView
from desktop_llm.widgets.text_card import TextCard
from desktop_llm.widgets.text_trial import TextTrial

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
        self._rows: Mapping[str, Sequence[int]] = {}
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        left = Card(self.tr("How well texts are foretold"), self.tr("texts by loss, in nats a token; 0 is best"))
        self.spread = Histogram("results.spread", choosing=False)
        left.body.addWidget(self.spread, 1)
        self._counts = plain_label("", "muted", wrap=True)
        self._counts.setObjectName("results.counts")
        left.body.addWidget(self._counts)
        line = QHBoxLayout()
        line.setSpacing(8)
        self.odd = button(self.tr("Oddest texts"), "results.odd", lambda: self._ask("odd"), kind="quiet")
        self.usual = button(self.tr("Most usual texts"), "results.usual", lambda: self._ask("usual"), kind="quiet")
        for made in (self.odd, self.usual):
            line.addWidget(made)
        line.addStretch(1)
        left.body.addLayout(line)
        right = Card(self.tr("Hardest to foretell"), self.tr("the held-out texts with the highest loss"))
        self.table = FigureTable(
            "results.oddest", self.tr("Texts with the highest loss"), [self.tr("Text"), self.tr("Loss")]
        )
        right.body.addWidget(self.table, 1)
        whole.addWidget(left, 1)
        whole.addWidget(right, 1)

    def show_details(self, details: Mapping[str, Any]) -> None:
        """Draw `Scores.details` of this task."""
        self._rows = details.get("rows", {})
        for made, name in ((self.odd, "odd"), (self.usual, "usual")):
            made.setEnabled(bool(self._rows.get(name)))
        counts = details.get("counts", ())
        low, high = float(details.get("lowest", 0.0)), float(details.get("highest", 0.0))
        part = (high - low) / max(1, len(counts))
        self.spread.show_classes([(f"{low + (place + 0.5) * part:.2f}", count) for place, count in enumerate(counts)])
        words = self.tr("{texts:,} texts, {tokens:,} tokens, {bytes:,} bytes")
        told = {name: int(details.get(name, 0)) for name in ("texts", "tokens", "bytes")}
        self._counts.setText(words.format(**told) if counts else "")
        self.table.show_rows([(text, f"{loss:.3f}") for text, loss in details.get("odd", ())[:SHOWN]])

    def _ask(self, name: str) -> None:
        words = self.tr("hard to foretell") if name == "odd" else self.tr("easy to foretell")
        if self._rows.get(name):
            self.these_asked.emit(list(self._rows[name]), words)


def in_words(said: Prediction) -> str:
    """How well a text was foretold, in a line."""
    told = said.label if isinstance(said.label, dict) else {}
    tokens = max(1, int(told.get("tokens", 1)))
    loss = float(told.get("nats", 0.0)) / tokens
    words = QCoreApplication.translate("LanguageModelling", "{loss:.3f} nats a token, perplexity {perplexity:,.1f}")
    return words.format(loss=loss, perplexity=math.exp(min(loss, MOST_NATS)))


def label_editor(parent: QWidget | None = None) -> LabelEditor:
    """The editor for labels."""
    return Editor(parent)


def result_view(parent: QWidget | None = None) -> ResultView:
    """The view of a run's details."""
    return Figures(parent)


def try_view(parent: QWidget | None = None) -> TryView:
    """The view to try a model by hand."""
    trial = TextTrial(parent)
    trial.put_in_words(in_words)
    return trial
