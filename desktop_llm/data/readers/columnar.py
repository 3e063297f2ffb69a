"""Reads Parquet and Arrow tables (IPC files, which Feather files are, and IPC streams) batch by batch.

A table written here says so in its metadata: there a missing value means that the row has no such cell, and columns
of mixed values are JSON. Class numbers of Hugging Face datasets come out as the names they stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from desktop_llm.data.form import Form
from desktop_llm.data.readers.cells import row_of
from desktop_llm.data.readers.class_names import Names, class_names, named
from desktop_llm.data.readers.delimited import unique_names
from desktop_llm.data.readers.lines import opened
from desktop_llm.data.readers.reader import Asking, RawRow
from desktop_llm.errors import UserError, first_line
from desktop_llm.rows import Rejected

BATCH = 1024
BUFFER = 1 << 20
OURS = b"desktop_llm"
AS_JSON = b"json"
TITLES = {"parquet": "a Parquet table", "arrow": "an Arrow table"}


class _Unreadable:
    """Stands for a cell whose bytes are no UTF-8: `text` is what can be read of it."""

    def __init__(self, raw: bytes) -> None:
        self.text = raw.decode("utf-8", "replace")


class _Absent:
    """Stands for a cell that a row does not have."""


_ABSENT = _Absent()


class ColumnarReader:
    """The rows of a .parquet, .arrow or .feather file; `line` counts them from 1."""

    def __init__(self, path: Path, form: Form) -> None:
        """Reads the schema. Raises UserError."""
        self._path = path
        self._kind = form.kind
        self._fraction = 0.0
        with self._table() as table:
            names = table.schema.names
            self._columns = tuple(names) if len(set(names)) == len(names) else unique_names(names)
            empty = not self._columns or next(table.batches(), None) is None
        if empty:
            raise UserError(f"“{path.name}” is empty; choose a file with rows.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the schema."""
        return self._columns

    def rows(self, should_stop: Callable[[], bool]) -> Iterator[RawRow | Rejected]:
        """All rows. Raises Cancelled, UserError."""
        asking = Asking(should_stop)
        number = 0
        with self._table() as table:
            decode = _Decoding(table.schema, self._columns)
            for batch, fraction in table.batches():
                for cells in decode.rows(batch):
                    asking.step()
                    number += 1
                    yield _row(number, cells)
                self._fraction = fraction
        self._fraction = 1.0

    def fraction(self) -> float:
        """How much of the table has been read."""
        return self._fraction

    @contextmanager
    def _table(self) -> Iterator[_Parquet | _Arrow]:
        import pyarrow as pa

        with opened(self._path) as file:
            try:
                yield _Parquet(file) if self._kind == "parquet" else _Arrow(file)
            except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
                told = first_line(error) if str(error).strip() else "its parts do not fit"
                raise UserError(
                    f"“{self._path.name}” cannot be read as {TITLES[self._kind]}: {told}; "
                    "it may be damaged or cut off: copy or export it again.",
                ) from error


class _Parquet:
    def __init__(self, file: BinaryIO) -> None:
        from pyarrow import parquet

        self._file = parquet.ParquetFile(file, buffer_size=BUFFER, pre_buffer=False)
        self.schema = self._file.schema_arrow

    def batches(self) -> Iterator[tuple[Any, float]]:
        """Batches that are not empty, each with the part of the table up to its end."""
        seen, total = 0, max(1, self._file.metadata.num_rows)
        for batch in self._file.iter_batches(batch_size=BATCH, use_threads=False):
            if batch.num_rows:
                seen += batch.num_rows
                yield batch, min(1.0, seen / total)


class _Arrow:
    def __init__(self, file: BinaryIO) -> None:
        from pyarrow import ipc

        self._input = file
        self._size = max(1, file.seek(0, 2))
        file.seek(0)
        magic = file.read(6)
        file.seek(0)
        options = ipc.IpcReadOptions(use_threads=False)
        self._is_stream = magic != b"ARROW1"
        self._file: Any = (
            ipc.open_stream(file, options=options) if self._is_stream else ipc.open_file(file, options=options)
        )
        self.schema = self._file.schema

    def batches(self) -> Iterator[tuple[Any, float]]:
        """Batches that are not empty, each with the part of the table up to its end."""
        for whole, fraction in self._whole():
            # A damaged batch may promise more rows than it has, and slicing it would end the process.
            whole.validate()
            for start in range(0, whole.num_rows, BATCH):
                yield whole.slice(start, BATCH), fraction

    def _whole(self) -> Iterator[tuple[Any, float]]:
        if self._is_stream:
            for batch in self._file:
                yield batch, self._input.tell() / self._size
            return
        count = self._file.num_record_batches
        for number in range(count):
            yield self._file.get_batch(number), (number + 1) / count


class _Decoding:
    """What the schema's metadata say about the columns."""

    def __init__(self, schema: Any, columns: tuple[str, ...]) -> None:
        metadata = schema.metadata or {}
        self._columns = columns
        self._ours = OURS in metadata
        self._json = [self._ours and AS_JSON in (field.metadata or {}) for field in schema]
        names = class_names(metadata.get(b"huggingface", b""))
        self._names: list[Names | None] = [names.get(field.name) for field in schema]

    def rows(self, batch: Any) -> Iterator[dict[str, object]]:
        """The cells of each row of a batch."""
        columns = [self._values(place, column) for place, column in enumerate(batch.columns)]
        for values in zip(*columns, strict=True):
            cells = dict(zip(self._columns, values, strict=True))
            yield {name: value for name, value in cells.items() if value is not _ABSENT} if self._ours else cells

    def _values(self, place: int, column: Any) -> list[object]:
        values = _listed(column)
        if self._ours:
            values = [_ABSENT if value is None else value for value in values]
        if self._json[place]:
            return [msgspec.json.decode(value) if isinstance(value, str) else value for value in values]
        names = self._names[place]
        return values if names is None else [named(value, names) for value in values]


def _listed(column: Any) -> list[object]:
    """A column's values. Raises ArrowInvalid when it is damaged: following its offsets could end the process."""
    import pyarrow as pa

    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        text = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary()}.get(column.type)
        if text is None or "UTF8" not in str(error):
            raise
        raw = column.view(text)
        raw.validate(full=True)
        return [None if value is None else _text(value) for value in raw.to_pylist()]
    return list(column.to_pylist())


def _text(value: bytes) -> object:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return _Unreadable(value)


def _row(number: int, cells: dict[str, object]) -> RawRow | Rejected:
    bad = next((name for name, cell in cells.items() if isinstance(cell, _Unreadable)), None)
    if bad is not None:
        told = {name: cell.text if isinstance(cell, _Unreadable) else cell for name, cell in cells.items()}
        return Rejected(line=number, reason=f"the cell “{bad}” is not UTF-8 text", cells=told)
    return row_of(number, cells)
