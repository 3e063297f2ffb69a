"""The table of a project's rows: whole rows are selected, and one is opened by a double click or Enter."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from desktop_llm.widgets.rows_model import RowsModel

WIDTHS = {1: 160, 2: 90, 3: 150}
"""Pixels of label, split and source; the texts take what is left."""
ROW = 32


class RowTable(QTableView):
    """Signals: `row_chosen(item id)`: the person wants this row."""

    row_chosen = Signal(int)

    def __init__(self, model: RowsModel, title: str, parent: QWidget | None = None) -> None:
        """Shows the rows of `model`."""
        super().__init__(parent)
        self._rows = model
        self.setObjectName("data.table")
        self.setAccessibleName(title)
        self.setModel(model)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in WIDTHS.items():
            self.setColumnWidth(column, width)
        self.doubleClicked.connect(self._on_chosen)
        for keys in ("Return", "Enter"):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(lambda: self._on_chosen(self.currentIndex()))

    def _on_chosen(self, index: QModelIndex) -> None:
        row = self._rows.row_at(index.row()) if index.isValid() else None
        if row is not None:
            self.row_chosen.emit(row.id)
