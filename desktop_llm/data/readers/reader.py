"""What every reader of a file hands out, and the limits that keep one odd row from taking the program down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

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
