"""Rows as a database in memory, written as SQLite's file format has it: a quarter of what SQLite itself takes.

SQLite reads it as any other (https://www.sqlite.org/fileformat2.html): a page with the schema, then for each table and
each index its root, and leaves with rows. A row of a table is the size of what follows, its number, its columns' types,
then their bytes; that of an index has no number. Sizes, numbers and types are written in as many bytes as the largest
in their place needs, so that numpy can write them by column, and Arrow joins all of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from desktop_llm.columns import Texts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.integer]
    Bytes = NDArray[np.uint8]

PAGE_BYTES = 16_384, 32_768, 65_536
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
"""Leaves of a table, which its root knows on pages of any size: 16 MB of small pages and 65 MB of large ones."""
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
    """A column: its cells in an Arrow array of bytes, or what all of them are; and as which types they stand."""

    array: Any
    types: Integers


def database(schema: tuple[str, ...], trees: Sequence[Rows]) -> bytes | None:
    """A database of these statements, each of which makes the next of the `trees`. None where a row has no room.

    None, too, where a table has more than MOST_LEAVES, or an index more than one.
    """
    for page in PAGE_BYTES:
        if all(page - SPARED >= tree.greatest for tree in trees):
            made = _of_pages(page, schema, trees)
            if made is not None:
                return made
    return None


def table(first: int, columns: Sequence[Cells]) -> Rows:
    """Rows of a table whose key is the first of its columns, with numbers from `first` up to GREATEST."""
    import numpy as np

    count = len(columns[0].types)
    key = Cells(b"", np.full(count, NULL))  # it is the row's number, and stands as nothing among its columns
    return _rows([key, *columns], np.arange(first, first + count))._replace(first=first)


def index(columns: Sequence[Cells]) -> Rows:
    """Rows of an index, in its order."""
    return _rows(columns, None)


def cells(column: Sequence[str | None]) -> Cells:
    """A column of texts. Raises UnicodeEncodeError for what is half a character."""
    import numpy as np
    import pyarrow as pa

    array = column.array if isinstance(column, Texts) else pa.array(column, pa.string())
    array = array.view(pa.binary())
    ends = np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, 4 * array.offset)
    types = TEXT + 2 * np.diff(ends).astype(np.int64)
    if array.null_count:
        types[array.is_null().to_numpy(zero_copy_only=False)] = NULL
        array = array.fill_null(b"")
    return Cells(array, types)


def blobs(data: bytes, width: int) -> Cells:
    """A column of bytes, so many in each row."""
    import numpy as np

    return Cells(_array(np.frombuffer(data, np.uint8).reshape(-1, width)), np.full(len(data) // width, BLOB + 2 * width))


def integers(numbers: Integers) -> Cells:
    """A column of whole numbers, not below zero."""
    import numpy as np

    size = _integer_bytes(int(numbers.max(initial=0)))
    found = numbers.astype(">i8").view(np.uint8).reshape(-1, 8)[:, 8 - size :]
    return Cells(_array(found), np.full(len(numbers), INTEGERS[size]))


def same(value: str | int | None, count: int) -> Cells:
    """A column that is everywhere the same."""
    import numpy as np

    if isinstance(value, int):
        size = _integer_bytes(value)
        return Cells(value.to_bytes(size, "big"), np.full(count, INTEGERS[size]))
    data = (value or "").encode()
    return Cells(data, np.full(count, NULL if value is None else TEXT + 2 * len(data)))


def _integer_bytes(value: int) -> int:
    return next(size for size in INTEGERS if value < 1 << 8 * size - 1)


def _rows(columns: Sequence[Cells], numbers: Integers | None) -> Rows:
    import numpy as np
    import pyarrow as pa
    from pyarrow import compute

    heads, greatest = _heads([column.types for column in columns], numbers)
    told = [column.array for column in columns if not isinstance(column.array, bytes) or column.array]
    told = [pa.scalar(one, pa.binary()) if isinstance(one, bytes) else one for one in told]
    rows = compute.binary_join_element_wise(_array(heads), *told, pa.scalar(b"", pa.binary()))
    ends = np.frombuffer(rows.buffers()[1], np.int32, len(rows) + 1)
    return Rows(memoryview(rows.buffers()[2] or b""), ends, greatest)


def _array(rows: Bytes) -> Any:
    """The rows of a table of bytes as an Arrow array of bytes."""
    import numpy as np
    import pyarrow as pa

    ends = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
    return pa.Array.from_buffers(pa.binary(), len(rows), [None, pa.py_buffer(ends), pa.py_buffer(rows.tobytes())])


def _heads(types: Sequence[Integers], numbers: Integers | None) -> tuple[Bytes, int]:
    """What stands before each row's columns, and how many bytes the types and columns of the largest row have."""
    import numpy as np

    widths = [_width(int(one.max(initial=0))) for one in types]
    header = 1 + sum(widths)
    sizes = header + sum(_sizes(one) for one in types)
    greatest = int(sizes.max(initial=0))
    parts = [(sizes, _width(greatest))]
    if numbers is not None:
        parts.append((numbers, _width(int(numbers[-1]) if len(numbers) else 0)))
    parts += [(np.full(len(sizes), header), 1), *zip(types, widths, strict=True)]
    found = np.empty((len(sizes), sum(width for _, width in parts)), np.uint8)
    at = 0
    for told, width in parts:
        _put(found[:, at : at + width], told)
        at += width
    return found, greatest


