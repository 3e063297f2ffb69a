"""The labels of an import as they are stored, and the classes that they are the first to name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from desktop_llm.columns import Coded
from desktop_llm.store import classes
from desktop_llm.store.connection import Connections

if TYPE_CHECKING:
    import sqlite3

LABELS_KEPT = 100_000


class Values:
    """Makes stored labels of labels in names; a new class is made at once, hidden until the import's end."""

    def __init__(
        self,
        connections: Connections,
        numbers: dict[str, int],
        to_value: Callable[[Any, Mapping[str, int]], Any],
        class_names: Callable[[Any], tuple[str, ...]],
    ) -> None:
        """`numbers` are the classes by name, to which new ones are added; `to_value`, `class_names` are the task's."""
        self._connections, self._to_value, self._class_names = connections, to_value, class_names
        self._values: dict[str | None, str | None] = {None: None}
        self._numbers = numbers

    def of(self, labels: Sequence[Any | None]) -> Sequence[str | None]:
        """Labels as they are stored. Raises UserError, sqlite3.Error."""
        if isinstance(labels, Coded):
            return labels.each(self.of)
        try:
            return list(map(self._values.__getitem__, labels))
        except (KeyError, TypeError):  # one that is new, or no text
            with self._connections.piece() as connection:
                return [None if label is None else self._value(connection, label) for label in labels]

    def _value(self, connection: sqlite3.Connection, label: Any) -> str:
        key = label if isinstance(label, str) else ""
        known = self._values.get(key) if key else None
        if known is not None:
            return known
        for name in self._class_names(label):
            if name not in self._numbers:
                self._numbers[name] = classes.hide(connection, name)
        told = self._to_value(label, self._numbers)
        value = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        if key and len(self._values) < LABELS_KEPT:
            self._values[key] = value
        return value
