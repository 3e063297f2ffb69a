"""Rows kept on disk while their columns become known: tables must name all of them before the first row."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import msgspec

from desktop_llm.data.writers.row import Cells, Numbered, Rows, as_json

Types = set[str]


@contextmanager
def spooled(rows: Rows) -> Iterator[Spool]:
    """The rows, read to their end, for as long as they are needed. Raises Unwritable."""
    with tempfile.TemporaryFile() as file:
        yield Spool(file, rows)


class Spool:
    """All rows, read in once; `types` tells for each column what its cells are."""

    def __init__(self, file: BinaryIO, rows: Rows) -> None:
        """`file` is empty and keeps the rows. Raises Unwritable."""
        self._file = file
        self.types: dict[str, Types] = {}
        for row in rows:
            for name, value in row.cells.items():
                self.types.setdefault(name, set()).add(type_of(value))
            file.write(as_json(row) + b"\n")

    @property
    def columns(self) -> tuple[str, ...]:
        """All names, in the order in which they came."""
        return tuple(self.types)

    def rows(self) -> Iterator[Numbered]:
        """The rows again."""
        self._file.seek(0)
        decode = msgspec.json.Decoder(dict[str, object]).decode
        for number, line in enumerate(self._file, 1):
            cells: Cells = decode(line)
            yield Numbered(number, cells)


def type_of(value: object) -> str:
    """What a value is for a typed column: text, truth, int, float, none, empty, names, spans or other."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "int" if isinstance(value, int) else "float"
    if isinstance(value, list):
        if not value:
            return "empty"
        if all(isinstance(one, str) for one in value):
            return "names"
        if all(_is_span(one) for one in value):
            return "spans"
    return "none" if value is None else "other"


def _is_span(one: object) -> bool:
    if not isinstance(one, dict) or set(one) != {"start", "end", "label"}:
        return False
    return type(one["start"]) is int and type(one["end"]) is int and isinstance(one["label"], str)
