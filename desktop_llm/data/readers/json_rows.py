"""One JSON object to the cells of a row: what JSON Lines and JSON arrays have in common."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import msgspec

from desktop_llm.data.readers.reader import LONGEST_CELL, RawRow, too_long
from desktop_llm.errors import UserError
from desktop_llm.rows import Rejected

ROWS_FOR_COLUMNS = 1000

_decoder = msgspec.json.Decoder()


def row_from(line: int, data: bytes | str) -> RawRow | Rejected:
    """The row of one JSON object."""
    try:
        cells = _decoder.decode(data)
    except msgspec.DecodeError as error:
        return Rejected(line=line, reason=f"it is not valid JSON ({_clause(error)})")
    except UnicodeDecodeError as error:
        bad = error.object[error.start : error.start + 1].hex().upper()
        return Rejected(line=line, reason=f"the byte 0x{bad} is not UTF-8 text")
    except RecursionError:
        return Rejected(line=line, reason="its values are nested too deeply")
    if not isinstance(cells, dict):
        return Rejected(line=line, reason="it is not an object with named values")
    if len(data) > LONGEST_CELL:
        for name, cell in cells.items():
            size = len(cell) if isinstance(cell, str) else 0 if not isinstance(cell, (list, dict)) else _written(cell)
            if size > LONGEST_CELL:
                return Rejected(line=line, reason=too_long(name, size))
    nul = next((name for name, cell in cells.items() if isinstance(cell, str) and "\0" in cell), None)
    if nul is not None:
        return Rejected(line=line, reason=f"the cell “{nul}” holds a NUL character")
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


def _clause(error: msgspec.DecodeError) -> str:
    text = str(error)
    text = text.removeprefix("JSON is malformed: ")
    return "it ends too early" if text == "Input data was truncated" else text


def _written(cell: object) -> int:
    return len(msgspec.json.encode(cell))
