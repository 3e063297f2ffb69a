"""A small table of texts, shown as they are: the first rows of a file, the rows an import did not take."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from desktop_llm.widgets.noted_header import NOTE, NotedHeader

Index = QModelIndex | QPersistentModelIndex
SHOWN = Qt.ItemDataRole.DisplayRole
LONGEST, TOLD = 300, 2000
"""Characters of a text in its cell, and in its tool tip."""
WIDEST = 420
MEASURED = 40
PADDING = 28
"""Pixels beside a text in its column."""


class TextGrid(QAbstractTableModel):
    """Texts in rows and columns; each is shown on one line and cut when very long."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Empty at first."""
        super().__init__(parent)
        self._titles: tuple[str, ...] = ()
        self._notes: tuple[str, ...] = ()
        self._rows: tuple[Sequence[str], ...] = ()

    def show_rows(self, titles: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> None:
        """Show other rows; each as long as `titles`, and so are the `notes` for a head that shows them."""
        self.beginResetModel()
        self._titles, self._rows, self._notes = tuple(titles), tuple(rows), tuple(notes)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """A row a row."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """A column a title."""
        return 0 if parent.isValid() else len(self._titles)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The text of a cell on one line; plain text. A tool tip has all of it, as a column may be narrow."""
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole) or not index.isValid():
            return None
        if role == Qt.ItemDataRole.ToolTipRole:
            text = self._rows[index.row()][index.column()][:TOLD]
            # Qt reads tool tips as markup; escaped, the text stays a text.
            return f'<p style="white-space: pre-wrap">{html.escape(text)}</p>' if text.strip() else None
        return " ".join(self._rows[index.row()][index.column()][:LONGEST].split())

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Titles above, and below them the notes."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        note = self._notes[section] if section < len(self._notes) else ""
        if role == NOTE:
            return note
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (self._titles[section], note) if part)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return self._titles[section] if role == Qt.ItemDataRole.DisplayRole else None


def grid_view(
    model: TextGrid, name: str, title: str, parent: QWidget | None = None, *, noted: bool = False
) -> QTableView:
    """A view of such a table, with its object name and what it is called; `noted` shows the columns' notes."""
    view = QTableView(parent)
    if noted:
        view.setHorizontalHeader(NotedHeader(view))
    view.setObjectName(name)
    view.setAccessibleName(title)
    view.setModel(model)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setCornerWidget(QWidget())
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(30)
    view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    view.horizontalHeader().setHighlightSections(False)
    view.horizontalHeader().setStretchLastSection(True)
    return view


def fit_columns(view: QTableView, most: int = 20) -> None:
    """Make the first columns as wide as their texts, up to a limit; the last takes what is left."""
    model, metrics = view.model(), view.fontMetrics()
    for column in range(min(most, model.columnCount() - 1)):
        # Measured here: Qt measures titles in a larger and bolder type than they are shown in.
        texts = [model.headerData(column, Qt.Orientation.Horizontal, role) for role in (SHOWN, NOTE)]
        texts += [model.index(row, column).data() for row in range(min(MEASURED, model.rowCount()))]
        widest = max(metrics.horizontalAdvance(str(text or "")) for text in texts)
        view.setColumnWidth(column, min(WIDEST, widest + PADDING))
