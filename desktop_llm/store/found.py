"""Lists of rows that something found which no filter can tell: the rows behind a bar of a profile."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from desktop_llm.store.connection import Connections
from desktop_llm.store.many import insert_many

LISTS_KEPT = 5
AT_ONCE = 2_000


class Found:
    """Keeps lists of rows."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def put(self, items: Iterable[int]) -> int:
        """Keep rows as a list of their own; its number, for `Filter.found`. The oldest lists go. Raises UserError."""
        row = self._connections.row("SELECT COALESCE(MAX(list), 0) + 1 FROM found")
        number = int(row[0]) if row else 1
        waiting = iter(sorted(set(items)))
        while part := list(islice(waiting, AT_ONCE)):
            with self._connections.piece() as connection:
                insert_many(connection, "found (list, item)", "(?,?)", ([number] * len(part), part))
        with self._connections.writing() as connection:
            connection.execute("DELETE FROM found WHERE list <= ?", (number - LISTS_KEPT,))
        return number
