"""The bin: rows taken out of the project whole, with their label, to be put back or, one day, thrown away.

A row in the bin is in no table that pages, queues and counts read, so nothing there has to ask. Its hash stays, so
that the same file brought in again does not bring it back.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from desktop_llm.store import events, labels
from desktop_llm.store.connection import Connections
from desktop_llm.store.hashing import key_of, packed_hash
from desktop_llm.store.schema import DROPPED, SETTLED

ROW = "hash, text, content, extra, split, source"
AT_ONCE = 1000


class Bin:
    """Reads and empties the bin; rows go in and out by operations."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def count(self) -> int:
        """How many rows lie there."""
        row = self._connections.row("SELECT COUNT(*) FROM bin")
        return int(row[0]) if row else 0

    def page(self, after: int, limit: int) -> list[tuple[int, str, int]]:
        """At most `limit` rows after row `after`: number, text, and the operation that put it here."""
        return [
            (row[0], row[1], row[2])
            for row in self._connections.rows(
                "SELECT item, text, operation FROM bin WHERE item > ? ORDER BY item LIMIT ?", (after, limit)
            )
        ]

    def empty(self) -> int:
        """Throw all of it away, which nothing undoes; how many rows went. Their texts may be imported again."""
        gone: list[int] = []
        while part := self._connections.rows("SELECT item FROM bin LIMIT ?", (AT_ONCE,)):
            with self._connections.writing() as connection:
                for table in ("predictions", "suggestions", "marks"):
                    connection.executemany(f"DELETE FROM {table} WHERE item = ?", part)
                connection.executemany("DELETE FROM label_history WHERE item = ?", part)
                for (item,) in part:
                    _forget_hashes(connection, item)
                connection.executemany("DELETE FROM edits WHERE item = ?", part)
                connection.executemany("DELETE FROM bin WHERE item = ?", part)
            gone += [item for (item,) in part]
        if gone and self._connections.row("SELECT 1 FROM operations WHERE json_extract(details, '$.forgotten') > 0"):
            self._forget_keys(gone)
        return len(gone)

    def _forget_keys(self, gone: Sequence[int]) -> None:
        """What rows were known by whose former texts nobody knows any more: found by reading all keys through."""
        keys = self._connections.rows(
            "SELECT key, item FROM keys WHERE item IN (SELECT value FROM json_each(?))", (json.dumps(gone),)
        )
        for start in range(0, len(keys), AT_ONCE):
            with self._connections.writing() as connection:
                connection.executemany(
                    "DELETE FROM keys WHERE key = ?1 AND item = ?2 AND NOT EXISTS (SELECT 1 FROM items WHERE id = ?2)",
                    keys[start : start + AT_ONCE],
                )


def _forget_hashes(connection: sqlite3.Connection, item: int) -> None:
    """By nothing that a row in the bin is or ever was is it known any more."""
    row = connection.execute("SELECT hash FROM bin WHERE item = ?", (item,)).fetchone()
    main = connection.execute("SELECT value FROM meta WHERE key = 'main_field'").fetchone()
    known = [row[0]] if row else []
    for packed in connection.execute("SELECT before, after FROM edits WHERE item = ? AND field = 'text'", (item,)):
        known += [packed_hash(main[0] if main else "text", one) for one in packed]
    connection.executemany("DELETE FROM keys WHERE key = ? AND item = ?", [(key_of(one), item) for one in known])


def put_in(connection: sqlite3.Connection, item: int, operation: int, at: str) -> bool:
    """Inside a transaction: move a row into the bin; False when it is not there."""
    moved = connection.execute(
        f"INSERT INTO bin (item, {ROW}, value, skipped, labeler, labeled_at, operation, at)"
        f" SELECT items.id, {ROW}, labels.value, COALESCE(labels.skipped, 0), COALESCE(labels.labeler, ''),"
        " COALESCE(labels.at, ''), ?, ? FROM items LEFT JOIN labels ON labels.item = items.id WHERE items.id = ?",
        (operation, at, item),
    ).rowcount
    if not moved:
        return False
    # what was done to it one by one can no longer be taken back, as that would need the row
    connection.execute(
        "UPDATE label_history SET undone = CASE undone WHEN 0 THEN ? ELSE ? END WHERE item = ? AND undone IN (0, 1)",
        (SETTLED, DROPPED, item),
    )
    for table in ("labels", "unlabeled", "uncertainty", "disputes", "second"):
        connection.execute(f"DELETE FROM {table} WHERE item = ?", (item,))
    connection.execute("DELETE FROM items WHERE id = ?", (item,))
    return True


def take_out(connection: sqlite3.Connection, item: int) -> bool:
    """Inside a transaction: put a row back where it was, with its label; False when it is not in the bin."""
    moved = connection.execute(
        f"INSERT INTO items (id, {ROW}) SELECT item, {ROW} FROM bin WHERE item = ?", (item,)
    ).rowcount
    if not moved:
        return False
    value, skipped, labeler, at = connection.execute(
        # a label that came with an import has no time but its source's
        "DELETE FROM bin WHERE item = ? RETURNING value, skipped, labeler, COALESCE(NULLIF(labeled_at, ''), at)",
        (item,),
    ).fetchone()
    labels.put(connection, item, value, skipped, labeler, at)
    events.note(connection, item)
    return True
