"""Writes JSON Lines and JSON arrays, one row a line."""

from __future__ import annotations

from typing import BinaryIO

from desktop_llm.data.writers.row import Rows, as_json


def write_json_lines(file: BinaryIO, rows: Rows) -> None:
    """One object a line. Raises Unwritable."""
    for row in rows:
        file.write(as_json(row) + b"\n")


def write_json(file: BinaryIO, rows: Rows) -> None:
    """One array of objects. Raises Unwritable."""
    before = b"[\n"
    for row in rows:
        file.write(before + as_json(row))
        before = b",\n"
    file.write(b"\n]\n")
