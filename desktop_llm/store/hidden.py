"""The watermark: rows above it belong to an import that is under way or was broken off, and nobody sees them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from desktop_llm.errors import Cancelled
from desktop_llm.store import classes
from desktop_llm.store.connection import Connections
from desktop_llm.store.schema import VISIBLE

ROWS_A_PIECE = 5_000
KEYS = "keys above"


def visible(connection: sqlite3.Connection) -> int:
    """The highest row that counts."""
    return int(connection.execute(f"SELECT {VISIBLE}").fetchone()[0])


def publish(connection: sqlite3.Connection, last: int) -> None:
    """Inside a transaction: let all rows up to `last` be seen."""
    connection.execute("UPDATE meta SET value = ? WHERE key = 'visible'", (str(last),))
    connection.execute("DELETE FROM meta WHERE key = ?", (KEYS,))


def note_keys(connections: Connections) -> None:
    """Say that keys of hidden rows are being kept: only then a sweep has to look for them."""
    with connections.piece() as connection:
        connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES (?, '1')", (KEYS,))


def sweep(connections: Connections, stop: Callable[[], bool]) -> None:
    """Take away what an import that did not end has left, in short pieces. Raises Cancelled, UserError."""
    with connections.writing() as connection:
        last = visible(connection)
        highest = int(connection.execute("SELECT COALESCE(MAX(id), 0) FROM items").fetchone()[0])
        keys = connection.execute("SELECT 1 FROM meta WHERE key = ?", (KEYS,)).fetchone() is not None
        # class by class: with all at once SQLite would look through the rows of every class, a label waiting for it
        of_class = connection.execute("SELECT id FROM classes").fetchall()
        connection.executemany(
            "DELETE FROM class_items WHERE class = ? AND item > ?", [(number, last) for (number,) in of_class]
        )
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
        if keys:
            connection.execute("DELETE FROM keys WHERE item > ?", (last,))
            connection.execute("DELETE FROM meta WHERE key = ?", (KEYS,))
        connection.execute(
            "DELETE FROM sources WHERE NOT EXISTS"
            " (SELECT 1 FROM items INDEXED BY items_by_source WHERE source = sources.id)"
            " AND NOT EXISTS (SELECT 1 FROM bin WHERE source = sources.id)"
        )
