"""Reads delimited text (CSV, TSV, …) row by row; a broken row costs itself only, never the rows behind it.

The rules are those of RFC 4180 as spreadsheets apply them: a cell in quotes may hold delimiters, line breaks and
doubled quotes; elsewhere a quote is an ordinary character. The csv module is used for what is well-formed only
(`quick`), because a cell above its limit ends the reading, a quote that is never closed silently swallows the rest of
the file, and it cannot say on which line a row begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from desktop_llm.data.form import Form
from desktop_llm.data.readers import quick
from desktop_llm.data.readers.lines import Line, Lines, opened
from desktop_llm.data.readers.reader import LONGEST_CELL, Asking, Block, RawRow, too_long
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import WHOLE_ROW, Rejected

QUOTE = '"'
FURTHER = "further cells"
"""What a row that was not taken has beyond the file's columns."""


class Record(NamedTuple):
    """The cells of a row and the line it starts on; `trouble` says why it cannot be used.

    `sizes` of the cells that were too long to be kept; `text` of a line that could not be parted into cells.
    """

    number: int
    cells: list[str]
    trouble: str
    sizes: dict[int, int]
    text: str = ""


class _Unclosed(Exception):
    """A quoted cell that spans lines does not end as one."""


class Records:
    """Lines to records. `lines` may be anything with the methods of `Lines`."""

    def __init__(self, lines: Lines, delimiter: str) -> None:
        """`delimiter` '' makes each line one cell."""
        self._lines = lines
        self._delimiter = delimiter

    def next(self) -> Record | None:
        """The next record, None at the end. Blank lines are passed over."""
        while (line := self._lines.next()) is not None:
            if line.trouble or line.text.strip(" "):
                return self._record(line)
        return None

    def _record(self, line: Line) -> Record:
        delimiter = self._delimiter
        if QUOTE not in line.text:
            cells = line.text.split(delimiter) if delimiter else [line.text]
            return Record(line.number, cells, line.trouble, {})
        after = self._lines.mark()
        try:
            return _Row(self._lines, line, delimiter).read()
        except _Unclosed:
            self._lines.back(after)
            if delimiter in ("\t", ""):
                # Programs that write tabs or plain lines seldom quote: the quote is a character of the text.
                return Record(line.number, line.text.split("\t") if delimiter else [line.text], line.trouble, {})
            trouble = line.trouble or "a quote is opened in this line and never closed"
            return Record(line.number, [], trouble, {}, line.text)


class _Row:
    """Reads one row that holds quotes, over as many lines as it takes."""

    def __init__(self, lines: Lines, line: Line, delimiter: str) -> None:
        self._lines = lines
        self._first = line.number
        self._text = line.text
        self._delimiter = delimiter
        self._at = 0
        self._spans = False
        self._trouble = line.trouble
        self._sizes: dict[int, int] = {}

    def read(self) -> Record:
        """The record. Raises _Unclosed."""
        cells: list[str] = []
        while True:
            if self._text.startswith(QUOTE, self._at):
                kept, size = self._quoted()
                if size > LONGEST_CELL:
                    self._sizes[len(cells)] = size
                cells.append(kept)
            else:
                cells.append(self._plain())
            if self._at >= len(self._text):
                break
            self._at += 1
            if self._at == len(self._text):
                cells.append("")
                break
        return Record(self._first, cells, self._trouble, self._sizes)

    def _plain(self) -> str:
        """The cell up to the next delimiter."""
        start = self._at
        end = self._text.find(self._delimiter, start) if self._delimiter else -1
        self._at = end if end >= 0 else len(self._text)
        return self._text[start : self._at]

    def _quoted(self) -> tuple[str, int]:
        """The cell in quotes that opens here, and its size; what exceeds the limit is counted, not kept."""
        parts: list[str] = []
        size = 0
        self._at += 1
        while True:
            end = self._text.find(QUOTE, self._at)
            if end < 0:
                piece = self._text[self._at :] + "\n"
                self._continue()
            else:
                doubled = self._text.startswith(QUOTE, end + 1)
                piece = self._text[self._at : end + doubled]
                self._at = end + 1 + doubled
            if size <= LONGEST_CELL:
                parts.append(piece)
            size += len(piece)
            if end >= 0 and not doubled:
                break
        rest = self._plain()
        if rest.strip():
            if self._spans:
                raise _Unclosed
            parts.append(rest)
            size += len(rest)
        return "".join(parts), size

    def _continue(self) -> None:
        """Go on with the next line inside a quoted cell."""
        line = self._lines.next()
        if line is None:
            raise _Unclosed
        if line.trouble and not self._trouble:
            self._trouble = f"line {line.number} of the row: {line.trouble}"
        self._spans = True
        self._text = line.text
        self._at = 0


