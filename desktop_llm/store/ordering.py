"""The narrow table by which rows without a label come in another order than the file's: the highest value first."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence

from desktop_llm.store.connection import Connections
from desktop_llm.store.schema import GENERATION

AT_ONCE = 1000
"""Rows a transaction: about as long as a label may have to wait."""
PIECE = 250
"""The same while somebody labels, after every few labels; a label goes first."""

ORDERED_BY = "ordered_by"
"""Under what `meta` tells by the answers of which run rows are ordered; 0: by the loop's model."""


def forget_run(connection: sqlite3.Connection, run: int) -> None:
    """Within a transaction that deletes a run: rows are not ordered by its answers any more.

    The next generation, which is empty, counts then; what is left of the old ones goes with the next rebuild.
    """
    told = connection.execute("SELECT 1 FROM meta WHERE key = ? AND value = ?", (ORDERED_BY, str(run))).fetchone()
    if told is not None:
        connection.execute(
            "UPDATE meta SET value = CAST(1 + MAX(CAST(value AS INTEGER), (SELECT COALESCE(MAX(generation), 0)"
            " FROM uncertainty INDEXED BY uncertainty_first)) AS TEXT) WHERE key = 'generation'"
        )
        connection.execute("DELETE FROM meta WHERE key = ?", (ORDERED_BY,))


class Ordering:
    """Builds a new generation beside the one that counts, which then takes its place at once."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections
        self._rebuilding = threading.Lock()

    def has_any(self) -> bool:
        """Whether any row that waits for a label has a place."""
        sql = f"SELECT 1 FROM uncertainty INDEXED BY uncertainty_first WHERE generation = {GENERATION} LIMIT 1"
        return self._connections.row(sql) is not None

    def rebuild(self, build: Callable[[int], None], run: int = 0) -> None:
        """`build(generation)` writes the rows of a new generation, in pieces between which labels are written.

        It counts from then on, by what `run` said; unless that was deleted meanwhile.
        """
        with self._rebuilding:
            row = self._connections.row(f"SELECT {GENERATION}")
            now = int(row[0]) if row else 0
            self._drop_all_but(now)  # what a rebuild left behind that was broken off
            build(now + 1)
            with self._connections.writing() as connection:
                gone = connection.execute("SELECT 1 FROM runs WHERE number = ?", (run,)).fetchone() is None
                if run and gone:
                    return
                connection.execute("UPDATE meta SET value = ? WHERE key = 'generation'", (str(now + 1),))
                connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (ORDERED_BY, str(run)))
            self._drop_all_but(now + 1)

    def put(self, items: Sequence[int]) -> None:
        """Order rows as in `items`, the first one first; those that have a label by now are left out."""

        def build(generation: int) -> None:
            count = len(items)
            for start in range(0, count, PIECE):
                # above what undoing gives a row, so that it does not come into the middle of them
                told = [
                    (generation, 1.0 + (count - start - place) / count, item)
                    for place, item in enumerate(items[start : start + PIECE])
                ]
                with self._connections.piece() as connection:
                    connection.executemany(
                        "INSERT OR REPLACE INTO uncertainty (item, generation, value)"
                        " SELECT item, ?, ? FROM unlabeled WHERE item = ? AND skipped = 0",
                        told,
                    )

        self.rebuild(build)

    def _drop_all_but(self, generation: int) -> None:
        old = self._connections.rows(
            "SELECT DISTINCT generation FROM uncertainty INDEXED BY uncertainty_first WHERE generation <> ?",
            (generation,),
        )
        for (one,) in old:
            left = True
            while left:
                with self._connections.writing() as connection:
                    cursor = connection.execute(
                        "DELETE FROM uncertainty WHERE generation = ? AND item IN"
                        " (SELECT item FROM uncertainty INDEXED BY uncertainty_first WHERE generation = ? LIMIT ?)",
                        (one, one, AT_ONCE),
                    )
                    left = cursor.rowcount == AT_ONCE
