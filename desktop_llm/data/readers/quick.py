"""Reads what is well-formed many rows at once, by libraries in C; whatever it doubts it leaves to the careful way.

A block that cannot be decoded whole, holds a NUL, a quote that is not closed or a line without end, or is not what
the csv module's strict rules allow is handed back unread: the readers then go over it row by row, and say what is
wrong where. Both ways give the same rows.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Sequence
from itertools import accumulate
from typing import overload

import msgspec

from desktop_llm.data.form import Form
from desktop_llm.data.readers.lines import Lines
from desktop_llm.data.readers.reader import LONGEST_CELL, Block

BLOCK = 1 << 19
"""Bytes read at once: some thousand rows, little enough for any one to be below the longest cell."""
QUOTE = '"'

_decoder = msgspec.json.Decoder(dict[str, object])


def block(lines: Lines, form: Form, columns: int) -> Block | None:
    """The next rows of a delimited file, as many cells each as there are `columns`; none at its end.

    None, with `lines` where they were, when a row among them needs care.
    """
    if not lines.simple or not form.delimiter:
        return None
    mark = lines.mark()
    raw = lines.take(BLOCK)
    while raw.count(b'"') % 2 and (more := lines.take(1)):
        raw += more
        if len(raw) > LONGEST_CELL:
            break
    found = _delimited(raw, form, columns, mark.number) if len(raw) <= LONGEST_CELL and b"\0" not in raw else None
    if found is None:
        lines.back(mark)
    return found


def _delimited(raw: bytes, form: Form, columns: int, number: int) -> Block | None:
    try:
        text = raw.decode(form.encoding)
    except UnicodeDecodeError:
        return None
    if not text:
        return Block((), ())
    texts = text.removesuffix("\n").split("\n")
    if "\r" in text:
        texts = [line.rstrip("\r") for line in texts]
    starts: Sequence[int]
    if QUOTE in text:
        reader = csv.reader([line + "\n" for line in texts], delimiter=form.delimiter, strict=True)
        try:
            rows = list(reader)
        except csv.Error:
            return None
        starts = _Starts(rows, number + 1)
    else:
        delimiter = form.delimiter
        rows = [line.split(delimiter) for line in texts]
        starts = range(number + 1, number + 1 + len(rows))
    if any(size != columns for size in set(map(len, rows))):
        return None
    if columns == 1 and not all(row[0].strip(" ") for row in rows):
        return None  # perhaps a blank line, perhaps an empty cell in quotes
    return Block(starts, rows)


class _Starts(Sequence[int]):
    """On which line each row starts: worked out when it is first asked for, as it seldom is."""

    def __init__(self, rows: Sequence[Sequence[str]], first: int) -> None:
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


def json_block(lines: Lines, encoding: str) -> Block | None:
    """The next rows of a file of JSON Lines; none at its end. None, `lines` where they were, when one needs care."""
    if not lines.simple:
        return None
    mark = lines.mark()
    raw = lines.take(BLOCK)
    found = _json(raw, encoding, mark.number) if len(raw) <= LONGEST_CELL else None
    if found is None:
        lines.back(mark)
    return found


def _json(raw: bytes, encoding: str, number: int) -> Block | None:
    if b"\0" in raw or b"\\u0000" in raw:
        return None
    try:
        data = raw if codecs.lookup(encoding).name in ("utf-8", "ascii") else raw.decode(encoding).encode()
        rows = _decoder.decode_lines(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if len(rows) != raw.count(b"\n") + (raw[-1:] not in (b"", b"\n")):
        return None  # blank lines: which line is which row must be counted
    return Block(range(number + 1, number + 1 + len(rows)), rows)