class DelimitedReader:
    """The rows of a CSV or TSV file."""

    def __init__(self, path: Path, form: Form) -> None:
        """Reads the first record for the columns. Raises UserError."""
        self._path = path
        self._form = form
        self._fraction = 0.0
        with opened(path) as file:
            records = Records(Lines(file, form.encoding), form.delimiter)
            first = records.next()
            while first is not None and not first.cells and not form.header:
                first = records.next()
        if first is None:
            raise UserError(f"“{path.name}” is empty; choose a file with rows.")
        if not first.cells:
            raise UserError(f"The header of “{path.name}” cannot be read: {first.trouble}; mend that line.")
        self._columns = unique_names(first.cells if form.header else [""] * len(first.cells))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the header, or 'column 1', …"""
        return self._columns

    def rows(self, should_stop: Callable[[], bool]) -> Iterator[RawRow | Rejected]:
        """All rows but the header. Raises Cancelled, UserError."""
        asking = Asking(should_stop)
        with opened(self._path) as file:
            lines = Lines(file, self._form.encoding)
            records = Records(lines, self._form.delimiter)
            if self._form.header:
                records.next()
            while (record := records.next()) is not None:
                asking.step()
                self._fraction = lines.position / lines.size
                yield self._row(record)

    def blocks(self, should_stop: Callable[[], bool], *, columnar: bool = False) -> Iterator[Block]:
        """All rows but the header, many at once. Raises Cancelled, UserError."""
        with opened(self._path) as file:
            lines = Lines(file, self._form.encoding)
            records = Records(lines, self._form.delimiter)
            if self._form.header:
                records.next()
            before = -1
            while lines.position > before:
                before = lines.position
                if should_stop():
                    raise Cancelled("reading was stopped")
                block = quick.block(lines, self._form, len(self._columns), columnar=columnar)
                block = block or self._block(lines, records)
                self._fraction = lines.position / lines.size
                yield block

    def _block(self, lines: Lines, records: Records) -> Block:
        """Some rows, each with the care that `quick` has no time for."""
        until = lines.position + quick.BLOCK
        starts: list[int] = []
        rows: list[Sequence[str]] = []
        rejected: list[Rejected] = []
        while lines.position < until and (record := records.next()) is not None:
            row = self._row(record)
            if isinstance(row, Rejected):
                rejected.append(row)
            else:
                starts.append(row.line)
                rows.append([str(cell) for cell in row.cells.values()])
        return Block(starts, rows, rejected)

    def fraction(self) -> float:
        """How much of the file has been read."""
        return self._fraction

    def _row(self, record: Record) -> RawRow | Rejected:
        cells = record.cells
        if record.trouble:
            return self._rejected(record, record.trouble)
        if len(cells) != len(self._columns):
            if len(cells) < len(self._columns) or any(cells[len(self._columns) :]):
                return self._rejected(record, self._ragged(len(cells)))
            cells = cells[: len(self._columns)]
        for column, cell in zip(self._columns, cells, strict=True):
            if len(cell) > LONGEST_CELL:
                size = record.sizes.get(self._columns.index(column), len(cell))
                return self._rejected(record, too_long(column, size))
            if "\0" in cell:
                return self._rejected(record, f"the cell “{column}” holds a NUL character")
        return RawRow(line=record.number, cells=dict(zip(self._columns, cells, strict=True)))

    def _rejected(self, record: Record, reason: str) -> Rejected:
        cells: dict[str, object] = dict(zip(self._columns, record.cells, strict=False))
        further = record.cells[len(self._columns) :]
        if further:
            cells[FURTHER] = self._form.delimiter.join(further)
        if record.text:
            cells[WHOLE_ROW] = record.text
        return Rejected(line=record.number, reason=reason, cells=cells)

    def _ragged(self, count: int) -> str:
        wanted = len(self._columns)
        return f"it has {count} {'cell' if count == 1 else 'cells'}, but the file has {wanted} columns"


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Column names, each once: empty ones become 'column 3', a repeated one gets ' (2)'."""
    unique: dict[str, None] = {}
    times_of: dict[str, int] = {}
    for place, name in enumerate(names, 1):
        told = " ".join(name.split()) or f"column {place}"
        fresh, times = told, times_of.get(told, 1)
        while fresh in unique:
            times += 1
            fresh = f"{told} ({times})"
        times_of[told] = times  # else many columns of one name would take for ever
        unique[fresh] = None
    return tuple(unique)
