"""The physical lines of a text file, decoded one by one: a bad byte spoils its line only, a huge line no memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from desktop_llm.data.readers.reader import LARGEST_ROW
from desktop_llm.errors import from_os_error

BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
CHUNK = 1 << 16
MANY_BYTES = 1 << 17
"""Bytes from which on numpy counts, a fifth of what Python takes; small files do not wait for it."""


class Line(NamedTuple):
    """A line without its end. `trouble` says why it cannot be used, '' when it can."""

    number: int
    text: str
    trouble: str


class Mark(NamedTuple):
    """A place between two lines to come back to."""

    offset: int
    number: int


class Lines:
    """A file's lines in order. `position` and `size` are bytes."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        """`file` is open in binary mode at its start."""
        self._file = file
        self._encoding = encoding
        self._end = "\n".encode(encoding)
        self._numbered = 0
        head = file.read(CHUNK)
        self.position = bom_length(head, encoding)
        self.size = file.seek(0, 2)
        if self._end == b"\n" and b"\r" in head and b"\n" not in head:
            # Spreadsheets on old Macs end lines so.
            self._end = b"\r"
        self.simple = self._end == b"\n"
        """Whether lines end with the one byte that they end with in ASCII, so that `take` can be used."""
        file.seek(self.position)
        self._wide = _WideLines(file, self._end)

    def next(self) -> Line | None:
        """The next line, None at the end. Raises OSError."""
        raw = self._file.readline(LARGEST_ROW) if self.simple else self._wide.next()
        if not raw:
            return None
        self._numbered += 1
        self.position += len(raw)
        if len(raw) >= LARGEST_ROW and not raw.endswith(self._end):
            return self._skip_rest(len(raw))
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError as error:
            return self._undecodable(raw, error)
        return Line(self._numbered, text.rstrip("\r\n") if text[-1:] in "\r\n" else text, "")

    def take(self, size: int) -> bytes:
        """The next whole lines, about `size` bytes of them, with their ends; b'' at the end. Raises OSError.

        A line above LARGEST_ROW comes in pieces: go `back` and read it by `next`.
        """
        raw = self._file.read(size)
        if raw and not raw.endswith(b"\n"):
            raw += self._file.readline(LARGEST_ROW)
        self.position += len(raw)
        self._numbered += line_ends(raw) + (raw[-1:] not in (b"", b"\n"))
        return raw

    def mark(self) -> Mark:
        """The place after the last line."""
        return Mark(self.position, self._numbered)

    def back(self, mark: Mark) -> None:
        """Go on from `mark`."""
        self._file.seek(mark.offset)
        self._wide.forget()
        self.position, self._numbered = mark

    def _skip_rest(self, size: int) -> Line:
        while raw := (self._file.readline(LARGEST_ROW) if self.simple else self._wide.next()):
            self.position += len(raw)
            size += len(raw)
            if raw.endswith(self._end):
                break
        return Line(self._numbered, "", f"the line has {size:,} bytes; at most {LARGEST_ROW:,} are read")

    def _undecodable(self, raw: bytes, error: UnicodeDecodeError) -> Line:
        bad = raw[error.start : error.start + 1].hex().upper()
        trouble = f"the byte 0x{bad} at place {error.start + 1} of the line is not {self._encoding.upper()} text"
        return Line(self._numbered, raw.decode(self._encoding, "replace").rstrip("\r\n"), trouble)


class _WideLines:
    """Raw lines of encodings whose line end is not the one byte that `readline` knows (UTF-16, old Mac ends)."""

    def __init__(self, file: BinaryIO, end: bytes) -> None:
        self._file = file
        self._end = end
        self._buffer = b""

    def next(self) -> bytes:
        """The next line with its end, a piece of LARGEST_ROW of a longer one, b'' at the end."""
        searched = 0
        while True:
            stop = self._find(searched)
            if stop or len(self._buffer) >= LARGEST_ROW:
                return self._take(stop or LARGEST_ROW)
            searched = max(0, len(self._buffer) - len(self._end))
            more = self._file.read(max(CHUNK, len(self._buffer)))
            if not more:
                return self._take(len(self._buffer))
            self._buffer += more

    def forget(self) -> None:
        """The file was moved: what was read ahead is void."""
        self._buffer = b""

    def _find(self, start: int) -> int:
        """Behind the first line end from `start` that lies on a character's border, 0 when there is none."""
        while (found := self._buffer.find(self._end, start)) >= 0:
            if found % len(self._end) == 0:
                return found + len(self._end)
            start = found + 1
        return 0

    def _take(self, count: int) -> bytes:
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken


def line_ends(raw: bytes) -> int:
    """How many lines end in some bytes."""
    if len(raw) < MANY_BYTES:
        return raw.count(b"\n")
    import numpy as np

    return int(np.count_nonzero(np.frombuffer(raw, np.uint8) == ord("\n")))


def bom_length(head: bytes, encoding: str) -> int:
    """How many bytes at the start of a file are its byte order mark in `encoding`."""
    return next((len(bom) for bom in BOMS if head.startswith(bom) and _is_mark(bom, encoding)), 0)


def _is_mark(bom: bytes, encoding: str) -> bool:
    try:
        return bom.decode(encoding) == "\ufeff"
    except UnicodeDecodeError:
        return False


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file in binary mode; what goes wrong with it while it is open becomes a UserError."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise from_os_error(error, "read", path) from error
