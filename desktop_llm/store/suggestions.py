"""What the model in the loop guesses for rows: kept, so that a restart shows it at once.

A row's guess is newer than what any run said of it: when a run is asked about all rows, the guesses go.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from desktop_llm.rows import Changes, Guess
from desktop_llm.store.connection import Connections
from desktop_llm.store.ordering import AT_ONCE, PIECE, Ordering
from desktop_llm.store.schema import VISIBLE

CHANGED = Changes(predictions=True)


class Suggestions:
    """Guesses by row, labels by class id, so that renaming a class renames them."""

    def __init__(self, connections: Connections, ordering: Ordering) -> None:
        """`connections` of the project, and the order of its rows without a label."""
        self._connections, self._ordering = connections, ordering

    def write(self, batch: Sequence[Guess]) -> Changes:
        """Keep guesses; rows that are gone are passed over."""
        for start in range(0, len(batch), PIECE):
            told = [
                (
                    json.dumps(one.value, ensure_ascii=False, separators=(",", ":")),
                    one.probability,
                    one.uncertainty,
                    json.dumps([list(pair) for pair in one.top], separators=(",", ":")),
                    one.item,
                )
                for one in batch[start : start + PIECE]
            ]
            with self._connections.piece() as connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO suggestions (item, value, probability, uncertainty, top)"
                    " SELECT id, ?, ?, ?, ? FROM items WHERE id = ?",
                    told,
                )
        return CHANGED

    def order(self, items: Sequence[int]) -> Changes:
        """Let rows without a label come as in `items`."""
        self._ordering.put(items)
        return CHANGED

    def settle(self) -> None:
        """After much was written: bring it into the file here, so that no label has to wait for that."""
        self._connections.settle_log()

    def count(self) -> int:
        """How many rows have a guess."""
        row = self._connections.row("SELECT COUNT(*) FROM suggestions")
        return int(row[0]) if row else 0

    def clear(self) -> Changes:
        """Forget all guesses."""
        left = True
        while left:
            with self._connections.writing() as connection:
                cursor = connection.execute(
                    "DELETE FROM suggestions WHERE item IN (SELECT item FROM suggestions LIMIT ?)", (AT_ONCE,)
                )
                left = cursor.rowcount == AT_ONCE
        return CHANGED

    def labeled(self) -> list[int]:
        """The ids of all rows with a label, in file order."""
        return [
            row[0]
            for row in self._connections.rows(
                f"SELECT item FROM labels WHERE value IS NOT NULL AND item <= {VISIBLE} ORDER BY item"
            )
        ]

    def waiting(self) -> list[int]:
        """The ids of all rows that wait for a label, in file order."""
        return [
            row[0]
            for row in self._connections.rows(
                "SELECT item FROM unlabeled INDEXED BY unlabeled_waiting WHERE skipped = 0"
                f" AND item <= {VISIBLE} ORDER BY item"
            )
        ]
