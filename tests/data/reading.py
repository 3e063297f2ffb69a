"""What the tests of files share: write one, read it the way an import does."""

from __future__ import annotations

from pathlib import Path

from desktop_llm.data.readers.opening import RawRow, Reader, open_reader
from desktop_llm.data.sniff import sniff
from desktop_llm.rows import Rejected


def written(folder: Path, name: str, data: bytes | str) -> Path:
    """A file with this content (text in UTF-8)."""
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def opened(path: Path) -> Reader:
    """Its reader, nothing told."""
    return open_reader(path, sniff(path))


def read(path: Path) -> list[RawRow | Rejected]:
    """All that comes out of a file."""
    return list(opened(path).rows(lambda: False))


def cells(path: Path) -> list[list[object]]:
    """The cells of the rows, all of which must be readable."""
    rows = read(path)
    assert [row for row in rows if isinstance(row, Rejected)] == []
    return [list(row.cells.values()) for row in rows if isinstance(row, RawRow)]


def lines_read(path: Path) -> list[int]:
    """The lines of the rows that were taken."""
    return [row.line for row in read(path) if isinstance(row, RawRow)]


def rejections(path: Path) -> list[tuple[int, str]]:
    """Line and reason of the rows that were not."""
    return [(row.line, row.reason) for row in read(path) if isinstance(row, Rejected)]
