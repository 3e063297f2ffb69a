"""What every reader of a file hands out, and the limits that keep one odd row from taking the program down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol, overload, runtime_checkable

from desktop_llm.errors import Cancelled
from desktop_llm.rows import Rejected

LONGEST_CELL = 1_000_000
LARGEST_ROW = 16 * 1024 * 1024
ROWS_BETWEEN_QUESTIONS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRow:
    """A row as the file has it: the line it starts on (from 1) and its cells by column.

    Cells of delimited files are text; JSON cells keep their type, lists and objects included.
    """

    line: int
    cells: dict[str, object]


class Reader(Protocol):
    """An opened file of rows. `rows` may be called again and starts anew."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the file's order."""

    def rows(self, should_stop: Callable[[], bool]) -> Iterator[RawRow | Rejected]:
        """All rows in order. Raises Cancelled once `should_stop` says so, UserError when reading fails."""

    def fraction(self) -> float:
        """How much of the file's bytes `rows` has passed, 0 to 1."""


class Table(Sequence[Sequence[Any]]):
    """Rows kept by column, in the order of the reader's columns: a row is made a list only where it is asked for."""

    def __init__(self, columns: Sequence[Sequence[Any]]) -> None:
        """All `columns` are of one length."""
        self.columns = columns

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]]) -> Table:
        """Rows of one length, turned."""
        return rows if isinstance(rows, Table) else cls([list(column) for column in zip(*rows, strict=True)])

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    @overload
    def __getitem__(self, place: int) -> list[Any]: ...

    @overload
    def __getitem__(self, place: slice) -> Table: ...

    def __getitem__(self, place: int | slice) -> list[Any] | Table:
        if isinstance(place, slice):
            return Table([column[place] for column in self.columns])
        return [column[place] for column in self.columns]


@dataclass(frozen=True, slots=True)
class Block:
    """Many rows at once, for those who take all of a file: cheaper than a RawRow each.

    `rows` are the cells in the order of the reader's columns, or by column; row i starts on line `starts[i]`.
    `rejected` are rows between them that were not taken.
    """

    starts: Sequence[int]
    rows: Sequence[Sequence[Any]] | Sequence[Mapping[str, object]]
    rejected: Sequence[Rejected] = ()


@runtime_checkable
class BlockReader(Protocol):
    """A reader that can hand out many rows at once, the same ones as `rows`."""

    def blocks(self, should_stop: Callable[[], bool], *, columnar: bool = False) -> Iterator[Block]:
        """All rows in order. Raises Cancelled once `should_stop` says so, UserError when reading fails.

        `columnar`: cells may come as `columns.Texts`, for which Arrow, slow to load, is worth it in large files only.
        """


@runtime_checkable
class FilesReader(Protocol):
    """A reader of several files, whose rows say in a cell where they are from."""

    @property
    def file_column(self) -> str:
        """The column of that cell; '' where they do not say it."""


def file_column(reader: Reader) -> str:
    """The column in which the rows of a reader of several files say where they are from; '' where there is none."""
    return reader.file_column if isinstance(reader, FilesReader) else ""


def named(one: Rejected, column: str) -> Rejected:
    """The row with its file in the reason, where the cell of that `column` tells it: lines count in each file."""
    start = f"in “{one.cells.get(column)}”: "
    if column not in one.cells or one.reason.startswith(start):
        return one
    return replace(one, reason=start + one.reason)


def blocks(reader: Reader, should_stop: Callable[[], bool], *, columnar: bool = False) -> Iterator[Block]:
    """All rows of any reader in blocks. Raises Cancelled, UserError."""
    if isinstance(reader, BlockReader):
        yield from reader.blocks(should_stop, columnar=columnar)
        return
    rows = reader.rows(should_stop)
    while part := list(islice(rows, ROWS_BETWEEN_QUESTIONS)):
        taken = [row for row in part if isinstance(row, RawRow)]
        rejected = [row for row in part if isinstance(row, Rejected)]
        yield Block([row.line for row in taken], [row.cells for row in taken], rejected)


class Asking:
    """Asks `should_stop` once in a while, as asking at each row would cost more than reading it."""

    def __init__(self, should_stop: Callable[[], bool]) -> None:
        """`should_stop` is what to ask."""
        self._should_stop = should_stop
        self._left = 0

    def step(self) -> None:
        """A row was read. Raises Cancelled when asked to stop."""
        if self._left == 0:
            if self._should_stop():
                raise Cancelled("reading was stopped")
            self._left = ROWS_BETWEEN_QUESTIONS
        self._left -= 1


def too_long(column: str, size: int) -> str:
    """The reason why a row with so long a cell is not taken."""
    return f"the cell “{column}” has {size:,} characters; at most {LONGEST_CELL:,} are read"
