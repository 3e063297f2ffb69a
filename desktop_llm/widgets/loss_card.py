"""How the losses of held-out rows are spread, and buttons that open those at either end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.histogram import Histogram


class LossCard(Card):
    """Draws `lowest`, `highest` and `counts` of a score's details. Signals: `these_asked(ids, words)`: open rows."""

    these_asked = Signal(object, str)

    def __init__(self, title: str, note: str, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(title, note, parent)
        self._rows: Mapping[str, Sequence[int]] = {}
        self._offered: dict[str, QPushButton] = {}
        self.spread = Histogram("results.spread", choosing=False)
        self.body.addWidget(self.spread, 1)
        self._counts = plain_label("", "muted", wrap=True)
        self._counts.setObjectName("results.counts")
        self.body.addWidget(self._counts)
        self._line = QHBoxLayout()
        self._line.setSpacing(8)
        self._line.addStretch(1)
        self.body.addLayout(self._line)

    def offer(self, key: str, title: str, words: str) -> None:
        """A button `results.KEY` for the rows that the details know by that key; they are told as `words`."""
        made = button(title, f"results.{key}", lambda: self._ask(key, words), kind="quiet")
        self._offered[key] = made
        self._line.insertWidget(self._line.count() - 1, made)

    def show_details(self, details: Mapping[str, Any], words: str) -> None:
        """Draw; `words` say how much was measured."""
        self._rows = details.get("rows", {})
        for key, made in self._offered.items():
            made.setEnabled(bool(self._rows.get(key)))
        counts = details.get("counts", ())
        low, high = float(details.get("lowest", 0.0)), float(details.get("highest", 0.0))
        part = (high - low) / max(1, len(counts))
        self.spread.show_classes([(f"{low + (place + 0.5) * part:.2f}", count) for place, count in enumerate(counts)])
        self._counts.setText(words if counts else "")

    def _ask(self, key: str, words: str) -> None:
        if self._rows.get(key):
            self.these_asked.emit(list(self._rows[key]), words)
