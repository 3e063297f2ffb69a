"""Writes plain text: a text a line, or a text a paragraph with a blank line between. Nothing but texts fits in."""

from __future__ import annotations

from typing import BinaryIO

from desktop_llm.data.writers.row import BOM, Rows, Unwritable, only, text


def write_lines(file: BinaryIO, rows: Rows) -> None:
    """A text a line. Raises Unwritable."""
    for row in rows:
        only(row, "text")
        put(file, f"{on_one_line(row.number, text(row))}\n")


def write_paragraphs(file: BinaryIO, rows: Rows) -> None:
    """A text a paragraph. Raises Unwritable."""
    between = ""
    for row in rows:
        only(row, "text")
        told = text(row)
        if any(not line.strip() or line.endswith("\r") for line in told.split("\n")):
            raise Unwritable(row.number, "its text has blank lines or line ends other than LF")
        put(file, f"{between}{told}\n")
        between = "\n"


def on_one_line(number: int, told: str) -> str:
    """A text that can stand on a line. Raises Unwritable."""
    if "\n" in told or "\r" in told:
        raise Unwritable(number, "its text has several lines")
    return told


def put(file: BinaryIO, told: str) -> None:
    """Write text; one that begins the file like a byte order mark gets a real one before it."""
    data = told.encode()
    if data.startswith(BOM) and file.tell() == 0:
        data = BOM + data
    file.write(data)
