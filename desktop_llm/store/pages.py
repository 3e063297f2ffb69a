"""Rows as a database in memory, written as SQLite's file format has it: a quarter of what SQLite itself takes.

SQLite reads it as any other (https://www.sqlite.org/fileformat2.html): a page with the schema, then for each table and
each index its root, and leaves with rows. A row of a table is the size of what follows, its number, its columns' types,
then their bytes; that of an index has no number. Sizes, numbers and types are written in as many bytes as the largest
in their place needs, so that numpy can write them by column, and Arrow joins all of it.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from desktop_llm.columns import Texts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.integer]
    Bytes = NDArray[np.uint8]

PAGE_BYTES = 32_768, 65_536
"""How large pages are: small ones waste less, and large ones, the largest that there are, hold larger rows."""
SPARED = 35
"""Bytes of a page that its only row cannot have."""
GREATEST = (1 << 56) - 1
"""The greatest number of a row that is written here."""

NULL, BLOB, TEXT = 0, 12, 13
"""How a row tells what a column is; of the latter two, twice the size is added."""
INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 6: 5, 8: 6}
"""How it tells that a column is a whole number of so many bytes."""
TABLE_LEAF, TABLE_INNER, INDEX_LEAF = b"\x0d", b"\x05", b"\x0a"
"""Of which kind a page is."""
MOST_LEAVES = 1_000
"""Leaves of a table, which its root knows on pages of any size: 32 MB of small ones and 65 MB of large ones."""
LEAF_HEAD = 8
POINTER = 2
"""Bytes that tell where in its page a row is."""
NUMBER = 4
"""Bytes of a page's number."""
SIZE_AT = slice(28, 32)
"""Where the number of pages stands in the first one."""


class Rows(NamedTuple):
    """Rows as they stand in leaves: one behind the other in `data`, with where each begins and the last ends.

    `first` is the number of the first, the others follow; None where they are an index's. `greatest` bytes has a row.
    """

    data: memoryview
    ends: Integers
    greatest: int
    first: int | None = None

    def part(self, start: int, stop: int) -> Rows:
        """Some of them."""
        first = None if self.first is None else self.first + start
        return Rows(self.data, self.ends[start : stop + 1], self.greatest, first)


class Cells(NamedTuple):
    """A column: its cells, as which types they stand, and how many bytes they have; or what all of them are.

    `cells` are an Arrow array of bytes, or a row of a table each, or those of all.
    """

    cells: Any
    types: Integers | int
    sizes: Integers | int


def database(schema: tuple[str, ...], trees: Sequence[Rows | None]) -> bytes | None:
    """A database of these statements, each of which makes the next of the `trees`; one that is None has no rows.

    None where a row has no room, a table has more than MOST_LEAVES, or an index more than one.
    """
    for page in PAGE_BYTES:
        if all(page - SPARED >= tree.greatest for tree in trees if tree is not None):
            made = _of_pages(page, schema, trees)
            if made is not None:
                return made
    return None


def table(first: int, count: int, columns: Sequence[Cells]) -> Rows:
    """Rows of a table whose key is the first of its columns, with numbers from `first` up to GREATEST."""
    import numpy as np

    # the key is the row's number, and stands as nothing among its columns
    return _rows(count, [same(None), *columns], np.arange(first, first + count))._replace(first=first)


def index(count: int, columns: Sequence[Cells]) -> Rows:
    """Rows of an index, in its order."""
    return _rows(count, columns, None)


def texts(column: Sequence[str | None]) -> Cells:
    """A column of texts. Raises UnicodeEncodeError for what is half a character."""
    import numpy as np
    import pyarrow as pa

    array = column.array if isinstance(column, Texts) else pa.array(column, pa.string())
    array = array.view(pa.binary())
    if not len(array):
        return Cells(b"", TEXT, 0)
    ends = np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, 4 * array.offset)
    sizes = ends[1:] - ends[:-1]
    types = TEXT + 2 * sizes
    if array.null_count:
        types[array.is_null().to_numpy(zero_copy_only=False)] = NULL
        array = array.fill_null(b"")
    return Cells(array, types, sizes)


