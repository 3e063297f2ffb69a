"""Reads a sheet of an Excel workbook (.xlsx): its first row may name the columns, numbers and truth keep their type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_llm.data.form import Form
from desktop_llm.data.header import is_header
from desktop_llm.data.readers.cells import row_of, whole_number
from desktop_llm.data.readers.delimited import unique_names
from desktop_llm.data.readers.excel_extent import refuse_spread
from desktop_llm.data.readers.lines import opened
from desktop_llm.data.readers.reader import Asking, RawRow
from desktop_llm.errors import UserError
from desktop_llm.rows import Rejected

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

LOOKED_AT = 200


class ExcelReader:
    """The rows of one sheet. The sheet is held in memory while it is read: the format cannot be read otherwise."""

    def __init__(self, path: Path, form: Form) -> None:
        """Reads the first row for the columns. Raises UserError."""
        self._path = path
        self._form = form
        self._fraction = 0.0
        first = next(_filled(_rows(path, form.sheet)), None)
        if first is None:
            raise UserError(f"The sheet “{form.sheet}” of “{path.name}” has no rows; choose another.")
        names = [_words(cell) for cell in first[1]]
        self._columns = unique_names(names if form.header else [""] * len(names))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the header, or 'column 1', …"""
        return self._columns

    def rows(self, should_stop: Callable[[], bool]) -> Iterator[RawRow | Rejected]:
        """All rows but the header; `line` is the row's number in the sheet. Raises Cancelled, UserError."""
        asking = Asking(should_stop)
        asking.step()
        rows = _rows(self._path, self._form.sheet)
        headed = self._form.header
        for number, cells in _filled(rows):
            asking.step()
            self._fraction = number / len(rows)
            if headed:
                headed = False
                continue
            values = [whole_number(cell) for cell in cells]
            yield row_of(number, dict(zip(self._columns, values, strict=True)))
        self._fraction = 1.0

    def fraction(self) -> float:
        """How much of the sheet has been read."""
        return self._fraction


def excel_form(path: Path, *, sheet: str | None, header: bool | None) -> Form:
    """The sheet to read (the first with rows unless told) and whether its first row names columns. Raises UserError."""
    refuse_spread(path)
    with _workbook(path) as book:
        names = book.sheet_names
        if sheet is not None and sheet not in names:
            told = ", ".join(f"“{name}”" for name in names)
            raise UserError(f"“{path.name}” has no sheet “{sheet}”; its sheets are {told}.")
        chosen = sheet if sheet is not None else next((name for name in names if _height(book, name)), None)
    if chosen is None:
        raise UserError(f"“{path.name}” has no sheet with rows; choose a file with rows.")
    rows = [[_words(cell) for cell in cells] for _, cells in _filled(_rows(path, chosen)[:LOOKED_AT])]
    named = is_header(rows) if header is None else header
    if named and len(rows) < 2:
        raise UserError(f"“{path.name}” has a header but no rows; choose a file with rows.")
    return Form(kind="excel", sheet=chosen, header=named)


@contextmanager
def _workbook(path: Path) -> Iterator[CalamineWorkbook]:
    from python_calamine import CalamineError, PasswordError, load_workbook

    with opened(path) as file:
        try:
            with load_workbook(file) as book:
                yield book
        except PasswordError as error:
            raise UserError(f"“{path.name}” is protected by a password; save it without one.") from error
        except (CalamineError, OSError, ValueError) as error:
            told = str(error).strip().rstrip(".") or "its parts cannot be read"
            raise UserError(
                f"“{path.name}” cannot be read as an Excel workbook: {told}; "
                "it may be damaged: open it in a spreadsheet program and save it again, or as CSV.",
            ) from error


def _height(book: CalamineWorkbook, name: str) -> int:
    from python_calamine import CalamineError

    try:
        return book.get_sheet_by_name(name).height
    except CalamineError:
        # A chart has no cells.
        return 0


def _rows(path: Path, sheet: str) -> Sequence[Sequence[object]]:
    with _workbook(path) as book:
        return book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)


def _filled(rows: Sequence[Sequence[object]]) -> Iterator[tuple[int, Sequence[object]]]:
    """The rows that hold anything, each with its number in the sheet."""
    return ((number, cells) for number, cells in enumerate(rows, 1) if any(cell != "" for cell in cells))


def _words(cell: object) -> str:
    return str(whole_number(cell))
