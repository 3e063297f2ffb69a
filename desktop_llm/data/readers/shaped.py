"""Rows of another tool's export in the cells that all tasks understand, from whatever reader has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from desktop_llm.data.readers.reader import RawRow, Reader, file_column, named
from desktop_llm.data.shapes.recognising import canonical
from desktop_llm.data.shapes.shape import Shape
from desktop_llm.rows import Rejected

FOR_COLUMNS = 1000


class ShapedReader:
    """A reader around a reader."""

    def __init__(self, inner: Reader, shape: Shape) -> None:
        """Reads the first rows to know their columns. Raises UserError."""
        self._inner, self._shape = inner, shape
        first = islice(self.rows(lambda: False), FOR_COLUMNS)
        self._columns = tuple(dict.fromkeys(name for row in first if isinstance(row, RawRow) for name in row.cells))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the cells of the first rows, in their order."""
        return self._columns

    @property
    def file_column(self) -> str:
        """As of the reader inside."""
        return file_column(self._inner)

    def rows(self, should_stop: Callable[[], bool]) -> Iterator[RawRow | Rejected]:
        """All rows; one that is not as its shape promises is Rejected. Raises Cancelled, UserError."""
        column = self.file_column
        for row in canonical(self._inner.rows(should_stop), self._shape, told=True):
            yield named(row, column) if isinstance(row, Rejected) else row

    def fraction(self) -> float:
        """How much of the file was read."""
        return self._inner.fraction()