def blobs(data: bytes, width: int) -> Cells:
    """A column of bytes, so many in each row."""
    import numpy as np

    return Cells(np.frombuffer(data, np.uint8).reshape(-1, width), BLOB + 2 * width, width)


def integers(numbers: Integers) -> Cells:
    """A column of whole numbers, not below zero."""
    import numpy as np

    size = _integer_bytes(int(numbers.max(initial=0)))
    found = numbers.astype(">i8").view(np.uint8).reshape(-1, 8)[:, 8 - size :]
    return Cells(found, INTEGERS[size], size)


def same(value: str | int | None) -> Cells:
    """A column that is everywhere the same."""
    if isinstance(value, int):
        size = _integer_bytes(value)
        return Cells(value.to_bytes(size, "big"), INTEGERS[size], size)
    data = (value or "").encode()
    return Cells(data, NULL if value is None else TEXT + 2 * len(data), len(data))


def _integer_bytes(value: int) -> int:
    return next(size for size in INTEGERS if value < 1 << 8 * size - 1)


def _rows(count: int, columns: Sequence[Cells], numbers: Integers | None) -> Rows:
    import numpy as np
    import pyarrow as pa
    from pyarrow import compute

    if all(isinstance(one.sizes, int) for one in columns):
        heads, greatest = _heads(count, columns, numbers, columns)
        return Rows(heads.reshape(-1).data, np.arange(count + 1) * heads.shape[1], greatest)
    heads, greatest = _heads(count, columns, numbers, ())
    parts = [_joinable(one.cells) for one in columns if _greatest(one.sizes)]
    rows = compute.binary_join_element_wise(_array(heads), *parts, pa.scalar(b""))
    ends = np.frombuffer(rows.buffers()[1], np.int32, count + 1)
    return Rows(memoryview(rows.buffers()[2] or b""), ends, greatest)


