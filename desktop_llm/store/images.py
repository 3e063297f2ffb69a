"""New rows as a small database in memory: whoever reads a file makes it, and SQLite itself copies it into the project.

A process that reads sends the bytes of the database. The window's process need not make texts of them and hand each
to SQLite again: that takes most of what an insert costs, and the threads of a process cannot do it side by side. Where
its tables and indexes are those of the project, ids included, SQLite does not even look into the rows that it copies.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from desktop_llm.columns import Texts
from desktop_llm.rows import Batch
from desktop_llm.store import pages
from desktop_llm.store.connection import IMAGE
from desktop_llm.store.hashing import HASH_BYTES, digests

POSSIBLE = hasattr(sqlite3.Connection, "deserialize")
"""SQLite can be built without this."""
ROWS_A_TABLE = 1_300
"""Rows that are copied at once, in about a millisecond: an index of so many has room in the smallest pages."""
FILLED = "hash", "text", "content", "extra", "split"
"""The columns of `items` that a batch fills, in their order; before them stands the id, behind them the source."""
TABLES = (
    "CREATE TABLE {0} (id INTEGER PRIMARY KEY, hash BLOB NOT NULL, text TEXT NOT NULL, content TEXT, extra TEXT,"
    " split TEXT NOT NULL DEFAULT '', source INTEGER NOT NULL) STRICT",
    "CREATE INDEX {0}_by_source ON {0} (source, id)",
    "CREATE INDEX {0}_by_split ON {0} (split, id) WHERE split <> ''",
)
"""`items` as it is in a project: with any difference SQLite would copy column by column, and fill the indexes anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where new rows will stand, as far as is known: the id of the first, and that of their source."""

    row: int = 1
    source: int = 1

    def after(self, rows: int) -> Place:
        """Behind so many rows."""
        return Place(row=self.row + rows, source=self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A batch whose texts and further cells lie in `rows`, the bytes of a database made for that `place`.

    A row's place in the batch tells its label.
    """

    main: str
    place: Place
    several: bool
    """Whether the texts have further fields."""
    rows: bytes
    labels: Sequence[Any | None]
    hashes: bytes

    def parts(self) -> list[range]:
        """The places in the batch of the rows that are copied together."""
        return _parts(len(self.labels))

    def copy(self, connection: sqlite3.Connection, first: int, source: int, part: range) -> None:
        """Insert one of the `parts`, the row with place 0 as row `first`. Raises sqlite3.Error.

        The connection has the image at hand; see `Connections.piece`.
        """
        name = f"{IMAGE}.{_name(self.parts().index(part))}"
        if self.place == Place(row=first, source=source):
            connection.execute(f"INSERT INTO main.items SELECT * FROM {name}")
            return
        filled = ", ".join(FILLED)
        connection.execute(
            f"INSERT INTO items (id, {filled}, source) SELECT id + ?, {filled}, ? FROM {name}",
            (first - self.place.row, source),
        )

    def batch(self) -> Batch:
        """The rows as they were. Raises sqlite3.Error."""
        connection = sqlite3.connect(":memory:")
        try:
            connection.deserialize(self.rows)
            found = [
                row
                for number in range(len(self.parts()))
                for row in connection.execute(f"SELECT text, content, extra, split FROM {_name(number)} ORDER BY id")
            ]
        finally:
            connection.close()
        texts, contents, extras, splits = ([row[place] for row in found] for place in range(4))
        return Batch(
            main=self.main,
            texts=texts,
            extras=extras,
            labels=self.labels,
            splits=splits,
            contents=[json.loads(one) if one else {} for one in contents] if self.several else None,
            hashes=self.hashes,
        )


def image_of(batch: Batch, place: Place) -> Image | None:
    """The image of a batch. None where it cannot be made: a text, or all of it, is too large, or half a character."""
    hashes = digests(batch) if batch.hashes is None else batch.hashes
    count = len(hashes) // HASH_BYTES
    if not POSSIBLE or place.row + count > pages.GREATEST:
        return None
    told = cells_of(batch)
    try:
        columns = [pages.texts(told[name]) if name in told else pages.same(_none(name)) for name in FILLED[1:]]
    except UnicodeEncodeError:
        return None
    columns = [pages.blobs(hashes, HASH_BYTES), *columns, pages.same(place.source)]
    rows = pages.table(place.row, count, columns)
    parts = _parts(count)
    trees = [tree for part in parts for tree in _trees(rows, place, part, told.get("split"))]
    made = pages.database(_schema(len(parts)), trees)
    if made is None:
        return None
    several = batch.contents is not None
    return Image(main=batch.main, place=place, several=several, rows=made, labels=batch.labels, hashes=hashes)


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


def _trees(rows: pages.Rows, place: Place, part: range, splits: Sequence[str] | None) -> Iterator[pages.Rows | None]:
    """A table with some of the rows, and its indexes."""
    import numpy as np

    ids = np.arange(place.row + part.start, place.row + part.stop)
    yield rows.part(part.start, part.stop)
    # SQLite puts the row's number behind an index's columns even where the last of these is that number
    yield pages.index(len(part), [pages.same(place.source), *2 * [pages.integers(ids)]])
    if splits is None:
        yield None
        return
    told = splits[part.start : part.stop]
    order = sorted((at for at, split in enumerate(told) if split), key=told.__getitem__)
    yield pages.index(len(order), [pages.texts([told[at] for at in order]), *2 * [pages.integers(ids[order])]])


def _parts(count: int) -> list[range]:
    number = -(-count // ROWS_A_TABLE)
    ends = [count * place // number for place in range(number + 1)]
    return [range(start, stop) for start, stop in pairwise(ends)]


def _name(number: int) -> str:
    return f"items_{number}"


@lru_cache(maxsize=64)
def _schema(parts: int) -> tuple[str, ...]:
    return tuple(statement.format(_name(number)) for number in range(parts) for statement in TABLES)


def _none(name: str) -> str | None:
    """What a column holds that a batch does not fill."""
    return "" if name == "split" else None


def _any(cells: Sequence[str | None]) -> bool:
    return len(cells.data()) > 0 if isinstance(cells, Texts) else any(cells)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
