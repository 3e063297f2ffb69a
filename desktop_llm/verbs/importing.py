"""Bring rows of a file into a project: look first (`plan`), then take them all or none (`run`)."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, get_args

from desktop_llm.data import mapping as mappings
from desktop_llm.data import parting
from desktop_llm.data.form import Form, Unit
from desktop_llm.data.parting import SEPARATORS
from desktop_llm.data.readers.opening import RawRow
from desktop_llm.data.sniff import sniff
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs.snapshot import SPLITS
from desktop_llm.rows import Batch, ImportProgress, ImportReport, Rejected
from desktop_llm.store.images import Image
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from desktop_llm.tasks.task import Task
from desktop_llm.verbs import naming, shaping
from desktop_llm.verbs.placing import placer
from desktop_llm.verbs.reading import Source, parse_cell, portions, size_bytes

SAMPLE = 200
PLAIN_ENDINGS = (".txt", ".text", ".md", ".rst", ".log", "")
BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
LOOK_BYTES = 65_536
LOOK_SECONDS = 0.4
"""How long a look goes on behind the shown rows to count: small files are counted whole, large ones better guessed."""
REJECTED_SHOWN = 1000
CELLS_SHOWN = 50
CELL_SHOWN = 300
"""Cells of a row that was not taken, and characters of each, that a report keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an import would do: `sample`, the first rows' cells by column, and what the first `seen` rows tell.

    `seen` is all of the file where `whole`; `rejected` and `label_values` (with counts) are of these rows,
    `estimated_rows` is of the file. `separator` parts several labels in one cell; '' where a cell has one name.
    `late` are columns in which the first rows have nothing, and later ones have.
    """

    path: Path
    form: Form
    columns: tuple[str, ...]
    sample: tuple[Mapping[str, object], ...]
    mapping: Mapping[str, str]
    rejected: tuple[Rejected, ...]
    seen: int
    whole: bool
    size_bytes: int
    estimated_rows: int
    label_values: tuple[tuple[str, int], ...]
    separator: str = ""
    late: tuple[str, ...] = ()


def plan(
    task: Task,
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    shape: str | None = None,
    mapping: Mapping[str, str] | None = None,
    separator: str | None = None,
    unit: str | None = None,
) -> Plan:
    """Look at a file: its form, columns, first rows, and which column is what. Raises UserError.

    `shape` names the tool that the rows come from, or is `shaping.AS_IT_STANDS`; None recognises it from the rows.
    `separator` parts the labels in a cell, '' nothing does; None looks whether the cells show one. `unit` takes the
    file for plain text: what makes a row of it; None leaves that to `form_of`.
    """
    form = form_of(task, path, encoding=encoding, delimiter=delimiter, header=header, unit=unit)
    found = shaping.shaped(task, path, form, shape)
    form, reader = found.form, found.reader
    rows = reader.rows(lambda: False)
    first = list(islice(rows, SAMPLE))
    sample = [row.cells for row in first if not isinstance(row, Rejected)]
    told = dict(mapping) if mapping is not None else _guessed(task, found.columns, [*sample, *found.late_rows])
    if mapping is not None:
        mappings.checked(found.columns, told, task.fields)
    rejected: list[Rejected] = []
    column = told.get(mappings.LABEL, "")
    parts = _separator(task, [cells.get(column) for cells in (*sample, *found.late_rows)], separator)
    labels: Counter[str] = Counter()
    seen = 0
    for row in chain(first, _for_a_while(rows)):
        seen += 1
        if not isinstance(row, Rejected):
            labels.update(_labels(task, row.cells, told, parts))
        else:
            rejected.append(row)
    part = reader.fraction()
    whole = next(rows, None) is None
    return Plan(
        path=path,
        form=form,
        columns=found.columns,
        late=found.late,
        sample=tuple(sample),
        mapping=told,
        rejected=tuple(rejected),
        seen=seen,
        whole=whole,
        size_bytes=size_bytes(path),
        estimated_rows=seen if whole else max(seen, round(seen / max(part, 1e-9))),
        label_values=tuple(labels.most_common()),
        separator=parts,
    )


def form_of(
    task: Task,
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    unit: str | None = None,
) -> Form:
    """How a file is laid out. Raises UserError.

    For tasks that take texts as they are, files called plain text are that: by paragraph where lines are blank.
    """
    made = next((one for one in get_args(Unit) if one == unit), None)
    if unit is not None and made is None:
        raise UserError(f"A row of plain text is one of {', '.join(get_args(Unit))}, not “{unit}”.")
    form = sniff(path, encoding=encoding, delimiter=delimiter, header=header, unit=made)
    told = delimiter is not None or header is not None
    plain = task.unsupervised and not told and form.kind == "csv" and path.suffix.casefold() in PLAIN_ENDINGS
    if plain and made is None:
        made = "paragraph" if _has_blank_lines(path, form.encoding) else "line"
    if made is not None and form.kind in ("csv", "conll", "fasttext"):
        return sniff(path, encoding=encoding, kind="text", unit=made)
    return form


def _has_blank_lines(path: Path, encoding: str) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(LOOK_BYTES).decode(encoding, "ignore")
    except OSError as error:
        raise from_os_error(error, "read", path) from error
    return BLANK_LINE.search(head.strip()) is not None


def _guessed(task: Task, columns: Sequence[str], sample: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """The likely columns; one whose cells are no labels of this task is not that of the labels."""
    told = mappings.guess(columns, sample, task.fields)
    rows = [row for row in sample if mappings.plain(row.get(told.get(mappings.LABEL, ""))).strip()]
    if rows and not any(_has_label(task, row, told) for row in rows):
        del told[mappings.LABEL]
    return told


def _has_label(task: Task, cells: Mapping[str, object], told: Mapping[str, str]) -> bool:
    try:
        _label(task, cells, told, "")
    except UserError:
        return False
    return True


def _for_a_while(rows: Iterator[RawRow | Rejected]) -> Iterator[RawRow | Rejected]:
    """Rows until the time for looking is over."""
    until = time.monotonic() + LOOK_SECONDS
    while time.monotonic() < until and (row := next(rows, None)) is not None:
        yield row


def _separator(task: Task, cells: Sequence[object], wish: str | None) -> str:
    """What parts the labels in a cell. Raises UserError."""
    if not task.several:
        return ""
    if wish is not None and wish not in ("", *SEPARATORS):
        raise UserError(f"Labels in a cell are parted by one of {' '.join(SEPARATORS)}, not by “{wish}”.")
    return parting.separator(cells) if wish is None else wish


def _labels(task: Task, cells: Mapping[str, object], told: Mapping[str, str], sign: str) -> Sequence[str]:
    """The names of the labels in a row, or what it counts as where labels have none; none where it has no label."""
    try:
        value = _label(task, cells, told, sign)
    except UserError:
        return ()
    return () if value is None else task.labels.names(value) or (task.labels.stratum(value),)


def _label(task: Task, cells: Mapping[str, object], told: Mapping[str, str], sign: str) -> Any | None:
    """The label of a row. Raises UserError."""
    cell = cells.get(told.get(mappings.LABEL, ""))
    if task.label_of is None:
        return parse_cell(task.labels, cell, sign)
    content = {one.name: mappings.content_text(cells.get(told.get(one.name, ""))) for one in task.content}
    return task.label_of(cell, content)


def source_of(task: Task, told: Plan, split: str) -> Source:
    """What `run` reads of a planned file."""
    return Source(
        task=task.name,
        path=told.path,
        form=told.form,
        mapping=told.mapping,
        split=split,
        separator=told.separator,
    )


def _shortened(row: Rejected) -> Rejected:
    cells = {name: mappings.plain(cell)[:CELL_SHOWN] for name, cell in islice(row.cells.items(), CELLS_SHOWN)}
    return replace(row, cells=cells)


def run(
    project: Project,
    told: Plan,
    *,
    split: str = "",
    labels_only: bool = False,
    on_progress: Callable[[ImportProgress], None] = lambda done: None,
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
    rejected: list[Rejected] = []
    count = 0
    fraction = 0.0
    source = source_of(task, told, split)

    def accepted() -> Generator[Batch | Image]:
        nonlocal count, fraction
        placed_at = replace(source, place=project.items.next_place())
        with closing(portions(placed_at, should_stop)) as read:
            for portion in read:
                count += len(portion.rejected)
                rejected.extend(map(_shortened, portion.rejected[: REJECTED_SHOWN - len(rejected)]))
                fraction = portion.fraction
                if portion.batch.labels:
                    yield portion.batch

    began, known = time.monotonic(), project.classes.names()
    fates, met = naming.fates(project), set[str]()

    def now(label: Any) -> Any:
        """In the names that classes have now: what was merged is what it was merged into."""
        met.update(task.labels.names(label))
        return task.labels.renamed(label, fates.merged) if fates.merged else label

    # closed at once where something goes wrong, as its reader is a thread and a process
    with closing(accepted()) as batches:
        counts = project.items.insert_batches(
            told.path.name,
            batches,
            to_value=lambda label, numbers: task.labels.to_value(now(label), numbers),
            class_names=lambda label: task.labels.names(now(label)),
            on_progress=lambda done: on_progress(replace(done, fraction=fraction, rejected=count)),
            should_stop=should_stop,
            known_only=labels_only,
            placed=placer(task),
        )
    if task.ordered and project.classes.names().keys() != known.keys():
        project.classes.order_by_number()
    told_fates = fates.of(met)
    return ImportReport(
        source=told.path.name,
        imported=counts.imported,
        duplicates=counts.duplicates,
        labeled=counts.labeled,
        conflicts=counts.conflicts,
        unknown=counts.unknown,
        unfit=counts.unfit,
        repeats=counts.repeats,
        rejected=tuple(rejected),
        rejected_count=count,
        seconds=time.monotonic() - began,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        merged=told_fates.merged,
        archived=tuple(sorted(told_fates.archived)),
    )
