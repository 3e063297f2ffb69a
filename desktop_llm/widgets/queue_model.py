"""The list of rows beside the one being labeled: a few hundred at most, more are added as one goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop_llm.rows import Item

Index = QModelIndex | QPersistentModelIndex
SHOWN = 80


class QueueModel(QAbstractListModel):
    """Rows in the order of the queue, one line of text each."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Empty."""
        super().__init__(parent)
        self._items: list[Item] = []
        self.in_line: Callable[[Mapping[str, str]], str] = lambda content: next(iter(content.values()), "")
        """Tells a row's content in one line."""
        self._places: dict[int, int] = {}

    def reset(self, items: Sequence[Item]) -> None:
        """Another queue."""
        self.beginResetModel()
        self._items = list(items)
        self._count_places()
        self.endResetModel()

    def extend(self, items: Sequence[Item]) -> None:
        """More rows at the end; known ones are passed over."""
        fresh = [item for item in items if item.id not in self._places]
        if fresh:
            self.beginInsertRows(QModelIndex(), len(self._items), len(self._items) + len(fresh) - 1)
            self._items.extend(fresh)
            self._count_places()
            self.endInsertRows()

    def put_first(self, item: Item) -> None:
        """A row before all others, or in its own place when it is there."""
        if item.id in self._places:
            self.update(item)
            return
        self.beginInsertRows(QModelIndex(), 0, 0)
        self._items.insert(0, item)
        self._count_places()
        self.endInsertRows()

    def update(self, item: Item) -> None:
        """The same row, changed."""
        place = self._places.get(item.id)
        if place is not None:
            self._items[place] = item
            self.dataChanged.emit(self.index(place), self.index(place))

    def item(self, place: int) -> Item | None:
        """The row at a place."""
        return self._items[place] if 0 <= place < len(self._items) else None

    def index_of(self, number: int) -> QModelIndex:
        """The index of a row by its id; an invalid one when it is not there."""
        place = self._places.get(number)
        return QModelIndex() if place is None else self.index(place)

    def neighbour(self, number: int, by: int) -> Item | None:
        """The row before or after another."""
        place = self._places.get(number)
        return None if place is None else self.item(place + by)

    def left_after(self, number: int) -> int:
        """How many rows follow one."""
        place = self._places.get(number)
        return 0 if place is None else len(self._items) - 1 - place

    def last_id(self) -> int | None:
        """The id of the last row."""
        return self._items[-1].id if self._items else None

    def _count_places(self) -> None:
        self._places = {item.id: place for place, item in enumerate(self._items)}

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """All rows."""
        return 0 if parent.isValid() else len(self._items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The beginning of the text; a tick before those that have a label."""
        item = self.item(index.row())
        if item is None or role != Qt.ItemDataRole.DisplayRole:
            return None
        text = " ".join(self.in_line(item.content)[: 2 * SHOWN].split())[:SHOWN]
        mark = "✓ " if item.value is not None else ("– " if item.skipped else "")
        return mark + text
