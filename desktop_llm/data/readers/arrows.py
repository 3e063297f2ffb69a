"""Parts delimited text by Arrow, at once and into its own arrays: a sixth of what splitting takes, and no text is made.

Arrow forgives what others do not, and each library forgives differently. So only text in which all of them agree is
read here: every quote opens or closes a cell or is doubled inside one, no line is blank and no carriage return alone.
"""

from __future__ import annotations

import codecs
from functools import lru_cache
from typing import Any

from desktop_llm.columns import Texts
from desktop_llm.data.form import Form
from desktop_llm.data.readers.reader import Table

QUOTE, NEWLINE = ord('"'), ord("\n")


def table(raw: bytes, form: Form, columns: int) -> Table | None:
    """Whole lines as cells, as many a row as there are `columns`. None where a row may need care."""
    text = _as_utf8(raw, form.encoding)
    if text is None or not form.delimiter.isascii() or not _sound(text, ord(form.delimiter)):
        return None
    import pyarrow as pa
    from pyarrow import csv

    told = _options(form.delimiter, columns)
    how = csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=_names(columns))
    try:
        found = csv.read_csv(pa.BufferReader(text), how, *told)
    except pa.ArrowInvalid:  # not so many cells in a row, or no text
        return None
    cells = [Texts(_whole(column)) for column in found.columns]
    if columns == 1 and not all(cell.strip(" ") for cell in cells[0]):
        return None  # perhaps a blank line, perhaps an empty cell in quotes
    return Table(cells)


def _as_utf8(raw: bytes, encoding: str) -> bytes | None:
    """The text with plain line ends; None where Arrow would read another one."""
    name = codecs.lookup(encoding).name
    try:
        text = raw if name == "utf-8" else raw.decode(encoding).encode()
    except UnicodeError:
        return None
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
        if b"\r" in text:
            return None
    # a mark at its start would be taken for the encoding's, but only the file's first one is that
    return None if text.startswith(codecs.BOM_UTF8) else text


def _sound(text: bytes, delimiter: int) -> bool:
    """Whether quotes are only where cells in quotes open and close, or doubled inside them."""
    import numpy as np

    data = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(data == QUOTE)
    if not len(quotes):
        return True
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before = data[opening[opening > 0] - 1]
    behind = data[closing[closing < len(data) - 1] + 1]
    # two quotes side by side are the close of one piece and the opening of the next: a doubled one
    return all(bool(((signs == delimiter) | (signs == NEWLINE) | (signs == QUOTE)).all()) for signs in (before, behind))


def _whole(column: Any) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


@lru_cache(maxsize=4)
def _names(columns: int) -> list[str]:
    return [str(place) for place in range(columns)]


@lru_cache(maxsize=4)
def _options(delimiter: str, columns: int) -> tuple[Any, Any]:
    """What a cell is: always text, and nothing else."""
    import pyarrow as pa
    from pyarrow import csv

    types = dict.fromkeys(_names(columns), pa.string())
    return (
        csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False),
        csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )
