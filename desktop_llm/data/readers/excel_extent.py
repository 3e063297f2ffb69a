"""Measures the sheets of a workbook before they are read: the reader makes room for all cells between the outermost.

One stray cell in the last corner would ask for hundreds of gigabytes, and there the process ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from desktop_llm.data.readers import archive
from desktop_llm.errors import UserError

MOST_CELLS = 32_000_000
CHUNK = 1 << 20
# Inside text no “<” stands for itself, so this finds the tags of cells and rows alone.
PLACE = re.compile(rb"<(?:\w+:)?(?:c|row)\b[^<>]*?\sr\s*=\s*[\"']\$?([A-Za-z]*)\$?(\d+)[\"']")
LONGEST_TAG = 1 << 12


def refuse_spread(path: Path) -> None:
    """Raise UserError when a sheet's cells lie so far apart that they could not be held."""
    with archive.members(path) as parts:
        for part in parts:
            if part.name.endswith((".png", ".jpeg", ".jpg", ".bin", ".rels")):
                continue
            rows, columns = _extent(part.path)
            if rows * columns > MOST_CELLS:
                raise UserError(
                    f"“{path.name}” has a sheet whose cells lie over {rows:,} rows and {columns:,} columns, too many "
                    "to be read; delete the stray cells, or save the sheet as CSV."
                )


def _extent(part: Path) -> tuple[int, int]:
    """How many rows and columns lie between the outermost cells of a sheet."""
    rows: set[int] = set()
    columns: set[int] = set()
    for letters, digits in _places(part):
        rows.add(int(digits[:10]))
        if letters:
            columns.add(_column(letters[:8]))
        if len(rows) > 2:
            rows = {min(rows), max(rows)}
        if len(columns) > 2:
            columns = {min(columns), max(columns)}
    return (max(rows) - min(rows) + 1 if rows else 0), (max(columns) - min(columns) + 1 if columns else 1)


def _places(part: Path) -> Iterator[tuple[bytes, bytes]]:
    with part.open("rb") as file:
        rest = b""
        while chunk := file.read(CHUNK):
            data = rest + chunk
            end = 0
            for found in PLACE.finditer(data):
                end = found.end()
                yield found.group(1), found.group(2)
            rest = data[max(end, len(data) - LONGEST_TAG) :]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
