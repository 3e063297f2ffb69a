"""A table model over any number of rows: pages by key, fetched when they are seen, the last ones kept.

The owner gives the number of rows, listens to `page_wanted`, and answers with `put_page`. Nothing is
fetched in the window's thread.
"""

from __future__ import annotations

import html
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

PAGE = 200
KEPT = 60
WAITING = "…"
Index = QModelIndex | QPersistentModelIndex


class RowsModel(QAbstractTableModel):
    """Signals: `page_wanted(generation, page)`: the rows from page * PAGE on."""

    page_wanted = Signal(int, int)

    def __init__(
        self,
        titles: Sequence[str],
        cell: Callable[[Any, int], str],
        parent: QObject | None = None,
        *,
        tip: Callable[[Any, int], str] | None = None,
    ) -> None:
        """`cell(row, column)` gives the text of a cell, `tip` what a tool tip says of it."""
        super().__init__(parent)
        self._titles, self._cell, self._tip = tuple(titles), cell, tip
        self._count, self._generation = 0, 0
        self._pages: OrderedDict[int, Sequence[Any]] = OrderedDict()
        self._asked: set[int] = set()

    @property
    def generation(self) -> int:
        """Counts the resets; an answer belongs to one."""
        return self._generation

    def reset(self, count: int) -> None:
        """Other rows: their number."""
        self.beginResetModel()
        self._count = count
        self._generation += 1
        self._pages.clear()
        self._asked.clear()
        self.endResetModel()

    def put_page(self, generation: int, page: int, rows: Sequence[Any]) -> None:
        """The rows of a page; late ones of an earlier generation are dropped."""
        if generation != self._generation:
            return
        self._asked.discard(page)
        self._pages[page] = rows
        while len(self._pages) > KEPT:
            self._pages.popitem(last=False)
        first = page * PAGE
        last = min(self._count, first + PAGE) - 1
        if last >= first:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(self._titles) - 1))

    def give_up(self, generation: int, page: int) -> None:
        """The page could not be had; it is asked for again when it is next seen."""
        if generation == self._generation:
            self._asked.discard(page)

    def row_at(self, place: int) -> Any | None:
        """The row at a place; None while its page is on its way, which is then asked for."""
        page, inside = divmod(place, PAGE)
        rows = self._pages.get(page)
        if rows is None:
            if page not in self._asked and place < self._count:
                self._asked.add(page)
                self.page_wanted.emit(self._generation, page)
            return None
        self._pages.move_to_end(page)
        return rows[inside] if inside < len(rows) else None

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """All rows at once; they are empty until their page is there."""
        return 0 if parent.isValid() else self._count

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """A column a title."""
        return 0 if parent.isValid() else len(self._titles)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The text of a cell, on one line; plain text."""
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole) or not index.isValid():
            return None
        row = self.row_at(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return WAITING if row is None else self._cell(row, index.column())
        text = self._tip(row, index.column()) if self._tip is not None and row is not None else ""
        # Qt reads tool tips as markup; escaped, the text stays a text.
        return f'<p style="white-space: pre-wrap">{html.escape(text)}</p>' if text else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Titles above; row numbers at the side."""
        if role == Qt.ItemDataRole.TextAlignmentRole and orientation == Qt.Orientation.Horizontal:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return self._titles[section] if orientation == Qt.Orientation.Horizontal else f"{section + 1:,}"
