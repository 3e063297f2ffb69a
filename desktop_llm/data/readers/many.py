"""Reads all files of a folder, of a ZIP archive, or of a saved Hugging Face dataset as one table.

Each row says in its cell `file` where it is from, and in `split` whether for training, validation or test, where the
files' names part them so. A file that cannot be read costs itself only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from desktop_llm.data.form import Form
from desktop_llm.data.readers.archive import BROKEN, LARGEST_HELD, Member, broken
from desktop_llm.data.readers.reader import Asking, RawRow, Reader
from desktop_llm.errors import UserError
from desktop_llm.rows import Rejected

FOR_COLUMNS = 50
PLAIN = (".txt", ".text", ".md")
NESTED = ("folder", "zip", "dataset")
WHOLE_IN_MEMORY = ("json", "excel", "parquet", "arrow")


class ManyReader:
    """The rows of many files, one after the other."""

    def __init__(
        self,
        path: Path,
        form: Form,
        members: Callable[[], AbstractContextManager[Sequence[Member]]],
        split_of: Callable[[str], str] | None = None,
    ) -> None:
        """Opens the first files for the columns. `split_of` a member's name, if names say it. Raises UserError."""
        self._path = path
        self._form = form
        self._members = members
        self._split_of = split_of
        self._names_files = form.kind != "dataset"
        self._fraction = 0.0
        columns: dict[str, None] = {}
        trouble = ""
        with members() as listed:
            for member in listed[:FOR_COLUMNS]:
                try:
                    columns.update(dict.fromkeys(self._reader(member).columns))
                except UserError as error:
                    trouble = trouble or error.message
                except BROKEN as error:
                    raise broken(path.name, error) from error
        if not columns:
            raise UserError(f"“{path.name}” holds no file with rows that can be read{_first(trouble)}.")
        self._file, self._split = _free("file", columns), _free("split", columns)
        added = [self._file] * self._names_files + [self._split] * (split_of is not None)
        self._columns = (*columns, *added)

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of the first files, then `file` and `split`."""
        return self._columns

    @property
    def file_column(self) -> str:
        """The column that says of a row which file it is from; '' where files mean nothing to people."""
        return self._file if self._names_files else ""

    def rows(self, should_stop: Callable[[], bool]) -> Iterator[RawRow | Rejected]:
        """All rows of all files; `line` counts in each file. Raises Cancelled, UserError."""
        asking = Asking(should_stop)
        asking.step()
        with self._members() as listed:
            whole = max(1, sum(member.size for member in listed))
            passed = 0
            for member in listed:
                for row, part in self._file_rows(member, should_stop):
                    asking.step()
                    self._fraction = min(1.0, (passed + part * member.size) / whole)
                    yield row
                passed += member.size
        self._fraction = 1.0

    def fraction(self) -> float:
        """How much of all files' bytes has been read."""
        return self._fraction

    def _file_rows(self, member: Member, should_stop: Callable[[], bool]) -> Iterator[tuple[RawRow | Rejected, float]]:
        told: dict[str, object] = {self._file: member.name} if self._names_files else {}
        if self._split_of is not None:
            told[self._split] = self._split_of(member.name)
        try:
            reader = self._reader(member)
            for row in reader.rows(should_stop):
                if isinstance(row, Rejected):
                    yield _rejected(row, member, told), reader.fraction()
                else:
                    yield replace(row, cells={**row.cells, **told}), reader.fraction()
        except UserError as error:
            if self._form.kind == "dataset":
                raise
            yield Rejected(line=1, reason=f"in “{member.name}”: {error.message.rstrip('.')}"), 1.0
        except BROKEN as error:
            raise broken(self._path.name, error) from error

    def _reader(self, member: Member) -> Reader:
        from desktop_llm.data.readers.opening import open_reader
        from desktop_llm.data.sniff import sniff

        if self._form.kind == "dataset":
            return open_reader(member.path, Form(kind="arrow"))
        form = sniff(member.path)
        if form.kind in NESTED:
            raise UserError(f"“{member.name}” is an archive inside; unpack it first.")
        if self._form.kind == "zip" and form.kind in WHOLE_IN_MEMORY and member.size > LARGEST_HELD:
            raise UserError(f"“{member.name}” is too large to be read inside an archive; unpack it first.")
        if form.kind == "csv" and not form.delimiter and member.path.suffix.casefold() in PLAIN:
            form = Form(kind="text", encoding=form.encoding, unit=self._form.unit)
        return open_reader(member.path, form)


def _rejected(row: Rejected, member: Member, told: Mapping[str, object]) -> Rejected:
    return replace(row, reason=f"in “{member.name}”: {row.reason}", cells={**row.cells, **told})


def _free(name: str, taken: dict[str, None]) -> str:
    fresh, times = name, 1
    while fresh in taken:
        times += 1
        fresh = f"{name} ({times})"
    return fresh


def _first(trouble: str) -> str:
    return f" (the first: {trouble.rstrip('.')})" if trouble else ""
