"""Writes Excel workbooks row by row: text stays text whatever it looks like, numbers and truth keep their type."""

from __future__ import annotations

import re
from typing import BinaryIO

from desktop_llm.data.mapping import plain
from desktop_llm.data.writers.delimited import heading
from desktop_llm.data.writers.row import Numbered, Rows, Unwritable
from desktop_llm.data.writers.spool import spooled

LONGEST = 32_767
MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
# What XML cannot hold, or gives back otherwise, goes in as _xHHHH_ (ECMA-376, ST_Xstring), and so does such a sign.
ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)|[\x01-\x08\x0b-\x1f]")
NO_SIGNS = "\ufffe\uffff"
BLANK = re.compile("[\x01-\x20]")


def write_excel(file: BinaryIO, rows: Rows) -> None:
    """One sheet with a header. Raises Unwritable."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    with spooled(rows) as spool:
        columns = heading(spool.columns)
        if len(columns) > MOST_COLUMNS:
            raise Unwritable(1, f"it has more than {MOST_COLUMNS:,} columns")
        for row in spool.rows():
            # All of them before the first is written: a sheet left half-way complains when it is collected.
            _values(row, columns)
        book = Workbook(write_only=True)
        sheet = book.create_sheet("data")

        def cell(value: object) -> object:
            if not isinstance(value, str):
                return value
            made = WriteOnlyCell(sheet, value=_escaped(value))
            # Else “=1+1” would be a formula and “#N/A” an error.
            made.data_type = "s"
            return made

        sheet.append([cell(name) for name in columns])
        for row in spool.rows():
            sheet.append([cell(value) for value in _values(row, columns)])
        book.save(file)


def _values(row: Numbered, columns: tuple[str, ...]) -> list[object]:
    if row.number >= MOST_ROWS:
        raise Unwritable(row.number, f"a sheet holds {MOST_ROWS:,} rows")
    values = [row.cells.get(name) for name in columns]
    for name, value in zip(columns, values, strict=True):
        if isinstance(value, str) and len(_escaped(value)) > LONGEST:
            raise Unwritable(row.number, f"its “{name}” has more than the {LONGEST:,} characters that a cell holds")
        if isinstance(value, str) and any(sign in value for sign in NO_SIGNS):
            raise Unwritable(row.number, f"its “{name}” holds U+FFFE or U+FFFF, which no workbook can")
        if isinstance(value, int | float) and abs(value) > 2**53:
            raise Unwritable(row.number, f"the number in “{name}” has more digits than a cell holds")
    if all(value in (None, "") for value in values):
        raise Unwritable(row.number, "all its cells are empty, which is no row in a sheet")
    return [plain(value) if isinstance(value, list | dict) else value for value in values]


def _escaped(value: str) -> str:
    # A cell of nothing but white space would lose what XML takes for such.
    odd = ESCAPED if value.strip() else BLANK
    return odd.sub(lambda found: f"_x{ord(found.group()):04X}_", value)
