"""Reads what is well-formed many rows at once, by libraries in C; whatever it doubts it leaves to the careful way.

A block that cannot be decoded whole, holds a NUL, a quote that is not closed or a line without end, or is not what
the csv module's strict rules allow is handed back unread: the readers then go over it row by row, and say what is
wrong where. Both ways give the same rows.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import attrgetter
from typing import Any, overload

import msgspec

from desktop_llm.columns import Texts, texts_of
from desktop_llm.data.form import Form
from desktop_llm.data.readers import arrows
from desktop_llm.data.readers.lines import Lines
from desktop_llm.data.readers.reader import LONGEST_CELL, Block, Table

BLOCK = 1 << 18
"""Bytes read at once: some thousand rows, little enough for any one to be below the longest cell."""
COLUMNAR = 3
"""Times as much for Arrow, which has more to do for a call than for a row."""
QUOTE = '"'
UNPARTED = ("", " ", QUOTE)
"""Delimiters by which nothing is parted here: a line of spaces alone is blank, and a quote has a meaning of its own."""
HEAD = 4096
"""Characters by which it is judged how many rows have quotes."""
ODD_RETURN = re.compile("\r(?!\n)")
"""One that belongs to no line's end, or not alone."""
NUL = re.compile(rb"\\u0000")
"""One that is written out; this finds none in half of the time that `in` takes."""
MARK = "\0"
"""Stands for a row that the csv module reads: no cell holds it, as a block with a NUL is not read here."""

_decoder = msgspec.json.Decoder(dict[str, object])


def block(lines: Lines, form: Form, columns: int, *, columnar: bool = False) -> Block | None:
    """The next rows of a delimited file, as many cells each as there are `columns`; none at its end.

    None, with `lines` where they were, when a row among them needs care. `columnar` lets Arrow try first.
    """
    if not lines.simple or form.delimiter in UNPARTED:
        return None
    found = _read(lines, form, columns, arrows.table, COLUMNAR * BLOCK) if columnar else None
    return _read(lines, form, columns, _table, BLOCK) if found is None else found


Parting = Callable[[bytes, Form, int], Table | None]


def _read(lines: Lines, form: Form, columns: int, parting: Parting, size: int) -> Block | None:
    mark = lines.mark()
    raw = lines.take(size)
    found = _delimited(raw, form, columns, mark.number, parting)
    if found is None and (odd := raw.count(b'"') % 2):  # perhaps a row goes on behind its end
        while odd and len(raw) <= LONGEST_CELL and (more := lines.take(1)):
            raw += more
            odd ^= more.count(b'"') % 2
        found = _delimited(raw, form, columns, mark.number, parting)
    if found is None:
        lines.back(mark)
    return found


def _delimited(raw: bytes, form: Form, columns: int, number: int, parting: Parting) -> Block | None:
    if len(raw) > LONGEST_CELL or b"\0" in raw:
        return None
    if not raw:
        return Block((), ())
    table = parting(raw, form, columns)
    if table is None:
        return None
    first = number + 1
    return Block(_Starts(table, first) if b'"' in raw else range(first, first + len(table)), table)


def _table(raw: bytes, form: Form, columns: int) -> Table | None:
    try:
        text = raw.decode(form.encoding)
    except UnicodeDecodeError:
        return None
    if "\r" in text:
        odd = ODD_RETURN.search(text) is not None
        text = "\n".join([line.rstrip("\r") for line in text.split("\n")]) if odd else text.replace("\r", "")
    text = text.removesuffix("\n")
    quotes = QUOTE in text
    # csv takes several times as long as splitting, but is the quicker one where nearly all rows have quotes
    few = not quotes or text.count(QUOTE, 0, HEAD) <= text.count("\n", 0, HEAD)
    table = _quoted_here_and_there(text, form.delimiter, columns) if few else None
    if table is None and quotes:
        table = _quoted(text.split("\n"), form.delimiter, columns)
    if table is None or (columns == 1 and not all(cell.strip(" ") for cell in table.columns[0])):
        return None  # in one column perhaps a blank line, perhaps an empty cell in quotes
    return table


def _split(text: str, delimiter: str, columns: int) -> Table | None:
    """Lines without quotes. None when one of them has not so many cells."""
    # a line end as a cell of its own: all cells at once, and every so many of them must be one
    spread = text.replace("\n", f"{delimiter}\n{delimiter}")
    lines = (len(spread) - len(text)) // 2
    cells = spread.split(delimiter)
    ends = cells[columns :: columns + 1]
    if len(cells) != lines * (columns + 1) + columns or ends.count("\n") != lines:
        return None
    return Table([cells[place :: columns + 1] for place in range(columns)])


