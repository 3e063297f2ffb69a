"""What the rows of a file are: from which tool they come, and which columns they have, those that begin late, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from desktop_llm.data import mapping as mappings
from desktop_llm.data.form import Form, Kind
from desktop_llm.data.late import begins_late, filled
from desktop_llm.data.readers.opening import RawRow, Reader, open_reader
from desktop_llm.data.shapes import recognising
from desktop_llm.data.shapes.shape import DIALOGUE, TITLES, Shape
from desktop_llm.errors import UserError
from desktop_llm.rows import Rejected
from desktop_llm.tasks.task import Task
from desktop_llm.verbs.reading import size_bytes

FIRST = 1000
AS_IT_STANDS = "none"
MESSAGES, PREFERENCE = "messages", "chosen"
"""A column that rows of dialogues, or of choices between two answers, have once they are translated."""
LOOKED_THROUGH: Mapping[Kind, int] = {"jsonl": 256 << 20, "json": 32 << 20, "folder": 32 << 20, "zip": 32 << 20}
"""Bytes that are looked through for columns that begin late, in about a second: of files whose rows name their cells.
A folder or an archive may hold such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """A file's `form` with the shape of its rows, its `reader` and its `columns`.

    `late` are those columns in which the first rows have nothing, `late_rows` some rows that have something there.
    """

    form: Form
    reader: Reader
    columns: tuple[str, ...]
    late: tuple[str, ...]
    late_rows: tuple[Mapping[str, object], ...]


def shaped(task: Task, path: Path, form: Form, wish: str | None) -> Shaped:
    """Look what a file's rows are; `wish` as in `importing.plan`. Raises UserError.

    Where the first rows have no label in a column that is called so, the others are looked through for one.
    """
    reader = open_reader(path, form)
    first = [row.cells for row in islice(reader.rows(lambda: False), FIRST) if not isinstance(row, Rejected)]
    shape = _shape(task, first, wish)
    told = _translated(first, shape)
    late: list[dict[str, object]] = []
    if form.kind in LOOKED_THROUGH and not _has_all(task, filled(told)):
        most = LOOKED_THROUGH[form.kind] / max(1, size_bytes(path))
        late = begins_late(reader, first, most, lambda: False)
    if late:
        shape = _shape(task, [*first, *late], wish)
        told = _translated(first, shape)
    form = replace(form, shape=shape)
    reader = open_reader(path, form)
    late_rows = _translated(late, shape)
    begun = filled(told)
    names = tuple(dict.fromkeys(name for row in late_rows for name in row if name in filled([row]) - begun))
    return Shaped(
        form=form,
        reader=reader,
        columns=tuple(dict.fromkeys((*reader.columns, *(name for row in late_rows for name in row)))),
        late=names,
        late_rows=tuple(late_rows),
    )


def _has_all(task: Task, columns: set[str]) -> bool:
    """Whether each field that a row may lack has a column of its name."""
    return all(mappings.is_named(field, columns) for field in task.fields if not field.required)


def _translated(rows: Sequence[dict[str, object]], shape: Shape | None) -> list[dict[str, object]]:
    raw = (RawRow(line=0, cells=dict(row)) for row in rows)
    return [row.cells for row in recognising.canonical(raw, shape, told=True) if isinstance(row, RawRow)]


def _shape(task: Task, rows: Sequence[Mapping[str, object]], wish: str | None) -> Shape | None:
    """What the rows are to be translated from."""
    if wish == AS_IT_STANDS:
        return None
    if wish is not None and wish not in TITLES:
        raise UserError(f"There is no shape “{wish}”; choose one of {', '.join((*TITLES, AS_IT_STANDS))}.")
    for name in TITLES:
        if name == wish:
            return recognising.told(name, rows)
    found = recognising.recognise(rows)
    wants = {word for field in task.fields for word in field.guesses}
    needed = PREFERENCE if found is not None and found.name == "preference" else MESSAGES
    return None if found is not None and found.name in DIALOGUE and needed not in wants else found