def _joinable(cells: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    if isinstance(cells, bytes):
        return pa.scalar(cells)
    return _array(cells) if isinstance(cells, np.ndarray) else cells


def _array(rows: Bytes) -> Any:
    """The rows of a table of bytes as an Arrow array of bytes."""
    import numpy as np
    import pyarrow as pa

    ends = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
    data = pa.py_buffer(np.ascontiguousarray(rows).reshape(-1))
    return pa.Array.from_buffers(pa.binary(), len(rows), [None, pa.py_buffer(ends), data])


def _heads(count: int, columns: Sequence[Cells], numbers: Integers | None, told: Sequence[Cells]) -> tuple[Bytes, int]:
    """What stands before each row's columns, and how many bytes the types and columns of the largest row have.

    Behind it the columns that are `told`, whose cells are all of one size.
    """
    import numpy as np

    types = [(one.types, _width(_greatest(one.types))) for one in columns]
    header = 1 + sum(width for _, width in types)
    sizes = header + sum(one.sizes for one in columns)
    greatest = _greatest(sizes)
    parts: list[tuple[Integers | int, int]] = [(sizes, _width(greatest))]
    if numbers is not None:
        parts.append((numbers, _width(_greatest(numbers))))
    parts += [(header, 1), *types]
    found = np.empty((count, sum(width for _, width in parts) + sum(_greatest(one.sizes) for one in told)), np.uint8)
    at = 0
    for figures, width in parts:
        _put(found[:, at : at + width], figures)
        at += width
    for one in told:
        width = _greatest(one.sizes)
        found[:, at : at + width] = np.frombuffer(one.cells, np.uint8) if isinstance(one.cells, bytes) else one.cells
        at += width
    return found, greatest


def _greatest(numbers: Integers | int) -> int:
    return numbers if isinstance(numbers, int) else int(numbers.max(initial=0))


def _width(number: int) -> int:
    """In how many bytes a number stands."""
    return max(1, -(-number.bit_length() // 7))


def _put(into: Bytes, numbers: Integers | int) -> None:
    """Numbers in as many bytes as there is room for: seven bits in each, and the highest says that more follow."""
    last = into.shape[1] - 1
    for place in range(last):
        into[:, place] = 128 | (numbers >> 7 * (last - place) & 127)
    into[:, last] = numbers & 127


def _of_pages(page: int, schema: tuple[str, ...], trees: Sequence[Rows | None]) -> bytes | None:
    roots: list[Any] = []
    further: list[Any] = []
    number = 1 + len(trees)
    for tree in trees:
        if tree is None:
            roots += _no_rows(page, INDEX_LEAF)
            continue
        leaves, lasts = _leaves(page, tree)
        if len(lasts) == 1:
            roots += leaves
            continue
        if tree.first is None or len(lasts) > MOST_LEAVES:
            return None
        roots += _root(page, number + 1, [tree.first + last for last in lasts])  # behind all roots
        further += leaves
        number += len(lasts)
    first = bytearray(_first(page, schema))
    first[SIZE_AT] = number.to_bytes(4, "big")
    return b"".join([first, *roots, *further])


def _leaves(page: int, tree: Rows) -> tuple[list[Any], list[int]]:
    """The pages with a tree's rows, in parts, and the place of the last row in each; of no rows one page, too."""
    import numpy as np

    data, ends, _, first = tree
    kind = INDEX_LEAF if first is None else TABLE_LEAF
    if len(ends) == 1:
        return _no_rows(page, kind), [-1]
    room = (ends + POINTER * np.arange(len(ends))).tolist()
    stops = [0]
    while stops[-1] < len(room) - 1:
        stops.append(bisect_right(room, room[stops[-1]] + page - LEAF_HEAD) - 1)
    borders = ends[stops]
    # where in its page each row is: all of a page's rows together lie at its end
    places = ends[:-1] + np.repeat(page - borders[1:], np.diff(stops))
    pointers = places.astype(">u2").view(np.uint8).data
    parts: list[Any] = []
    begin = int(borders[0])
    for start, stop, end in zip(stops, stops[1:], borders[1:].tolist(), strict=False):
        used = end - begin
        free = page - LEAF_HEAD - used - POINTER * (stop - start)
        head = _head(kind, stop - start, page - used)
        parts += (head, pointers[POINTER * start : POINTER * stop], bytes(free), data[begin:end])
        begin = end
    return parts, [stop - 1 for stop in stops[1:]]


def _no_rows(page: int, kind: bytes) -> list[Any]:
    return [_head(kind, 0, page), bytes(page - LEAF_HEAD)]


def _head(kind: bytes, count: int, start: int) -> bytes:
    """What a page begins with: how many rows it has, and where the first of their bytes is."""
    return kind + bytes(2) + count.to_bytes(2, "big") + (start % (1 << 16)).to_bytes(2, "big") + bytes(1)


def _root(page: int, number: int, lasts: Sequence[int]) -> list[bytes]:
    """The page that knows the leaves, from the page of that number on, by their last rows; in parts."""
    import numpy as np

    count, width = len(lasts) - 1, _width(lasts[-1])
    inner = np.empty((count, NUMBER + width), np.uint8)
    inner[:, :NUMBER] = np.arange(number, number + count, dtype=">u4").view(np.uint8).reshape(-1, NUMBER)
    _put(inner[:, NUMBER:], np.array(lasts[:-1]))
    start = page - inner.size
    head = _head(TABLE_INNER, count, start) + (number + count).to_bytes(NUMBER, "big")
    pointers = np.arange(start, page, NUMBER + width).astype(">u2").tobytes()
    return [head, pointers, bytes(start - len(head) - len(pointers)), inner.tobytes()]


@lru_cache(maxsize=64)
def _first(page: int, schema: tuple[str, ...]) -> bytes:
    """The page with the schema, as SQLite writes it: the roots of what it makes are the pages behind it."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"PRAGMA page_size = {page}")
        for statement in schema:
            connection.execute(statement)
        return connection.serialize()[:page]
    finally:
        connection.close()
