"""The watermark: rows above it belong to an import that is under way or was broken off, and nobody sees them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from desktop_llm.errors import Cancelled
from desktop_llm.store import classes
from desktop_llm.store.connection import Connections
from desktop_llm.store.schema import VISIBLE

ROWS_A_PIECE = 5_000
HASHING = "hashing"


def visible(connection: sqlite3.Connection) -> int:
    """The highest row that counts."""
    return int(connection.execute(f"SELECT {VISIBLE}").fetchone()[0])


def publish(connection: sqlite3.Connection, last: int) -> None:
    """Inside a transaction: let all rows up to `last` be seen."""
    connection.execute("UPDATE meta SET value = ? WHERE key = 'visible'", (str(last),))
    connection.execute("DELETE FROM meta WHERE key = ?", (HASHING,))


def note_hashing(connections: Connections) -> None:
    """Say that hashes of hidden rows are being kept: only then a sweep has to look for them."""
    with connections.piece() as connection:
        connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES (?, '1')", (HASHING,))


def sweep(connections: Connections, stop: Callable[[], bool]) -> None:
    """Take away what an import that did not end has left, in short pieces. Raises Cancelled, UserError."""
    with connections.writing() as connection:
        last = visible(connection)
        highest = int(connection.execute("SELECT COALESCE(MAX(id), 0) FROM items").fetchone()[0])
        hashing = connection.execute("SELECT 1 FROM meta WHERE key = ?", (HASHING,)).fetchone() is not None
        classes.forget_hidden(connection)
    while highest > last:
        if stop():
            raise Cancelled
        above = max(last, highest - ROWS_A_PIECE)
        with connections.piece() as connection:
            for table in ("labels", "unlabeled"):
                connection.execute(f"DELETE FROM {table} WHERE item > ?", (above,))
            connection.execute("DELETE FROM items WHERE id > ?", (above,))
        highest = above
    with connections.writing() as connection:
        if hashing:
            connection.execute("DELETE FROM hashes WHERE item > ?", (last,))
            connection.execute("DELETE FROM meta WHERE key = ?", (HASHING,))
        connection.execute(
            "DELETE FROM sources WHERE NOT EXISTS"
            " (SELECT 1 FROM items INDEXED BY items_by_source WHERE source = sources.id)"
            " AND NOT EXISTS (SELECT 1 FROM bin WHERE source = sources.id)"
        )