def _sizes(types: Integers) -> Integers:
    """How many bytes the cells of these types have."""
    import numpy as np

    of_integers = np.zeros(BLOB, np.int64)
    of_integers[list(INTEGERS.values())] = list(INTEGERS)
    return np.where(types < BLOB, of_integers[np.minimum(types, BLOB - 1)], (types - BLOB) // 2)


def _width(number: int) -> int:
    """In how many bytes a number stands."""
    return max(1, -(-number.bit_length() // 7))


def _put(into: Bytes, numbers: Integers) -> None:
    """Numbers in as many bytes as there is room for: seven bits in each, and the highest says that more follow."""
    last = into.shape[1] - 1
    for place in range(last):
        into[:, place] = 128 | (numbers >> 7 * (last - place) & 127)
    into[:, last] = numbers & 127


def _of_pages(page: int, schema: tuple[str, ...], trees: Sequence[Rows]) -> bytes | None:
    roots: list[bytes] = []
    further: list[bytes] = []
    for tree in trees:
        leaves, lasts = _leaves(page, tree)
        if len(leaves) == 1:
            roots += leaves
            continue
        if tree.first is None or len(leaves) > MOST_LEAVES:
            return None
        # behind the first page and all roots
        roots.append(_root(page, 2 + len(trees) + len(further), [tree.first + last for last in lasts]))
        further += leaves
    first = bytearray(_first(page, schema))
    first[SIZE_AT] = (1 + len(roots) + len(further)).to_bytes(4, "big")
    return b"".join([first, *roots, *further])


def _leaves(page: int, tree: Rows) -> tuple[list[bytes], list[int]]:
    """The pages with a tree's rows, and the place of the last row in each; of no rows one page, too."""
    import numpy as np

    data, ends, _, first = tree
    kind = INDEX_LEAF if first is None else TABLE_LEAF
    room = ends + POINTER * np.arange(len(ends))
    leaves: list[bytes] = []
    lasts: list[int] = []
    start, count = 0, len(ends) - 1
    while start < count or not leaves:
        stop = int(np.searchsorted(room, room[start] + page - LEAF_HEAD, "right")) - 1
        leaves.append(_leaf(page, kind, data[ends[start] : ends[stop]], ends[start:stop] - ends[start]))
        lasts.append(stop - 1)
        start = stop
    return leaves, lasts


def _leaf(page: int, kind: bytes, rows: memoryview, starts: Integers) -> bytes:
    """A page with rows, which lie at its end."""
    start = page - len(rows)
    head = kind + bytes(2) + len(starts).to_bytes(2, "big") + (start % (1 << 16)).to_bytes(2, "big") + bytes(1)
    pointers = (start + starts).astype(">u2").tobytes()
    return b"".join((head, pointers, bytes(start - len(head) - len(pointers)), rows))


def _root(page: int, number: int, lasts: Sequence[int]) -> bytes:
    """The page that knows the leaves, from the page of that number on, by their last rows."""
    import numpy as np

    width = _width(lasts[-1])
    inner = np.empty((len(lasts) - 1, NUMBER + width), np.uint8)
    inner[:, :NUMBER] = np.arange(number, number + len(inner), dtype=">u4").view(np.uint8).reshape(-1, NUMBER)
    _put(inner[:, NUMBER:], np.array(lasts[:-1]))
    rows = inner.tobytes()
    start = page - len(rows)
    head = TABLE_INNER + bytes(2) + len(inner).to_bytes(2, "big") + start.to_bytes(2, "big") + bytes(1)
    head += (number + len(inner)).to_bytes(NUMBER, "big")
    pointers = np.arange(start, page, NUMBER + width).astype(">u2").tobytes()
    return b"".join((head, pointers, bytes(start - len(head) - len(pointers)), rows))


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
