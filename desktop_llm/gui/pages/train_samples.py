"""A few held-out rows on the Train page, and what the model answers to them now: the table changes as it learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from desktop_llm.widgets.card import Card

ROW_HEIGHT = 26
COLUMNS = 3
LABEL_SHARE = 0.22
"""How much of the width a label and an answer get; the text has the rest."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("TrainSamples", text)


class TrainSamples(Card):
    """Hidden until the first measurement."""

    def __init__(self) -> None:
        """Empty."""
        super().__init__(_tr("What it answers now"), " ")
        self.setObjectName("train.samples")
        self.table = QTableWidget(0, COLUMNS)
        self.table.setObjectName("train.samples.table")
        self.table.setAccessibleName(_tr("Held-out texts, their labels, and what the model answers now"))
        self.table.setHorizontalHeaderLabels([_tr("Text"), _tr("Label"), _tr("Answer")])
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.body.addWidget(self.table)
        self.clear()

    def clear(self) -> None:
        """Another run."""
        self.table.setRowCount(0)
        self.hide()

    def show_samples(self, samples: Sequence[Mapping[str, Any]], step: int | None = None) -> None:
        """Show these, measured at `step` (None: at the last measurement)."""
        if not samples:
            return
        self.set_note(_tr("at the last measurement") if step is None else _tr("at step {step:,}").format(step=step))
        self.table.setRowCount(len(samples))
        right = 0
        for place, one in enumerate(samples):
            answer = str(one.get("answer", ""))
            if one.get("right") is not None:
                right += bool(one["right"])
                answer = ("✓ " if one["right"] else "✗ ") + answer
            for column, text in enumerate((str(one.get("text", "")), str(one.get("truth", "")), answer)):
                item = QTableWidgetItem(text)
                item.setToolTip(f"<p>{_plain(text)}</p>")
                self.table.setItem(place, column, item)
        header = self.table.horizontalHeader().sizeHint().height()
        self.table.setFixedHeight(header + ROW_HEIGHT * len(samples) + 2 * self.table.frameWidth())
        self.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The columns follow."""
        super().resizeEvent(event)
        for column in range(1, COLUMNS):
            self.table.setColumnWidth(column, round(LABEL_SHARE * event.size().width()))


def _plain(text: str) -> str:
    """For a tip, which else reads the text of data as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
