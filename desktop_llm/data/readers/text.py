"""Reads plain text: a row a line, a row a paragraph (parted by blank lines), or one row for the whole file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from desktop_llm.data.form import Form
from desktop_llm.data.readers.lines import Lines, bom_length, opened
from desktop_llm.data.readers.reader import LARGEST_ROW, LONGEST_CELL, Asking, RawRow, too_long
from desktop_llm.rows import Rejected

COLUMN = "text"


class TextReader:
    """The texts of a file, in the column “text”; `line` is where each starts."""

    def __init__(self, path: Path, form: Form) -> None:
        """Nothing is read yet."""
        self._path = path
        self._form = form
        self._fraction = 0.0

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (COLUMN,)

    def rows(self, should_stop: Callable[[], bool]) -> Iterator[RawRow | Rejected]:
        """All texts; blank ones are none. Raises Cancelled, UserError."""
        asking = Asking(should_stop)
        asking.step()
        if self._form.unit == "file":
            yield from self._whole()
        else:
            yield from self._parts(asking)
        self._fraction = 1.0

    def fraction(self) -> float:
        """How much of the file has been read."""
        return self._fraction

    def _parts(self, asking: Asking) -> Iterator[RawRow | Rejected]:
        by_line = self._form.unit == "line"
        with opened(self._path) as file:
            lines = Lines(file, self._form.encoding)
            part = _Part()
            while (line := lines.next()) is not None:
                asking.step()
                self._fraction = lines.position / lines.size
                blank = not line.trouble and not line.text.strip()
                if part.lines and (blank or by_line):
                    yield part.row()
                    part = _Part()
                if not blank:
                    part.add(line.number, line.text, line.trouble)
            if part.lines:
                yield part.row()

    def _whole(self) -> Iterator[RawRow | Rejected]:
        with opened(self._path) as file:
            data = file.read(LARGEST_ROW + 1)
        if len(data) > LARGEST_ROW:
            yield Rejected(line=1, reason=f"the file has more than {LARGEST_ROW:,} bytes, too many for one row")
            return
        try:
            text = data[bom_length(data[:4], self._form.encoding) :].decode(self._form.encoding)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            reason = f"it holds bytes that are not {self._form.encoding.upper()} text"
            yield Rejected(line=line, reason=reason, cells={COLUMN: data.decode(self._form.encoding, "replace")})
            return
        if text.strip():
            row = _text_row(1, text)
            if isinstance(row, Rejected) and len(text) > LONGEST_CELL:
                row = replace(row, reason=f"{row.reason}; take it by line or by paragraph")
            yield row


class _Part:
    """Lines that make one row. What exceeds the longest cell is counted, not kept."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._start = 0
        self._trouble = ""
        self._size = 0

    def add(self, number: int, text: str, trouble: str) -> None:
        """One more line."""
        self._start = self._start or number
        self._trouble = self._trouble or trouble
        if self._size <= LONGEST_CELL:
            self.lines.append(text)
        self._size += len(text) + 1

    def row(self) -> RawRow | Rejected:
        """All of them as a row."""
        text = "\n".join(self.lines)
        if self._trouble:
            return Rejected(line=self._start, reason=self._trouble, cells={COLUMN: text})
        if self._size - 1 > LONGEST_CELL:
            return Rejected(line=self._start, reason=too_long(COLUMN, self._size - 1), cells={COLUMN: text})
        return _text_row(self._start, text)


def _text_row(line: int, text: str) -> RawRow | Rejected:
    if len(text) > LONGEST_CELL:
        return Rejected(line=line, reason=too_long(COLUMN, len(text)), cells={COLUMN: text})
    if "\0" in text:
        return Rejected(line=line, reason=f"the cell “{COLUMN}” holds a NUL character", cells={COLUMN: text})
    return RawRow(line=line, cells={COLUMN: text})
