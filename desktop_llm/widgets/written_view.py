"""The results of models that make one text of another: how well targets are foretold, and what was written instead."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QWidget

from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.differences import Differences
from desktop_llm.widgets.figure_table import FigureTable
from desktop_llm.widgets.loss_card import LossCard
from desktop_llm.widgets.screen import ResultView
from desktop_llm.widgets.wording import changes

CHANGES_HEIGHT = 110
SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse


class WrittenView(ResultView):
    """Losses at the left; at the right what was wanted and written, the least alike first, and what differs in one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(parent)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        note = self.tr("by nats a token; 0 is best")
        self.losses = LossCard(self.tr("How well texts are foretold"), note)
        self.losses.these_asked.connect(self.these_asked)
        self.losses.offer("odd", self.tr("Oddest texts"), self.tr("texts that are hard to foretell"))
        self.losses.offer("usual", self.tr("Most usual texts"), self.tr("texts that are easy to foretell"))
        self.losses.offer("written", self.tr("Least alike"), self.tr("texts that were written otherwise"))
        right = Card(self.tr("What it writes"), self.tr("held-out texts, the least alike first"))
        titles = [self.tr("Wanted"), self.tr("Written"), self.tr("chrF")]
        self.table = FigureTable("results.written_texts", self.tr("Written texts beside those wanted"), titles)
        for column in range(2):
            self.table.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self.table.currentCellChanged.connect(lambda row, *_: self._show_changes(row))
        right.body.addWidget(self.table, 1)
        self.differences = Differences("results.changes", self.tr("What differs in the chosen text"))
        self.differences.setPlaceholderText(self.tr("Choose a row to see what differs."))
        self.differences.setFixedHeight(CHANGES_HEIGHT)
        right.body.addWidget(self.differences)
        self._measured = plain_label("", "muted", wrap=True)
        self._measured.setObjectName("results.signatures")
        self._measured.setTextInteractionFlags(self._measured.textInteractionFlags() | SELECTABLE)
        right.body.addWidget(self._measured)
        whole.addWidget(self.losses, 2)
        whole.addWidget(right, 3)
        self._texts: list[tuple[str, str]] = []

    def show_details(self, details: Mapping[str, Any]) -> None:
        """Draw what `LossCard` does, `texts`, `compared`, `written` (texts and a figure), and `signatures`."""
        words = self.tr("{texts:,} texts, {compared:,} of them written")
        told = {name: int(details.get(name, 0)) for name in ("texts", "compared")}
        self.losses.show_details(details, words.format(**told))
        written = details.get("written", ())
        self._texts = [(wanted, made) for wanted, made, _ in written]
        self.table.show_rows([(wanted, made, f"{like:.1f}") for wanted, made, like in written])
        for row in range(self.table.rowCount()):
            for column in range(2):
                item = self.table.item(row, column)
                if item is not None and item.text():
                    # in a tag, as tool tips guess their format
                    item.setToolTip(f"<p>{html.escape(item.text())}</p>")
        self.differences.show_differences([])
        signatures = details.get("signatures", {})
        self._measured.setText("\n".join(f"{name}: {told}" for name, told in signatures.items()))
        self._measured.setVisible(bool(signatures))

    def _show_changes(self, row: int) -> None:
        if 0 <= row < len(self._texts):
            wanted, made = self._texts[row]
            self.differences.show_differences(changes(wanted, made, self.tr("wanted above, written below")))
