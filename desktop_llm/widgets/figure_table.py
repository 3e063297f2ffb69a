"""A small table of figures by name; a row, opened, asks for what is behind it."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

FIGURE_WIDTH = 60
PADDING = 24
"""Pixels left and right of a cell's text."""
WIDEST = 160
"""What a figure may take at most, so that a name instead of one does not push the first column out."""


class FigureTable(QTableWidget):
    """Signals: `asked(name)`: the person opened the row of this name."""

    asked = Signal(str)

    def __init__(self, name: str, title: str, titles: Sequence[str], parent: QWidget | None = None) -> None:
        """`name` becomes the object name, `title` what it is called; the first column takes the room there is."""
        super().__init__(0, len(titles), parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setHorizontalHeaderLabels(list(titles))
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.horizontalHeader().setHighlightSections(False)
        metrics = self.horizontalHeader().fontMetrics()
        for column in range(1, len(titles)):
            self.setColumnWidth(column, max(FIGURE_WIDTH, metrics.horizontalAdvance(titles[column]) + PADDING))
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.setTabKeyNavigation(False)
        self.cellActivated.connect(lambda row, _: self._ask(row))

    def show_rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Show these; the first cell of a row is its name."""
        self.setRowCount(len(rows))
        metrics = self.fontMetrics()
        for column in range(1, self.columnCount()):
            widest = max((metrics.horizontalAdvance(row[column]) for row in rows), default=0)
            self.setColumnWidth(column, max(self.columnWidth(column), min(WIDEST, widest + PADDING)))
        for place, row in enumerate(rows):
            for column, text in enumerate(row):
                self.setItem(place, column, QTableWidgetItem(text))
            name = self.item(place, 0)
            if name is not None:  # it may be cut; Qt reads tool tips as markup, escaped it stays a text
                name.setToolTip(f'<p style="white-space: pre-wrap">{html.escape(name.text())}</p>')

    def _ask(self, row: int) -> None:
        item = self.item(row, 0)
        if item is not None:
            self.asked.emit(item.text())
