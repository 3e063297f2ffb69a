"""Cells of typed tables (Parquet, Arrow, Excel) as those of JSON."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping

from desktop_llm.data.readers.reader import LONGEST_CELL, RawRow, too_long
from desktop_llm.rows import Rejected

WHOLE = 2.0**53


class NoText(ValueError):
    """A cell holds bytes that are no text."""


def plain_value(value: object) -> object:
    """A value as JSON knows it: dates in ISO 8601, decimals as text, bytes as UTF-8 text. Raises NoText."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError as error:
            raise NoText from error
    if isinstance(value, Mapping):
        return {str(name): plain_value(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(one) for one in value]
    return str(value)


def whole_number(value: object) -> object:
    """A float that is a whole number as that number: spreadsheets know no other numbers than floats."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= WHOLE else value


def row_of(line: int, cells: dict[str, object]) -> RawRow | Rejected:
    """The row of these cells, made plain, unless one is too long or holds what no text holds."""
    taken: dict[str, object] = {}
    for name, cell in cells.items():
        try:
            value = plain_value(cell)
        except NoText:
            return Rejected(line=line, reason=f"the cell “{name}” holds bytes, not text", cells=cells)
        if isinstance(value, str):
            if len(value) > LONGEST_CELL:
                return Rejected(line=line, reason=too_long(name, len(value)), cells=cells)
            if "\0" in value:
                return Rejected(line=line, reason=f"the cell “{name}” holds a NUL character", cells=cells)
        taken[name] = value
    return RawRow(line=line, cells=taken)
