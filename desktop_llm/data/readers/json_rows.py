"""One JSON object to the cells of a row: what JSON Lines and JSON arrays have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

import msgspec

from desktop_llm.data.readers.reader import LONGEST_CELL, RawRow, too_long
from desktop_llm.errors import UserError
from desktop_llm.rows import WHOLE_ROW, Rejected

ROWS_FOR_COLUMNS = 1000
NO_NUMBER = re.compile(r'("(?:[^"\\]|\\.)*+")|-?\b(?:NaN|Infinity)\b')
PLACE = re.compile(r" \(byte (\d+)\)$")
HALF_PAIR = re.compile(r"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])")

_decoder = msgspec.json.Decoder()


def row_from(line: int, data: bytes | str) -> RawRow | Rejected:
    """The row of one JSON object."""
    try:
        cells = _decoded(data)
    except msgspec.DecodeError as error:
        return Rejected(line=line, reason=f"it is not valid JSON: {_clause(error, data)}", cells=whole(data))
    except UnicodeError:
        return Rejected(line=line, reason="it holds bytes that are not text in the file's encoding", cells=whole(data))
    except RecursionError:
        return Rejected(line=line, reason="its values are nested too deeply", cells=whole(data))
    if not isinstance(cells, dict):
        return Rejected(line=line, reason="it is not an object with named values", cells=whole(data))
    return _taken(line, data, cells)


def whole(data: bytes | str) -> dict[str, object]:
    """A row that cannot be parted, as the one cell that it is."""
    return {WHOLE_ROW: data if isinstance(data, str) else data.decode("utf-8", "replace")}


def _decoded(data: bytes | str) -> Any:
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError:
        text = data if isinstance(data, str) else data.decode()
        # Python writes missing numbers as NaN, which is not JSON, but common.
        mended = NO_NUMBER.sub(lambda found: found.group(1) or "null", text)
        if mended == text:
            raise
        return _decoder.decode(mended)


def _taken(line: int, data: bytes | str, cells: dict[str, object]) -> RawRow | Rejected:
    """The row, unless a cell is too long or holds what no text holds."""
    if len(data) > LONGEST_CELL:
        for name, cell in cells.items():
            size = len(cell) if isinstance(cell, str) else 0 if not isinstance(cell, (list, dict)) else _written(cell)
            if size > LONGEST_CELL:
                return Rejected(line=line, reason=too_long(name, size), cells=cells)
    nul = next((name for name, cell in cells.items() if isinstance(cell, str) and "\0" in cell), None)
    if nul is not None:
        return Rejected(line=line, reason=f"the cell “{nul}” holds a NUL character", cells=cells)
    return RawRow(line=line, cells=cells)


def columns_of(rows: Iterable[RawRow | Rejected], name: str) -> tuple[str, ...]:
    """All columns of the first rows, in the order in which they appear. Raises UserError when there are none."""
    columns: dict[str, None] = {}
    first_trouble = ""
    for row in islice(rows, ROWS_FOR_COLUMNS):
        if isinstance(row, RawRow):
            columns.update(dict.fromkeys(row.cells))
        elif not first_trouble:
            first_trouble = f" (line {row.line}: {row.reason})"
    if not columns:
        raise UserError(f"“{name}” has no rows that can be read{first_trouble}; each row must be a JSON object.")
    return tuple(columns)


def _clause(error: msgspec.DecodeError, data: bytes | str) -> str:
    if HALF_PAIR.search(data if isinstance(data, str) else data.decode("utf-8", "replace")):
        return "a \\ud… escape has lost its other half"
    text = PLACE.sub(r" at byte \1", str(error).removeprefix("JSON is malformed: "))
    return "it ends too early" if text == "Input data was truncated" else text


def _written(cell: object) -> int:
    return len(msgspec.json.encode(cell))
