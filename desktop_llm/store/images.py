"""New rows as a small database in memory: whoever reads a file makes it, and SQLite itself copies it into the project.

A process that reads sends the bytes of the database. The window's process need not make texts of them and hand each
to SQLite again: that takes most of what an insert costs, and the threads of a process cannot do it side by side.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desktop_llm.columns import Texts
from desktop_llm.rows import Batch
from desktop_llm.store import pages
from desktop_llm.store.connection import IMAGE
from desktop_llm.store.hashing import digests
from desktop_llm.store.pages import KEY, TABLE

POSSIBLE = hasattr(sqlite3.Connection, "deserialize")
"""SQLite can be built without this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A batch whose texts and further cells lie in `rows`, the bytes of a database.

    `pages.database` made it of the `columns` of `items`; a row's place tells its label.
    """

    main: str
    columns: tuple[str, ...]
    rows: bytes
    labels: Sequence[Any | None]
    hashes: bytes

    def copy(self, connection: sqlite3.Connection, first: int, source: int, part: range) -> None:
        """Insert the rows with these places, the one with place 0 as row `first`. Raises sqlite3.Error.

        The connection has the image at hand; see `Connections.piece`.
        """
        names = ", ".join(self.columns)
        connection.execute(
            f"INSERT INTO items (id, {names}, source) SELECT {KEY} + ?, {names}, ? FROM {IMAGE}.{TABLE}"
            f" WHERE {KEY} >= ? AND {KEY} < ?",
            (first, source, part.start, part.stop),
        )

    def batch(self) -> Batch:
        """The rows as they were. Raises sqlite3.Error."""
        connection = sqlite3.connect(":memory:")
        try:
            connection.deserialize(self.rows)
            found: dict[str, list[Any]] = {
                name: [cell for (cell,) in connection.execute(f"SELECT {name} FROM {TABLE} ORDER BY {KEY}")]
                for name in self.columns
            }
        finally:
            connection.close()
        contents = found.get("content")
        return Batch(
            main=self.main,
            texts=found["text"],
            extras=found.get("extra") or [None] * len(self.labels),
            labels=self.labels,
            splits=found.get("split") or [""] * len(self.labels),
            contents=None if contents is None else [json.loads(one) if one else {} for one in contents],
            hashes=self.hashes,
        )


def image_of(batch: Batch) -> Image | None:
    """The image of a batch. None where it cannot be made: a text, or all of it, is too large, or half a character."""
    hashes = digests(batch) if batch.hashes is None else batch.hashes
    columns = {"hash": hashes, **cells_of(batch)}
    try:
        rows = pages.database(columns) if POSSIBLE else None
    except UnicodeEncodeError:
        return None
    if rows is None:
        return None
    return Image(main=batch.main, columns=tuple(columns), rows=rows, labels=batch.labels, hashes=hashes)


def cells_of(batch: Batch) -> Mapping[str, Sequence[Any]]:
    """The columns of `items` that a batch fills, but for the hashes."""
    columns: dict[str, Sequence[Any]] = {"text": batch.texts}
    if batch.contents is not None:
        columns["content"] = [_json(dict(one)) if one else None for one in batch.contents]
    if _any(batch.extras):
        columns["extra"] = batch.extras
    if any(batch.splits):
        columns["split"] = batch.splits
    return columns


def _any(cells: Sequence[str | None]) -> bool:
    return len(cells.data()) > 0 if isinstance(cells, Texts) else any(cells)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
