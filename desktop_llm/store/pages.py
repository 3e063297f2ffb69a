"""Texts as a database of one table, written as SQLite's file format has it: a quarter of what SQLite itself takes.

SQLite reads it as any other (https://www.sqlite.org/fileformat2.html): a page with the schema, the table's root, and
leaves with rows. A row is the size of what follows, its number, its columns' types, then their bytes. All of these
numbers are written in three bytes each, as large as they may be in a page, so that numpy can write them by column.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.integer]
    Bytes = NDArray[np.uint8]

PAGE_BYTES = 65_536
MOST_BYTES = PAGE_BYTES - 35
"""Of a row's types and columns, for all of it to lie in one page."""
MOST_ROWS = 1 << 20
TABLE = "rows"
KEY = "place"
"""The table, and its key: where a row stands, from 0 on."""

LEAF, INNER = b"\x0d", b"\x05"
"""Of which kind a page is."""
LEAF_HEAD = 8
SIZE_AT = slice(28, 32)
"""Where the number of pages stands in the first one."""


def database(columns: Mapping[str, Sequence[str | None]]) -> bytes | None:
    """A database with these columns, all of one length. None where a row has no room in a page.

    Raises UnicodeEncodeError for what is half a character.
    """
    import numpy as np

    count = len(next(iter(columns.values())))
    cells = [_encoded(column) for column in columns.values()]
    sizes = [np.fromiter(map(len, column), np.int64, count) for column in cells]
    heads, bytes_of = _heads(columns, sizes, count)
    if count > MOST_ROWS or int(bytes_of.max(initial=0)) > MOST_BYTES:
        return None
    width = len(cells) + 1
    parts: list[bytes] = [b""] * (count * width)
    parts[::width] = struct.unpack(f"{heads.shape[1]}s" * count, heads.tobytes())
    for place, column in enumerate(cells, 1):
        parts[place::width] = column
    ends = np.concatenate(([0], np.cumsum(bytes_of + 6)))  # six bytes: the size and the number
    room = ends + 2 * np.arange(count + 1)  # two more: where in the page the row is
    leaves: list[bytes] = []
    lasts: list[int] = []
    start = 0
    while start < count or not leaves:
        stop = int(np.searchsorted(room, room[start] + PAGE_BYTES - LEAF_HEAD, "right")) - 1
        leaves.append(_leaf(b"".join(parts[start * width : stop * width]), ends[start:stop] - ends[start]))
        lasts.append(stop - 1)
        start = stop
    pages = leaves if len(leaves) == 1 else [_root(lasts), *leaves]
    first = bytearray(_first(tuple(columns)))
    first[SIZE_AT] = (1 + len(pages)).to_bytes(4, "big")
    return b"".join([first, *pages])


def _encoded(column: Sequence[str | None]) -> list[bytes]:
    return [cell.encode() if cell else b"" for cell in column]


def _heads(
    columns: Mapping[str, Sequence[str | None]], sizes: Sequence[Integers], count: int
) -> tuple[Bytes, Integers]:
    """What stands before each row's columns, and how many bytes its types and columns have."""
    import numpy as np

    width = 2 + 3 * len(sizes)
    found = np.empty((count, 6 + width), np.uint8)
    total = sum(sizes, np.full(count, width))
    _put(found[:, 0:3], total)
    _put(found[:, 3:6], np.arange(count))
    found[:, 6] = width
    found[:, 7] = 0  # the key is the row's number, and stands as nothing among its columns
    for place, (column, size) in enumerate(zip(columns.values(), sizes, strict=True)):
        types = 13 + 2 * size  # a text of this size
        if None in column:
            types[[at for at, cell in enumerate(column) if cell is None]] = 0
        _put(found[:, 8 + 3 * place : 11 + 3 * place], types)
    return found, total


def _put(into: Bytes, numbers: Integers) -> None:
    """Numbers below 2 ** 21 in three bytes each: seven bits in each, and the highest says that more follow."""
    into[:, 0] = 128 | (numbers >> 14 & 127)
    into[:, 1] = 128 | (numbers >> 7 & 127)
    into[:, 2] = numbers & 127


def _leaf(rows: bytes, starts: Integers) -> bytes:
    """A page with rows, which lie at its end."""
    start = PAGE_BYTES - len(rows)
    head = LEAF + bytes(2) + len(starts).to_bytes(2, "big") + (start % PAGE_BYTES).to_bytes(2, "big") + bytes(1)
    pointers = (start + starts).astype(">u2").tobytes()
    return b"".join((head, pointers, bytes(start - len(head) - len(pointers)), rows))


def _root(lasts: Sequence[int]) -> bytes:
    """The page that knows the leaves, from the third page on, by their last rows."""
    import numpy as np

    inner = np.empty((len(lasts) - 1, 7), np.uint8)
    inner[:, :4] = np.arange(3, 2 + len(lasts), dtype=">u4").view(np.uint8).reshape(-1, 4)
    _put(inner[:, 4:], np.array(lasts[:-1]))
    rows = inner.tobytes()
    start = PAGE_BYTES - len(rows)
    head = INNER + bytes(2) + len(inner).to_bytes(2, "big") + start.to_bytes(2, "big") + bytes(1)
    head += (2 + len(lasts)).to_bytes(4, "big")
    pointers = np.arange(start, PAGE_BYTES, 7).astype(">u2").tobytes()
    return b"".join((head, pointers, bytes(start - len(head) - len(pointers)), rows))


@lru_cache(maxsize=8)
def _first(names: tuple[str, ...]) -> bytes:
    """The page with the schema, as SQLite writes it."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute(f"CREATE TABLE {TABLE} ({KEY} INTEGER PRIMARY KEY, {', '.join(names)})")
        return connection.serialize()[:PAGE_BYTES]
    finally:
        connection.close()
