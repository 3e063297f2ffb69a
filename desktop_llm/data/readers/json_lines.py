"""Reads JSON Lines: one JSON object a line; a broken line costs its row only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from desktop_llm.data.form import Form
from desktop_llm.data.readers import quick
from desktop_llm.data.readers.json_rows import columns_of, row_from, whole
from desktop_llm.data.readers.lines import Lines, opened
from desktop_llm.data.readers.reader import Asking, Block, RawRow
from desktop_llm.errors import Cancelled
from desktop_llm.rows import Rejected


class JsonLinesReader:
    """The rows of a .jsonl or .ndjson file."""

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
        with opened(self._path) as file:
            lines = Lines(file, self._encoding)
            while (line := lines.next()) is not None:
                asking.step()
                self._fraction = lines.position / lines.size
                if line.trouble:
                    yield Rejected(line=line.number, reason=line.trouble, cells=whole(line.text))
                elif line.text.strip():
                    yield row_from(line.number, line.text)

    def blocks(self, should_stop: Callable[[], bool], *, columnar: bool = False) -> Iterator[Block]:
        """All rows, many at once. Raises Cancelled, UserError."""
        with opened(self._path) as file:
            lines = Lines(file, self._encoding)
            before = -1
            while lines.position > before:
                before = lines.position
                if should_stop():
                    raise Cancelled("reading was stopped")
                block = quick.json_block(lines, self._encoding, self._columns, columnar=columnar)
                block = block or self._block(lines)
                self._fraction = lines.position / lines.size
                yield block

    def _block(self, lines: Lines) -> Block:
        """Some rows, each with the care that `quick` has no time for."""
        until = lines.position + quick.BLOCK
        rows: list[RawRow] = []
        rejected: list[Rejected] = []
        while lines.position < until and (line := lines.next()) is not None:
            if line.trouble:
                rejected.append(Rejected(line=line.number, reason=line.trouble, cells=whole(line.text)))
            elif line.text.strip():
                row = row_from(line.number, line.text)
                if isinstance(row, Rejected):
                    rejected.append(row)
                else:
                    rows.append(row)
        return Block([row.line for row in rows], [row.cells for row in rows], rejected)

    def fraction(self) -> float:
        """How much of the file has been read."""
        return self._fraction
