"""New rows of an import on their way into the tables: above the watermark, in pieces that end when somebody waits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from desktop_llm.rows import Batch
from desktop_llm.store.connection import Connections
from desktop_llm.store.hashing import parted
from desktop_llm.store.many import insert_counted, insert_many

if TYPE_CHECKING:
    import sqlite3

ROWS_A_PIECE = 1_200
"""Rows of one transaction at most; less when somebody waits to write."""
ROWS_AT_ONCE = 200
"""Rows after which it is asked whether somebody waits: half a millisecond."""
NOBODY = "'',''"
"""A label that came with its text has no labeler, and the time of its source."""


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
        columns = _columns(batch, hashes)
        done = 0
        while done < len(values):
            with self._connections.piece() as connection:
                self._source = self._source or self._new_source(connection)
                for start in range(done, min(len(values), done + ROWS_A_PIECE), ROWS_AT_ONCE):
                    part = slice(start, start + ROWS_AT_ONCE)
                    self._put(connection, {name: column[part] for name, column in columns.items()}, values[part])
                    done = start + ROWS_AT_ONCE
                    if self._connections.wanted:
                        break

    def _put(
        self, connection: sqlite3.Connection, columns: Mapping[str, Sequence[Any]], values: Sequence[str | None]
    ) -> None:
        """Write some rows with their labels."""
        first = self.last + 1
        self.last += len(values)
        marks = f"{'?,' * len(columns)}{self._source}"
        insert_counted(connection, f"items (id, {', '.join(columns)}, source)", marks, list(columns.values()), first)
        _put_labels(connection, first, values)

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


def _columns(batch: Batch, hashes: bytes) -> dict[str, Sequence[Any]]:
    """The columns of a batch that are not empty."""
    columns: dict[str, Sequence[Any]] = {"hash": parted(hashes), "text": batch.texts}
    if batch.contents is not None:
        columns["content"] = [_json(dict(one)) if one else None for one in batch.contents]
    if any(batch.extras):
        columns["extra"] = batch.extras
    if any(batch.splits):
        columns["split"] = batch.splits
    return columns


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
