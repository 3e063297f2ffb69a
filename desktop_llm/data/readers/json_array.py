"""Reads JSON files: an array of objects, or an object with one list of them, such as {"data": [...]}."""

from __future__ import annotations

import codecs
import io
import mmap
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from desktop_llm.data.form import Form
from desktop_llm.data.readers.json_elements import Data, elements, shape
from desktop_llm.data.readers.json_rows import columns_of, row_from, whole
from desktop_llm.data.readers.lines import bom_length, opened
from desktop_llm.data.readers.reader import Asking, RawRow
from desktop_llm.errors import UserError
from desktop_llm.rows import Rejected

CHUNK = 1 << 20


class JsonArrayReader:
    """The rows of a .json file."""

    def __init__(self, path: Path, form: Form) -> None:
        """Reads the first rows for the columns. Raises UserError."""
        self._path = path
        self._encoding = form.encoding
        self._fraction = 0.0
        self._columns = columns_of(self.rows(lambda: False), path.name)
        self._fraction = 0.0

    @property
    def columns(self) -> tuple[str, ...]:
        """The names used in the first rows."""
        return self._columns

    def rows(self, should_stop: Callable[[], bool]) -> Iterator[RawRow | Rejected]:
        """All rows. Raises Cancelled, UserError."""
        asking = Asking(should_stop)
        asking.step()
        with opened(self._path) as file, _as_utf8(file, self._encoding, self._path.name) as text:
            if not text.seek(0, 2):
                raise UserError(f"“{self._path.name}” is empty; choose a file with rows.")
            with _as_data(text) as data:
                found = shape(data)
                if found.trouble:
                    raise UserError(
                        f"“{self._path.name}” cannot be read as rows: {found.trouble}; "
                        "save it as a JSON array of objects or as JSON Lines."
                    )
                for end, element in elements(data, found.start):
                    asking.step()
                    self._fraction = end / len(data)
                    if element.trouble:
                        yield Rejected(line=element.line, reason=element.trouble, cells=whole(element.data))
                    else:
                        yield row_from(element.line, element.data)
                self._fraction = 1.0

    def fraction(self) -> float:
        """How much of the file has been read."""
        return self._fraction


@contextmanager
def _as_data(text: BinaryIO) -> Iterator[Data]:
    """All of a file, mapped where the system can, else (a file inside an archive) read."""
    try:
        place = text.fileno()
    except io.UnsupportedOperation:
        text.seek(0)
        yield text.read()
        return
    with mmap.mmap(place, 0, access=mmap.ACCESS_READ) as data:
        yield data


@contextmanager
def _as_utf8(file: BinaryIO, encoding: str, name: str) -> Iterator[BinaryIO]:
    """The file itself when it is UTF-8, else a temporary one that says the same in UTF-8."""
    start = bom_length(file.read(4), encoding)
    file.seek(start)
    if not start and codecs.lookup(encoding).name in ("utf-8", "ascii"):
        yield file
        return
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    with tempfile.TemporaryFile() as text:
        try:
            while chunk := file.read(CHUNK):
                # Undecodable bytes stay what they are, so that only their own row is refused.
                text.write(decoder.decode(chunk).encode("utf-8", "surrogateescape"))
            text.write(decoder.decode(b"", final=True).encode("utf-8", "surrogateescape"))
        except UnicodeError as error:  # encodings of two and four bytes have no place for bytes that mean nothing
            raise UserError(f"“{name}” is not {encoding} throughout: {_said(error)}; copy it again.") from error
        text.flush()
        yield text


def _said(error: UnicodeError) -> str:
    return str(getattr(error, "reason", error))
