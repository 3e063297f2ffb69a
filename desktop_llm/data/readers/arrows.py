"""Parts delimited text by Arrow, at once and into its own arrays: a sixth of what splitting takes, and no text is made.

Arrow forgives what others do not, and each library forgives differently. So only text in which all of them agree is
read here: every quote opens or closes a cell or is doubled inside one, no line is blank, and no carriage return is
anything but a part of a line's end.
"""

from __future__ import annotations

import codecs
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from desktop_llm.columns import Texts
from desktop_llm.data.form import Form
from desktop_llm.data.readers.lines import line_ends
from desktop_llm.data.readers.reader import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

QUOTE, RETURN, NEWLINE = ord('"'), ord("\r"), ord("\n")


def table(raw: bytes, form: Form, columns: int) -> Table | None:
    """Whole lines as cells, as many a row as there are `columns`. None where a row may need care."""
    if not form.delimiter.isascii():
        return None
    text = _as_utf8(raw, form.encoding)
    found = _parted(text, form.delimiter, columns)
    if found is None or (columns == 1 and not all(cell.strip(" ") for cell in found[0])):
        return None  # in one column perhaps a blank line, perhaps an empty cell in quotes
    if b"\r" in raw and any(cells.signs("\r") for cells in found):  # in cells of several lines
        found = _parted(text.replace(b"\r\n", b"\n"), form.delimiter, columns)
    return None if found is None else Table(found)


def _parted(text: bytes, delimiter: str, columns: int) -> list[Texts] | None:
    """The cells by column. None where others may read them in another way."""
    if not text or not _sound(text, delimiter):
        return None
    import pyarrow as pa
    from pyarrow import csv

    how = csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=_names(columns))
    try:
        found = csv.read_csv(pa.BufferReader(text), how, *_options(delimiter, columns))
    except pa.ArrowInvalid:  # not so many cells in a row, or no text
        return None
    cells = [Texts(_whole(column)) for column in found.columns]
    blank = line_ends(text) + (text[-1:] != b"\n") - found.num_rows  # or in cells of several lines
    return cells if not blank or blank == sum(told.signs("\n") for told in cells) else None


def _as_utf8(raw: bytes, encoding: str) -> bytes:
    """The text; nothing where it is none, or where Arrow would read another one."""
    name = codecs.lookup(encoding).name
    try:
        text = raw if name == "utf-8" else raw.decode(encoding).encode()
    except UnicodeError:
        return b""
    # a mark at its start would be taken for the encoding's, but only the file's first one is that
    return b"" if text.startswith(codecs.BOM_UTF8) else text


def _sound(text: bytes, delimiter: str) -> bool:
    """Whether line ends are `\\n` or `\\r\\n`, and quotes only where cells open and close or doubled inside them."""
    import numpy as np

    data = np.frombuffer(text, np.uint8)
    if b"\r" in text and (text[-1:] == b"\r" or (data[np.flatnonzero(data == RETURN) + 1] != NEWLINE).any()):
        return False
    quotes = np.flatnonzero(data == QUOTE)
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before = data[opening[opening > 0] - 1]
    behind = data[closing[closing < len(data) - 1] + 1]
    # two quotes side by side are the close of one piece and the opening of the next: a doubled one
    borders = _borders(delimiter)
    return bool(borders[before].all() and borders[behind].all())


@lru_cache(maxsize=4)
def _borders(delimiter: str) -> NDArray[np.bool_]:
    """By byte, whether it may stand beside a cell in quotes, or beside a part of one."""
    import numpy as np

    found = np.zeros(256, np.bool_)
    found[[ord(delimiter), NEWLINE, RETURN, QUOTE]] = True
    return found


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
        csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=True),
        csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )
