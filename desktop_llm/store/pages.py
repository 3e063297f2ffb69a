"""Texts as a database of one table, written as SQLite's file format has it: a quarter of what SQLite itself takes.

SQLite reads it as any other (https://www.sqlite.org/fileformat2.html): a page with the schema, the table's root, and
leaves with rows. A row is the size of what follows, its number, its columns' types, then their bytes. All of these
numbers are written in three bytes each, as large as they may be in a page, so that numpy can write them by column,
and Arrow joins all of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from desktop_llm.columns import Texts
from desktop_llm.store.hashing import HASH_BYTES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.integer]
    Bytes = NDArray[np.uint8]

PAGE_BYTES = 32_768, 65_536
"""How large pages are: small ones waste less, and large ones, the largest that there are, hold larger rows."""
SPARED = 35
"""Bytes of a page that its only row cannot have."""
MOST_ROWS = 1 << 20
TABLE = "rows"
KEY = "place"
"""The table, and its key: where a row stands, from 0 on."""

NULL, BLOB, TEXT = 0, 12, 13
"""How a row tells what a column is; of the latter two, twice the size is added."""
LEAF, INNER = b"\x0d", b"\x05"
"""Of which kind a page is."""
LEAF_HEAD, INNER_HEAD = 8, 12
INNER_ROW = 7
"""Bytes that the root has of a leaf: its page, and its last row."""
SIZE_AT = slice(28, 32)
"""Where the number of pages stands in the first one."""


def database(columns: Mapping[str, Sequence[str | None] | bytes]) -> bytes | None:
    """A database with these columns, all of one length; bytes are HASH_BYTES a row. None where a row has no room.

    None, too, where there are more leaves than one root knows. Raises UnicodeEncodeError for what is half a character.
    """
    import numpy as np
    from pyarrow import compute

    cells = [_cells(column) for column in columns.values()]
    heads, greatest = _heads(cells)
    page = next((size for size in PAGE_BYTES if size - SPARED >= greatest), 0)
    if len(heads) > MOST_ROWS or not page:
        return None
    rows = compute.binary_join_element_wise(_blobs(heads), *(cell.array for cell in cells), b"")
    ends = np.frombuffer(rows.buffers()[1], np.int32, len(rows) + 1)
    data = memoryview(rows.buffers()[2] or b"")
    room = ends + 2 * np.arange(len(ends))  # two bytes more: where in the page the row is
    leaves: list[bytes] = []
    lasts: list[int] = []
    start = 0
    while start < len(rows) or not leaves:
        stop = int(np.searchsorted(room, room[start] + page - LEAF_HEAD, "right")) - 1
        leaves.append(_leaf(page, data[ends[start] : ends[stop]], ends[start:stop] - ends[start]))
        lasts.append(stop - 1)
        start = stop
        if len(leaves) > _most_leaves(page):
            return None
    pages = leaves if len(leaves) == 1 else [_root(page, lasts), *leaves]
    first = bytearray(_first(page, tuple(columns)))
    first[SIZE_AT] = (1 + len(pages)).to_bytes(4, "big")
    return b"".join([first, *pages])


class _Cells(NamedTuple):
    """A column's cells in an Arrow array of bytes, and as which type of SQLite's file each of them stands."""

    array: Any
    types: Integers


def _cells(column: Sequence[str | None] | bytes) -> _Cells:
    import numpy as np
    import pyarrow as pa

    if isinstance(column, bytes):
        blobs = _blobs(np.frombuffer(column, np.uint8).reshape(-1, HASH_BYTES))
        return _Cells(blobs, np.full(len(blobs), BLOB + 2 * HASH_BYTES))
    array = column.array if isinstance(column, Texts) else pa.array(column, pa.string())
    array = array.view(pa.binary())
    ends = np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, 4 * array.offset)
    types = TEXT + 2 * np.diff(ends).astype(np.int64)
    if array.null_count:
        types[array.is_null().to_numpy(zero_copy_only=False)] = NULL
        array = array.fill_null(b"")
    return _Cells(array, types)


def _blobs(rows: Bytes) -> Any:
    """The rows of a table of bytes as an Arrow array of bytes."""
    import numpy as np
    import pyarrow as pa

    ends = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
    return pa.Array.from_buffers(pa.binary(), len(rows), [None, pa.py_buffer(ends), pa.py_buffer(rows.tobytes())])


def _heads(cells: Sequence[_Cells]) -> tuple[Bytes, int]:
    """What stands before each row's columns, and how many bytes the types and columns of the largest row have."""
    import numpy as np

    width = 2 + 3 * len(cells)
    count = len(cells[0].types)
    found = np.empty((count, 6 + width), np.uint8)
    sizes = np.full(count, width)
    for cell in cells:
        sizes += np.maximum(cell.types - BLOB, 0) // 2
    _put(found[:, 0:3], sizes)
    _put(found[:, 3:6], np.arange(count))
    found[:, 6] = width
    found[:, 7] = NULL  # the key is the row's number, and stands as nothing among its columns
    for place, cell in enumerate(cells):
        _put(found[:, 8 + 3 * place : 11 + 3 * place], cell.types)
    return found, int(sizes.max(initial=0))


def _put(into: Bytes, numbers: Integers) -> None:
    """Numbers below 2 ** 21 in three bytes each: seven bits in each, and the highest says that more follow."""
    into[:, 0] = 128 | (numbers >> 14 & 127)
    into[:, 1] = 128 | (numbers >> 7 & 127)
    into[:, 2] = numbers & 127


def _leaf(page: int, rows: memoryview, starts: Integers) -> bytes:
    """A page with rows, which lie at its end."""
    start = page - len(rows)
    head = LEAF + bytes(2) + len(starts).to_bytes(2, "big") + (start % page).to_bytes(2, "big") + bytes(1)
    pointers = (start + starts).astype(">u2").tobytes()
    return b"".join((head, pointers, bytes(start - len(head) - len(pointers)), rows))


def _most_leaves(page: int) -> int:
    """How many leaves a root knows: two bytes more for each but the last, which stands in its head."""
    return (page - INNER_HEAD) // (INNER_ROW + 2) + 1


def _root(page: int, lasts: Sequence[int]) -> bytes:
    """The page that knows the leaves, from the third page on, by their last rows."""
    import numpy as np

    inner = np.empty((len(lasts) - 1, INNER_ROW), np.uint8)
    inner[:, :4] = np.arange(3, 2 + len(lasts), dtype=">u4").view(np.uint8).reshape(-1, 4)
    _put(inner[:, 4:], np.array(lasts[:-1]))
    rows = inner.tobytes()
    start = page - len(rows)
    head = INNER + bytes(2) + len(inner).to_bytes(2, "big") + start.to_bytes(2, "big") + bytes(1)
    head += (2 + len(lasts)).to_bytes(4, "big")
    pointers = np.arange(start, page, INNER_ROW).astype(">u2").tobytes()
    return b"".join((head, pointers, bytes(start - len(head) - len(pointers)), rows))


@lru_cache(maxsize=8)
def _first(page: int, names: tuple[str, ...]) -> bytes:
    """The page with the schema, as SQLite writes it."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"PRAGMA page_size = {page}")
        connection.execute(f"CREATE TABLE {TABLE} ({KEY} INTEGER PRIMARY KEY, {', '.join(names)})")
        return connection.serialize()[:page]
    finally:
        connection.close()
