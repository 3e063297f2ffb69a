"""Bring rows of a file into a project: look first (`plan`), then take them all or none (`run`)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from desktop_llm.data import mapping as mappings
from desktop_llm.data.form import Form
from desktop_llm.data.readers.opening import open_reader
from desktop_llm.data.sniff import sniff
from desktop_llm.errors import UserError
from desktop_llm.jobs.snapshot import SPLITS
from desktop_llm.rows import ImportReport, NewItem, Rejected
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from desktop_llm.tasks.task import Task

SAMPLE = 200
REJECTED_SHOWN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an import would do, from the first rows: `sample` cells by column, `label_values` with counts in it."""

    path: Path
    form: Form
    columns: tuple[str, ...]
    sample: tuple[Mapping[str, object], ...]
    mapping: Mapping[str, str]
    rejected: tuple[Rejected, ...]
    size_bytes: int
    estimated_rows: int
    label_values: tuple[tuple[str, int], ...]


def plan(
    task: Task,
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    mapping: Mapping[str, str] | None = None,
) -> Plan:
    """Look at a file: its form, columns, first rows, and which column is what. Raises UserError."""
    form = sniff(path, encoding=encoding, delimiter=delimiter, header=header)
    reader = open_reader(path, form)
    sample: list[Mapping[str, object]] = []
    rejected: list[Rejected] = []
    for row in islice(reader.rows(lambda: False), SAMPLE):
        if isinstance(row, Rejected):
            rejected.append(row)
        else:
            sample.append(row.cells)
    told = dict(mapping) if mapping is not None else mappings.guess(reader.columns, sample, task.fields)
    if mapping is not None:
        mappings.checked(reader.columns, told, task.fields)
    size, seen = path.stat().st_size, reader.fraction()
    count = len(sample) + len(rejected)
    return Plan(
        path=path,
        form=form,
        columns=tuple(reader.columns),
        sample=tuple(sample),
        mapping=told,
        rejected=tuple(rejected),
        size_bytes=size,
        estimated_rows=count if count < SAMPLE else max(count, round(count / max(seen, 1e-9))),
        label_values=_label_values(task, told, sample),
    )


def _label_values(
    task: Task, mapping: Mapping[str, str], sample: list[Mapping[str, object]]
) -> tuple[tuple[str, int], ...]:
    column = mapping.get("label")
    if column is None:
        return ()
    counted: Counter[str] = Counter()
    for cells in sample:
        try:
            named = task.labels.parse(cells.get(column))
        except UserError:
            continue
        if named is not None:
            counted.update(task.labels.names(named))
    return tuple(counted.most_common())


def run(
    project: Project,
    told: Plan,
    *,
    split: str = "",
    labels_only: bool = False,
    on_progress: Callable[[float, int], None] = lambda fraction, rows: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """Import the planned file, all of it or (UserError, Cancelled) nothing.

    `labels_only` takes labels for texts the project has, and no new texts.
    `split` puts every row there; '' leaves it to the file's own split column or to the hold-out before training.
    """
    if split and split not in SPLITS:
        raise UserError(f"There is no split “{split}”; choose one of {', '.join(SPLITS)}.")
    task = task_named(project.task)
    mappings.checked(told.columns, told.mapping, task.fields)
    if labels_only and mappings.LABEL not in told.mapping:
        there = ", ".join(f"“{column}”" for column in told.columns)
        raise UserError(f"Choose the column of “{told.path.name}” that holds the label; the file has {there}.")
    reader = open_reader(told.path, told.form)
    rejected: list[Rejected] = []
    count = 0

    def accepted() -> Iterator[NewItem]:
        nonlocal count
        rows = reader.rows(should_stop)
        for item in mappings.to_items(rows, told.mapping, task.fields, task.labels.parse, split):
            if isinstance(item, Rejected):
                count += 1
                if len(rejected) < REJECTED_SHOWN:
                    rejected.append(item)
            else:
                yield item

    began = time.monotonic()
    counts = project.items.insert(
        told.path.name,
        accepted(),
        to_value=task.labels.to_value,
        class_names=task.labels.names,
        on_progress=lambda rows: on_progress(reader.fraction(), rows),
        should_stop=should_stop,
        known_only=labels_only,
    )
    return ImportReport(
        source=told.path.name,
        imported=counts.imported,
        duplicates=counts.duplicates,
        labeled=counts.labeled,
        conflicts=counts.conflicts,
        unknown=counts.unknown,
        rejected=tuple(rejected),
        rejected_count=count,
        seconds=time.monotonic() - began,
    )
