"""New rows of an import on their way into the tables: above the watermark, in pieces that end when somebody waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from desktop_llm.rows import Batch
from desktop_llm.store.connection import Connections
from desktop_llm.store.hashing import parted
from desktop_llm.store.images import Image, cells_of
from desktop_llm.store.many import insert_counted, insert_many

if TYPE_CHECKING:
    import sqlite3

ROWS_A_PIECE = 2_400
"""Rows of one transaction, about; less when somebody waits to write."""
ROWS_AT_ONCE = 400
"""Rows after which it is asked whether somebody waits, about half a millisecond; an image tells its own."""
NOBODY = "'',''"
"""A label that came with its text has no labeler, and the time of its source."""

Write = Callable[["sqlite3.Connection", int, int, range], None]
"""Writes the rows with these places of a batch, the one with place 0 as this row of this source."""


class Putting:
    """The new rows of one import; they get ids that follow one another."""

    def __init__(self, connections: Connections, source: str, base: int) -> None:
        """`source` is the file's name, `base` the highest row that was there before."""
        self._connections, self._name, self._base = connections, source, base
        self.last = base
        """The row that was written last."""
        self.at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._source = 0

    @property
    def count(self) -> int:
        """How many rows were written."""
        return self.last - self._base

    def add(self, batch: Batch, hashes: bytes, values: Sequence[str | None]) -> None:
        """Write rows with their hashes and stored labels. Raises UserError, sqlite3.Error."""
        columns = {"hash": parted(hashes), **cells_of(batch)}
        into = f"items (id, {', '.join(columns)}, source)"

        def write(connection: sqlite3.Connection, first: int, source: int, part: range) -> None:
            cells: list[Sequence[Any]] = [column[part.start : part.stop] for column in columns.values()]
            insert_counted(connection, into, f"{'?,' * len(columns)}{source}", cells, first + part.start)

        starts = range(0, len(values), ROWS_AT_ONCE)
        self._put(write, [range(start, min(len(values), start + ROWS_AT_ONCE)) for start in starts], values)

    def add_image(self, image: Image, values: Sequence[str | None]) -> None:
        """Write all rows of an image with their stored labels. Raises UserError, sqlite3.Error."""
        self._put(image.copy, image.parts(), values, image.rows)

    def _put(
        self, write: Write, parts: Sequence[range], values: Sequence[str | None], image: bytes | None = None
    ) -> None:
        first, done = self.last + 1, 0
        size = -(-len(parts) // max(1, round(len(values) / ROWS_A_PIECE)))  # no small rest
        while done < len(parts):
            with self._connections.piece(image=image) as connection:
                source = self._source or self._new_source(connection)
                for part in parts[done : done + size]:
                    write(connection, first, source, part)
                    _put_labels(connection, first + part.start, values[part.start : part.stop])
                    done += 1
                    if self._connections.wanted:
                        break
            self._source, self.last = source, first + parts[done - 1].stop - 1

    def _new_source(self, connection: sqlite3.Connection) -> int:
        cursor = connection.execute("INSERT INTO sources (name, at) VALUES (?, ?)", (self._name, self.at))
        return int(cursor.lastrowid or 0)


def _put_labels(connection: sqlite3.Connection, first: int, values: Sequence[str | None]) -> None:
    """The stored labels of rows from `first` on; those without one wait for theirs."""
    into = "labels (item, value, labeler, at)"
    if None not in values:
        insert_counted(connection, into, f"?,{NOBODY}", [values], first)
        return
    numbers = range(first, first + len(values))
    waiting = [number for number, value in zip(numbers, values, strict=True) if value is None]
    insert_many(connection, "unlabeled (item)", "(?)", [waiting])
    labels = [pair for pair in zip(numbers, values, strict=True) if pair[1] is not None]
    if labels:
        insert_many(connection, into, f"(?,?,{NOBODY})", list(zip(*labels, strict=True)))
