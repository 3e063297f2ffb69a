"""A table of figures that a click on a column's title sorts: by what the figures are, not by how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTableView, QWidget

from desktop_llm.widgets.text_grid import SHOWN, TextGrid, grid_view

Cell = tuple[str, Any]
"""What is shown, and what it is sorted by: None where there is nothing, which comes last."""


class FigureGrid(TextGrid):
    """Keeps its order when other figures come."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty, in the order in which rows are given."""
        super().__init__(parent)
        self._heads: tuple[str, ...] = ()
        self._tips: tuple[str, ...] = ()
        self._cells: list[Sequence[Cell]] = []
        self._by, self._down = -1, False

    def show_figures(self, titles: Sequence[str], rows: Sequence[Sequence[Cell]], tips: Sequence[str] = ()) -> None:
        """Show other figures; each row as long as `titles`, and so are `tips`, which say what a column means."""
        self._heads, self._cells, self._tips = tuple(titles), list(rows), tuple(tips)
        self._put()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By a column; -1 as they were given."""
        self._by, self._down = column, order == Qt.SortOrder.DescendingOrder
        self._put()

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = SHOWN) -> Any:
        """With tips."""
        if role == Qt.ItemDataRole.ToolTipRole and orientation == Qt.Orientation.Horizontal:
            return self._tips[section] if section < len(self._tips) else None
        return super().headerData(section, orientation, role)

    def _put(self) -> None:
        rows = self._cells
        if 0 <= self._by < len(self._heads):
            there = [row for row in rows if row[self._by][1] is not None]
            missing = [row for row in rows if row[self._by][1] is None]
            rows = sorted(there, key=lambda row: row[self._by][1], reverse=self._down) + missing
        self.show_rows(self._heads, [[text for text, _ in row] for row in rows])


def figure_view(model: FigureGrid, name: str, title: str) -> QTableView:
    """A view of such a table."""
    view = grid_view(model, name, title)
    header = view.horizontalHeader()
    header.setSectionsClickable(True)
    header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
    header.setSortIndicatorShown(True)
    view.setSortingEnabled(True)
    return view


def share_cell(value: float | None) -> Cell:
    """A share in percent; a dash where there is none."""
    return ("–", None) if value is None else (f"{100 * value:.0f} %", value)


def number_cell(value: float | None, digits: int = 2) -> Cell:
    """A figure with so many digits; a dash where there is none."""
    return ("–", None) if value is None else (f"{value:,.{digits}f}", value)


def name_cell(name: str) -> Cell:
    """A name, sorted as people sort."""
    return name, name.casefold()
