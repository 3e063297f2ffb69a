"""How well spans were found, label by label: a click on a number of mistakes asks for their texts."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.figure_table import FigureTable
from desktop_llm.widgets.screen import ResultView

KINDS = ("missed", "spurious", "boundary", "confused")
FIRST_KIND = 5
"""The column of the first of KINDS."""
CONFUSIONS = 100
MISTAKES_WIDTH = 304
NARROW = 62
"""Pixels of a column of figures at least."""
COUNT = 46
"""Pixels of a column that needs no title."""


class SpanFigures(ResultView):
    """Four kinds of mistakes at the left with what was taken for what, the figures by label at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(parent)
        self._details: Mapping[str, Any] = {}
        self._labels: list[str] = []
        self._words = {
            "missed": (self.tr("Missed"), self.tr("nothing was found there")),
            "spurious": (self.tr("Spurious"), self.tr("found where nothing is")),
            "boundary": (self.tr("Boundary"), self.tr("found too long or too short")),
            "confused": (self.tr("Confused"), self.tr("found with another label")),
        }
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        mistakes = self._mistakes()
        mistakes.setFixedWidth(MISTAKES_WIDTH)
        whole.addWidget(mistakes)
        whole.addWidget(self._by_label(), 1)
        self.show_details({})

    def show_details(self, details: Mapping[str, Any]) -> None:
        """Draw `Scores.details` of this task."""
        self._details = details
        wrong = details.get("wrong", {})
        for kind, counted in self._counts.items():
            count = int(wrong.get(kind, 0))
            counted.setText(f"{count:,}")
            counted.setEnabled(bool(self._rows(kind)))
            counted.setAccessibleName(f"{self._words[kind][0]}: {count:,}")
        rows = [row for row in details.get("per_label", ()) if row["support"] or row["predicted"]]
        rows.sort(key=lambda row: (row["f1"], -row["support"]))
        self._labels = [row["label"] for row in rows]
        self.table.show_rows([_cells(row) for row in rows])
        confusions = details.get("confusions", ())[:CONFUSIONS]
        self.confusions.show_rows([(true, told, f"{count:,}") for true, told, count in confusions])
        self.confusions.setVisible(bool(confusions))
        for table, columns in ((self.table, (0,)), (self.confusions, (0, 1))):
            _tell_in_full(table, columns)

    def _mistakes(self) -> QWidget:
        card = Card(self.tr("Mistakes"), self.tr("click a number to see its texts"))
        self._counts = {}
        for kind in KINDS:
            title, words = self._words[kind]
            line = QHBoxLayout()
            line.setSpacing(8)
            names = QVBoxLayout()
            names.setSpacing(0)
            names.addWidget(plain_label(title))
            names.addWidget(plain_label(words, "muted"))
            line.addLayout(names, 1)
            counted = button("0", f"results.{kind}", partial(self._ask, kind), kind="quiet")
            counted.setMinimumWidth(64)
            line.addWidget(counted)
            card.body.addLayout(line)
            self._counts[kind] = counted
        titles = [self.tr("Is"), self.tr("Taken for"), ""]
        self.confusions = FigureTable("results.confusions", self.tr("Labels taken for another"), titles)
        self.confusions.setColumnWidth(1, 100)
        self.confusions.setColumnWidth(2, COUNT)
        card.body.addSpacing(8)
        card.body.addWidget(self.confusions, 1)
        card.body.addStretch(0)
        return card

    def _by_label(self) -> QWidget:
        card = Card(self.tr("By label"), self.tr("worst F1 first"))
        titles = [self.tr("Label"), self.tr("Precision"), self.tr("Recall"), self.tr("F1"), self.tr("Spans")]
        titles += [self._words[kind][0] for kind in KINDS]
        self.table = FigureTable("results.by_label", self.tr("Figures by label"), titles)
        metrics = self.table.horizontalHeader().fontMetrics()
        for column, title in enumerate(titles[1:], 1):
            self.table.setColumnWidth(column, max(NARROW, metrics.horizontalAdvance(title) + 22))
        self.table.cellClicked.connect(self._on_clicked)
        self.table.asked.connect(lambda name: self.rows_asked.emit(name, None))
        card.body.addWidget(self.table, 1)
        return card

    def _rows(self, key: str) -> Sequence[int]:
        found: Sequence[int] = self._details.get("rows", {}).get(key, ())
        return found

    def _on_clicked(self, row: int, column: int) -> None:
        if column >= FIRST_KIND and row < len(self._labels):
            self._ask(KINDS[column - FIRST_KIND], self._labels[row])

    def _ask(self, kind: str, label: str = "") -> None:
        rows = self._rows(f"{kind}/{label}" if label else kind)
        if rows:
            title = self._words[kind][0]
            self.these_asked.emit(list(rows), f"{title}: {label}" if label else title)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    figures = [f"{row[key]:.3f}" for key in ("precision", "recall", "f1")]
    return row["label"], *figures, f"{row['support']:,}", *(f"{row[kind]:,}" for kind in KINDS)


def _tell_in_full(table: FigureTable, columns: Sequence[int]) -> None:
    """Names under the mouse, as there may be no room for all of them."""
    for row in range(table.rowCount()):
        for column in columns:
            item = table.item(row, column)
            if item is not None:  # tool tips guess their format: escaped inside a tag, data stays data
                item.setToolTip(f"<span>{html.escape(item.text())}</span>")
