"""Writes CSV and TSV: UTF-8, every cell in quotes, a header; lists and objects as JSON, other values as their text."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from desktop_llm.data.mapping import plain
from desktop_llm.data.writers.row import Numbered, Rows, Unwritable
from desktop_llm.data.writers.spool import spooled


def write_delimited(delimiter: str) -> Callable[[BinaryIO, Rows], None]:
    """The writer of tables whose cells this sign parts."""

    def write(file: BinaryIO, rows: Rows) -> None:
        with spooled(rows) as spool:
            header = heading(spool.columns)
            file.write(_line(header, delimiter))
            for row in spool.rows():
                file.write(_line([_cell(row, name) for name in header], delimiter))

    return write


def heading(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns, unless a header would not give one back. Raises Unwritable."""
    odd = next((name for name in columns if not name or " ".join(name.split()) != name), None)
    if odd is not None:
        raise Unwritable(1, f"“{odd}” cannot name a column of a table; rename it")
    return columns


def _cell(row: Numbered, name: str) -> str:
    value = plain(row.cells.get(name))
    if "\r\n" in value:
        reason = f"the line ends of its “{name}” (CR LF) would come back as LF; make them LF or write JSON Lines"
        raise Unwritable(row.number, reason)
    return value


def _line(cells: list[str] | tuple[str, ...], delimiter: str) -> bytes:
    return (delimiter.join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n").encode()
