"""What every writer is given and checks: rows with their numbers, of values that a file can hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

Cells = Mapping[str, object]
BOM = b"\xef\xbb\xbf"
DEEPEST = 200


class Numbered(NamedTuple):
    """A row and its number, from 1."""

    number: int
    cells: Cells


Rows = Iterable[Numbered]


class Unwritable(Exception):
    """A row that a format cannot hold without loss: its number, and why, as a clause."""

    def __init__(self, number: int, reason: str) -> None:
        """`number` counts rows from 1."""
        super().__init__(reason)
        self.number = number
        self.reason = reason


def checked(row: Numbered) -> Numbered:
    """The row, unless it holds what no file gives back. Raises Unwritable."""
    if not row.cells:
        raise Unwritable(row.number, "it has no cells")
    for name, value in row.cells.items():
        trouble = _trouble(value) or _trouble(name)
        if isinstance(value, str) and "\0" in value:
            trouble = "a NUL character"
        if trouble:
            raise Unwritable(row.number, f"the cell “{name}” holds {trouble}")
    return row


def as_json(row: Numbered) -> bytes:
    """The cells as one JSON object on one line. Raises Unwritable."""
    try:
        return msgspec.json.encode(row.cells)
    except (OverflowError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise Unwritable(row.number, f"it cannot be told in JSON ({error})") from error


def only(row: Numbered, *names: str) -> None:
    """Refuse a row with cells that the format has no place for. Raises Unwritable."""
    other = next((name for name in row.cells if name not in names), None)
    if other is not None:
        raise Unwritable(row.number, f"there is no place for the cell “{other}”; leave that column out")


def text(row: Numbered) -> str:
    """The row's text, which may not be blank. Raises Unwritable."""
    value = row.cells.get("text")
    if not isinstance(value, str):
        raise Unwritable(row.number, "it has no text")
    if not value.strip():
        raise Unwritable(row.number, "its text is blank")
    return value


def _trouble(value: object, depth: int = 0) -> str:
    """What is wrong with a value, '' when JSON can tell it."""
    if depth > DEEPEST:
        return "values nested too deeply"
    if isinstance(value, str):
        return "" if value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value) else "half a character"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "a number that is none (NaN or infinity)"
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return "" if -(2**63) <= value < 2**63 else "a number of more than 64 bits"
    if isinstance(value, Mapping):
        names = next((trouble for name in value if (trouble := "" if isinstance(name, str) else "odd names")), "")
        return names or _first([*value, *value.values()], depth)
    if isinstance(value, list):
        return _first(value, depth)
    return f"a {type(value).__name__}"


def _first(values: list[object], depth: int) -> str:
    return next((trouble for one in values if (trouble := _trouble(one, depth + 1))), "")
