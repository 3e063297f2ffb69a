"""The labelled rows of a file that is not imported: read as an import would, and found again in the project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.data import mapping as mappings
from desktop_llm.data.readers.opening import open_reader
from desktop_llm.errors import UserError
from desktop_llm.rows import NewItem, Rejected
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import importing
from desktop_llm.verbs.reading import parse_cell

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A row: what it is, its label in names, its further cells, and the row of the project that is the same, or 0."""

    content: Mapping[str, str]
    label: Any | None
    extra: Mapping[str, str] = field(default_factory=dict)
    item: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRows:
    """All rows that could be read, and how many could not."""

    rows: tuple[FileRow, ...]
    rejected: int


def rows_of_file(project: Project, path: Path) -> FileRows:
    """The rows of a file, its form and columns guessed as for an import. Raises UserError."""
    task = task_named(project.task)
    told = importing.plan(task, path)
    mappings.checked(told.columns, told.mapping, task.fields)
    if not task.unsupervised and mappings.LABEL not in told.mapping and task.label_of is None:
        there = ", ".join(f"“{column}”" for column in told.columns)
        raise UserError(f"No column of “{path.name}” looks like a label; the file has {there}. Call one “label”.")
    parse = partial(parse_cell, task.labels, separator=told.separator)
    read = mappings.to_items(
        open_reader(path, told.form).rows(lambda: False),
        told.mapping,
        task.fields,
        parse,
        move_label=task.move_label,
        label_of=task.label_of,
    )
    made: list[FileRow] = []
    rejected = 0
    while part := list(islice(read, AT_ONCE)):
        items = [one for one in part if isinstance(one, NewItem)]
        rejected += sum(isinstance(one, Rejected) for one in part)
        made.extend(_found(project, items))
    return FileRows(rows=tuple(made), rejected=rejected)


def _found(project: Project, items: list[NewItem]) -> Iterator[FileRow]:
    there = project.items.known([one.content for one in items])
    for one, item in zip(items, there, strict=True):
        yield FileRow(content=one.content, label=one.label, extra=one.extra, item=item)
