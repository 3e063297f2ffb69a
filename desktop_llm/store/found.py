"""Lists of rows that something found which no filter can tell: the rows behind a bar of a profile."""

from __future__ import annotations

import sqlite3
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
        waiting = iter(sorted(set(items)))
        number = 0
        while part := list(islice(waiting, AT_ONCE)):
            with self._connections.piece() as connection:
                number = number or _next(connection)  # with its first rows: another list may be kept meanwhile
                insert_many(connection, "found (list, item)", "(?,?)", ([number] * len(part), part))
        with self._connections.writing() as connection:
            number = number or _next(connection)
            connection.execute("DELETE FROM found WHERE list <= ?", (number - LISTS_KEPT,))
        return number


def _next(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT COALESCE(MAX(list), 0) + 1 FROM found").fetchone()[0])