def _quoted(lines: Iterable[str], delimiter: str, columns: int) -> Table | None:
    """Rows by the csv module. None when its strict rules do not allow one, or it has not so many cells."""
    try:
        rows = list(csv.reader([line + "\n" for line in lines], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return None if any(size != columns for size in set(map(len, rows))) else Table.of(rows)


def _quoted_here_and_there(text: str, delimiter: str, columns: int) -> Table | None:
    """The rows with quotes by the csv module, those between them by splitting; None where these two disagree."""
    stand_in = MARK + delimiter * (columns - 1)
    parts: list[str] = []
    records: list[str] = []
    at = 0
    while (quote := text.find(QUOTE, at)) >= 0:
        start = max(at, text.rfind("\n", at, quote) + 1)
        end = _end_of_record(text, quote)
        parts += (text[at:start], stand_in, text[end : end + 1])
        records.append(text[start:end])
        at = end + 1
    table = _split("".join([*parts, text[at:]]) if records else text, delimiter, columns)
    if table is None or not records:
        return table
    read = _quoted(records, delimiter, columns)
    if read is None or len(read) != len(records):
        return None
    cells = [list(column) for column in table.columns]
    place = -1
    for row in zip(*read.columns, strict=True):
        place = cells[0].index(MARK, place + 1)
        for column, cell in zip(cells, row, strict=True):
            column[place] = cell
    return Table(cells)


def _end_of_record(text: str, quote: int) -> int:
    """Where the line ends by whose end every quote from `quote`, the row's first, on is closed."""
    end, quotes = quote, 0
    while True:
        before, end = end, text.find("\n", end + 1)
        if end < 0:
            return len(text)
        quotes += text.count(QUOTE, before, end)
        if quotes % 2 == 0:
            return end


class _Starts(Sequence[int]):
    """On which line each row starts: worked out when it is first asked for, as it seldom is."""

    def __init__(self, rows: Table, first: int) -> None:
        self._rows, self._first = rows, first
        self._told: list[int] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> int: ...

    @overload
    def __getitem__(self, place: slice) -> list[int]: ...

    def __getitem__(self, place: int | slice) -> int | list[int]:
        if self._told is None:
            lines = (1 + sum(cell.count("\n") for cell in row) for row in self._rows)
            self._told = list(accumulate(lines, initial=self._first))[:-1]
        return self._told[place]


def json_block(lines: Lines, encoding: str, columns: tuple[str, ...], *, columnar: bool = False) -> Block | None:
    """The next rows of a file of JSON Lines; none at its end. None, `lines` where they were, when one needs care.

    They come by column where all of them have these `columns` and no other; `columnar` makes texts of these.
    """
    if not lines.simple:
        return None
    found = _json_read(lines, encoding, columns, COLUMNAR * BLOCK, columnar=True) if columnar else None
    return _json_read(lines, encoding, columns, BLOCK, columnar=columnar) if found is None else found


def _as_texts(rows: Table) -> Table:
    return Table([texts_of(column) for column in rows.columns])


def _json_read(lines: Lines, encoding: str, columns: tuple[str, ...], size: int, *, columnar: bool) -> Block | None:
    mark = lines.mark()
    raw = lines.take(size)
    numbers = range(mark.number + 1, lines.mark().number + 1)
    found = _json(raw, encoding, columns, numbers, columnar=columnar) if len(raw) <= LONGEST_CELL else None
    if found is None:
        lines.back(mark)
    return found


def _json(raw: bytes, encoding: str, columns: tuple[str, ...], numbers: range, *, columnar: bool) -> Block | None:
    if b"\0" in raw:
        return None
    rows: Sequence[Any]
    try:
        data = raw if codecs.lookup(encoding).name in ("utf-8", "ascii") else raw.decode(encoding).encode()
        try:
            same = _same_columns(columns).decode_lines(data)
            rows = Table([list(map(attrgetter(name), same)) for name in _attributes(columns)])
            rows = _as_texts(rows) if columnar else rows
        except msgspec.ValidationError:  # a row has other columns
            rows = _decoder.decode_lines(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if len(rows) != len(numbers):
        return None  # blank lines: which line is which row must be counted
    return None if _may_hold_nul(rows, raw) else Block(numbers, rows)


def _may_hold_nul(rows: Sequence[Any], raw: bytes) -> bool:
    """Whether a NUL is written out somewhere; looking for it in texts takes a quarter of looking for it in JSON."""
    texts = [column for column in rows.columns if isinstance(column, Texts)] if isinstance(rows, Table) else []
    if isinstance(rows, Table) and len(texts) == len(rows.columns):
        return any(column.signs("\0") for column in texts)
    return NUL.search(raw) is not None


@lru_cache(maxsize=4)
def _same_columns(columns: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Reads objects that all have these names, whatever the values: into structs, which are cheaper than dicts."""
    names = _attributes(columns)
    row = msgspec.defstruct(
        "Row",
        [(name, Any) for name in names],
        rename=dict(zip(names, columns, strict=True)),
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(row)


def _attributes(columns: tuple[str, ...]) -> list[str]:
    return [f"cell_{place}" for place in range(len(columns))]
