"""Write rows of a project to a file that this program and others read: with labels, splits and all other columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.data.writers.writing import FORMATS, Format, write
from desktop_llm.errors import UserError
from desktop_llm.rows import Filter, Item
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.tasks.task import Task

LISTED: frozenset[Format] = frozenset(("doccano", "prodigy"))
"""Formats whose rows have a list of labels."""
AT_ONCE = 500
BARE: frozenset[Format] = frozenset(("text", "paragraphs", "fasttext", "conll", "conll_bioes"))
"""Formats with no place for further columns."""
NAMED: frozenset[Format] = frozenset(("json", "jsonl"))
"""Formats whose rows each name their cells: what a row has not is named too, as readers see columns in the first."""


def format_of(path: Path) -> Format:
    """The format that a file's ending asks for. Raises UserError."""
    for name, way in FORMATS.items():
        if path.suffix.casefold() == way.ending:
            return name
    endings = ", ".join(dict.fromkeys(way.ending for way in FORMATS.values()))
    raise UserError(f"The ending of “{path.name}” tells no format; use one of {endings}, or name the format.")


def label_cells(task: Task, named: Any | None, form: Format) -> dict[str, object]:
    """The cell in which a format has a label (None: none)."""
    if task.cell == "label" and form in LISTED:
        return {"labels": [] if named is None else [named]}
    return {} if named is None else {task.cell: named}


def without_label(task: Task, form: Format) -> tuple[str, ...]:
    """The cells that a format has no place for."""
    return (task.cell,) if form in ("text", "paragraphs") else ()


def save(
    project: Project,
    told: Filter,
    path: Path,
    form: Format,
    *,
    chosen: Iterable[int] | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Write a filter's rows to `path`, which appears whole or not at all; how many. Raises UserError, Cancelled.

    `chosen` are the ids of rows to write in the place of those of the filter.
    """
    if form not in FORMATS:
        raise UserError(f"There is no format “{form}”; choose one of {', '.join(FORMATS)}.")
    task, names, counts = task_named(project.task), project.classes.names(), project.items.counts()

    def always(row: dict[str, object], item: Item) -> dict[str, object]:
        """The row with its split, and with cells that it leaves empty where other rows fill them."""
        split: dict[str, object] = {"split": item.split} if counts.by_split else {}
        empty = form in NAMED and counts.labeled and task.file_cells is None and task.cell not in row
        return {**row, **({task.cell: None} if empty else {}), **split}

    def cells(item: Item) -> dict[str, object] | None:
        row: dict[str, object] = dict(item.content)
        named = None if item.value is None else task.labels.to_named(item.value, names)
        if task.file_cells is not None:
            own = task.file_cells(item.content, named, form, item.extra)
            return None if own is None else always(own, item)
        row |= label_cells(task, named, form)
        if form in BARE:
            return row
        row = always(row, item)
        return {**row, **{name: value for name, value in item.extra.items() if name not in row}}

    def rows() -> Iterator[dict[str, object]]:
        done = 0
        for part in project.items.ids(told) if chosen is None else _parts(chosen):
            items = project.items.get_many(part)
            yield from (row for item in items if (row := cells(item)) is not None)
            done += len(items)
            on_progress(done)

    return write(path, rows(), form, without=without_label(task, form), should_stop=should_stop)


def _parts(chosen: Iterable[int]) -> Iterator[list[int]]:
    waiting = iter(chosen)
    while part := list(islice(waiting, AT_ONCE)):
        yield part
