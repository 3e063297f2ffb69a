"""Writes fastText's training files. They do not tell a label from a list of one, nor no label from an empty list."""

from __future__ import annotations

import re
from typing import BinaryIO

from desktop_llm.data.readers.fasttext import PREFIX, parted
from desktop_llm.data.writers.row import Numbered, Rows, Unwritable, only
from desktop_llm.data.writers.text import on_one_line, put

SPACE = re.compile(r"[ \t\n\v\f\r\0]")


def write_fasttext(file: BinaryIO, rows: Rows) -> None:
    """A text a line, its labels before it. Raises Unwritable."""
    for row in rows:
        only(row, "text", "label", "labels")
        put(file, f"{_line(row)}\n")


def _line(row: Numbered) -> str:
    told, labels = row.cells.get("text"), _labels(row)
    if not isinstance(told, str):
        raise Unwritable(row.number, "it has no text")
    on_one_line(row.number, told)
    for label in labels:
        if not isinstance(label, str) or not label or SPACE.search(label):
            raise Unwritable(row.number, f"the label “{label}” is not one word")
    line = "".join(f"{PREFIX}{label} " for label in labels) + told
    if not line.strip():
        raise Unwritable(row.number, "its text is blank and it has no label")
    if parted(line) != (labels, told) or any(word.startswith(PREFIX) for word in SPACE.split(told)):
        raise Unwritable(row.number, f"its text has words that begin with {PREFIX}")
    return line


def _labels(row: Numbered) -> list[object]:
    if "label" in row.cells and "labels" in row.cells:
        raise Unwritable(row.number, "it has both a label and labels")
    if "label" in row.cells:
        return [row.cells["label"]]
    labels = row.cells.get("labels", [])
    if not isinstance(labels, list):
        raise Unwritable(row.number, "its labels are not a list")
    return labels
