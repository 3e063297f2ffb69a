"""What an import did, in files: its report, and the rows that it did not take, to be mended and imported again."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_llm import atomic
from desktop_llm.data.mapping import plain
from desktop_llm.data.writers.row import Cells, Numbered, Unwritable, checked
from desktop_llm.data.writers.writing import FORMATS, Format, write
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.rows import ImportReport, Rejected
from desktop_llm.verbs.reading import portions

if TYPE_CHECKING:
    from desktop_llm.verbs.reading import Source

REJECTED_FORMATS: tuple[Format, ...] = ("csv", "tsv", "jsonl", "json")
LINE, REASON = "line", "reason"
NO_TEXT = re.compile("[\0\ud800-\udfff]")


def write_report(report: ImportReport, source: Source, to: Path) -> None:
    """Write the figures, how the file was read, and the first rows that were not taken, as JSON. Raises UserError."""
    told = asdict(report)
    rejected = told.pop("rejected")
    told["seconds"] = round(report.seconds, 3)
    try:
        atomic.write_json(to, {**told, **_how(source), "rejected": rejected})
    except OSError as error:
        raise from_os_error(error, "write the report to", to) from error


def _how(source: Source) -> dict[str, object]:
    """How a file was read, as far as it applies to its kind: all that another import like it would be told."""
    form = source.form
    table = {"delimiter": form.delimiter} if form.kind == "csv" else {}
    header = {"header": form.header} if form.kind in ("csv", "excel") else {}
    told = {
        "path": str(source.path.absolute()),
        "format": form.kind,
        "encoding": form.encoding,
        **table,
        **header,
        "sheet": form.sheet,
        "rows_of": "" if form.shape is None else form.shape.name,
        "mapping": dict(source.mapping),
        "split": source.split,
    }
    return {name: value for name, value in told.items() if value != ""}


def write_rejected(
    source: Source,
    report: ImportReport,
    to: Path,
    *,
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Write all rows that an import did not take, with their lines, the reasons and their cells; how many.

    The file is read again for it, as it was read then. The ending of `to` says the format, one of REJECTED_FORMATS.
    What no text file holds (NUL, half a character) is written as “�”. Raises UserError, and then nothing is written:
    also when the file has changed since. Raises Cancelled.
    """
    form = _format(to)
    if to.resolve() == source.path.resolve():
        raise UserError(f"“{to}” is the file that was imported; choose another name.")
    changed = f"“{source.path.name}” has changed since it was imported; import it again to see what is not taken."

    def rows() -> Generator[Cells]:
        count = 0
        with closing(portions(source, should_stop)) as read:
            for portion in read:
                for one in portion.rejected:
                    if count < len(report.rejected) and one != report.rejected[count]:
                        raise UserError(changed)
                    count += 1
                    yield _cells(one, as_text=form in ("csv", "tsv"))
                on_progress(portion.fraction)
        if count != report.rejected_count:
            raise UserError(changed)

    with closing(rows()) as told:
        return write(to, told, form, raw=True, should_stop=should_stop)


def _format(path: Path) -> Format:
    for name in REJECTED_FORMATS:
        if FORMATS[name].ending == path.suffix.casefold():
            return name
    endings = ", ".join(FORMATS[name].ending for name in REJECTED_FORMATS)
    raise UserError(f"Rows that were not taken are written to a file that ends in {endings}; name it so.")


def _cells(row: Rejected, *, as_text: bool) -> Cells:
    cells: dict[str, object] = {LINE: row.line, REASON: row.reason}
    for name, cell in row.cells.items():
        told = " ".join(_sound(name).split()) or "column"
        free, times = told, 1
        while free in cells:
            times += 1
            free = f"{told} ({times})"
        cells[free] = _sound(_text(cell)).replace("\r\n", "\n") if as_text else _writable(cell)
    return cells


def _writable(cell: object) -> object:
    """A cell that a file can hold: itself if it can, else its text as far as that goes."""
    try:
        checked(Numbered(1, {LINE: cell}))
    except Unwritable:
        return _sound(_text(cell))
    return cell


def _text(cell: object) -> str:
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    try:
        return plain(cell)
    except (TypeError, ValueError, RecursionError):  # what not even JSON can say
        return str(cell)


def _sound(text: str) -> str:
    """The text without what no file can hold."""
    return NO_TEXT.sub("\ufffd", text)
