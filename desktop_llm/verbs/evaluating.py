"""Measure a finished run: on a split as it is now, on a filter that the project keeps, or on a new file.

Figures and how each row came out are kept in the project, so that every figure opens its rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop_llm.errors import UserError
from desktop_llm.evidence.intervals import Interval
from desktop_llm.garbage import at_rest
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.events import Evaluated
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.snapshot import SPLITS
from desktop_llm.paths import expanded
from desktop_llm.store.evaluations import FILE, FILTER, SPLIT, Evaluation
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from desktop_llm.tasks.task import Scores
from desktop_llm.verbs import naming, outcomes
from desktop_llm.verbs.file_rows import FileRows, rows_of_file
from desktop_llm.verbs.outcomes import On, Outcomes

FILTER_WORD = "filter:"
Progress = Callable[[float, str], None]


def finished_folder(project: Project, number: int) -> RunFolder:
    """The folder of a run that has a model. Raises UserError that says what to do."""
    run = project.runs.get(number)
    folder = project.runs.folder(number)
    if not folder.model.is_dir():
        raise UserError(f"Run {number} has no model yet (it is {run.state}); resume it or train again.")
    return folder


def what(project: Project, words: str) -> On:
    """What is meant by the name of a split, of a kept filter (also as `filter:NAME`), or a path. Raises UserError."""
    if words in SPLITS:
        return On(kind=SPLIT, name=words)
    filters = project.filters.all()
    name = words.removeprefix(FILTER_WORD)
    if name in filters:
        return On(kind=FILTER, name=name)
    path = expanded(words)
    if not words.startswith(FILTER_WORD) and path.exists():
        return On(kind=FILE, name=str(path.absolute()))
    there = ", ".join(f"“{one}”" for one in filters) or "none"
    raise UserError(
        f"“{words}” is no split ({', '.join(SPLITS)}), no file, and no filter that the project keeps ({there})."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Figures, with intervals, of a run on some rows, and how these came out.

    `left_out` rows have a label that the run never learned, or none that could be read; `learned` of the rows are among
    those that it learned from.
    """

    scores: Scores
    outcomes: Outcomes
    intervals: Mapping[str, Interval]
    left_out: int = 0
    learned: int = 0

    @property
    def ids(self) -> tuple[int, ...]:
        """The rows' ids, 0 for those that are not in the project."""
        return self.outcomes.ids

    @property
    def answers(self) -> tuple[Prediction, ...]:
        """One a row."""
        return self.outcomes.answers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Rows to be asked about, as snapshot rows with labels in the names of the run."""

    rows: list[dict[str, Any]]
    left_out: int
    extras: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)


def evaluate(project: Project, number: int, on: str = "test", *, on_progress: Progress = lambda *_: None) -> Measured:
    """Figures of run `number`; kept in the project unless it is read-only. Raises UserError."""
    measured = measure(project, number, on, on_progress=on_progress)
    if not project.read_only:
        keep(project, measured)
    return measured


def measure(
    project: Project, number: int, on: str | On = "test", *, on_progress: Progress = lambda *_: None
) -> Measured:
    """Ask the model about labelled rows, in this process. Raises UserError."""
    told = what(project, on) if isinstance(on, str) else on
    folder = finished_folder(project, number)
    on_progress(0.0, "reading")
    asked = _asked(project, number, told)
    _must_be_some(project, number, told, asked)
    with at_rest():
        from desktop_llm.engine.predict import Predictor

    on_progress(0.0, "loading")
    classes = tuple(folder.job().schema.get("classes", ()))
    count = len(asked.rows)
    found = Predictor(folder.model).evaluate(
        asked.rows, classes, lambda done: on_progress(done / count, f"{done:,} / {count:,}")
    )
    rows = asked.rows
    made = Outcomes(
        run=number,
        on=told,
        ids=tuple(int(row["id"]) for row in rows),
        truth=tuple(row["label"] if row.get("label") is not None else _content(row) for row in rows),
        answers=tuple(found.answers),
        classes=classes,
        logits=found.logits,
        contents={place: _content(row) for place, row in enumerate(rows) if not row["id"]},
        extras=asked.extras,
    )
    on_progress(1.0, "intervals")
    return Measured(
        scores=found.scores,
        outcomes=made,
        intervals=outcomes.figures(project, made),
        left_out=asked.left_out,
        learned=_learned(folder, made) if told != outcomes.TEST and told != outcomes.VALIDATION else 0,
    )


def measure_in(path: Path, number: int, on: str | On, *, on_progress: Progress = lambda *_: None) -> Measured:
    """`measure` for another process: opens the project in `path` by itself."""
    with closing(Project.open(path)) as project:
        return measure(project, number, on, on_progress=on_progress)


def keep(project: Project, measured: Measured, *, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Keep figures, outcomes and answers in the project. Raises UserError, Cancelled."""
    told, number = measured.outcomes, measured.outcomes.run
    project.evaluations.keep(
        Evaluation(
            run=number,
            kind=told.on.kind,
            name=told.on.name,
            count=len(told),
            metrics=measured.scores.metrics,
            intervals={name: (one.low, one.high) for name, one in measured.intervals.items() if one.sure},
            details=measured.scores.details,
            classes=told.classes,
            left_out=measured.left_out,
            learned=measured.learned,
        ),
        outcomes.to_keep(told),
        should_stop=should_stop,
    )
    if told.on.kind == SPLIT:
        event = Evaluated(
            at=time.time(),
            step=project.runs.get(number).step,
            split=told.on.name,
            metrics=measured.scores.metrics,
            final=True,
            details=measured.scores.details,
        )
        project.runs.ingest(number, [event])
    pairs = zip(told.ids, told.answers, strict=True)
    project.predictions.write(number, [(item, answer) for item, answer in pairs if item])


def _content(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("id", "label")}


def _asked(project: Project, number: int, on: On) -> _Asked:
    """The labelled rows, labels in the names of run `number`. Raises UserError.

    Rows with a label that the run never learned are left out, as they are when a run measures itself.
    """
    if on.kind == FILE:
        return _of_file(project, number, rows_of_file(project, Path(on.name)))
    wanted = None
    if on.kind == FILTER:
        filters = project.filters.all()
        if on.name not in filters:
            raise UserError(f"The project keeps no filter “{on.name}” any more.")
        wanted = {number for part in project.items.ids(filters[on.name]) for number in part}
    task = task_named(project.task)
    names = naming.run_names(project, number)
    rows: list[dict[str, Any]] = []
    left_out = 0
    for row in project.items.labelled(every=task.unsupervised):
        if row.id not in wanted if wanted is not None else row.split != on.name:
            continue
        try:
            label = task.labels.to_named(row.value, names) if not task.unsupervised else None
            rows.append({**row.content, "id": row.id, "label": label})
        except UserError:
            left_out += 1
    return _Asked(rows=rows, left_out=left_out)


def _of_file(project: Project, number: int, found: FileRows) -> _Asked:
    """Rows of a file, in the names of the run: labels may be called as they are now, or as they were then."""
    task = task_named(project.task)
    then = naming.run_names(project, number)
    called = {name: then[class_id] for class_id, name in project.classes.names().items() if class_id in then}
    known = set(project.runs.schema(number).get("classes", ()))
    rows: list[dict[str, Any]] = []
    extras: dict[int, Mapping[str, Any]] = {}
    left_out = found.rejected
    for row in found.rows:
        label = None if row.label is None else task.labels.renamed(row.label, called)
        unknown = label is not None and task.classes and not known.issuperset(task.labels.names(label))
        if unknown or (label is None and not task.unsupervised):
            left_out += 1
            continue
        if not row.item:
            extras[len(rows)] = dict(row.extra)
        rows.append({**row.content, "id": row.item, "label": label})
    return _Asked(rows=rows, left_out=left_out, extras=extras)


def _must_be_some(project: Project, number: int, on: On, asked: _Asked) -> None:
    if asked.rows:
        return
    where = f"the split “{on.name}”" if on.kind == SPLIT else on.words
    if asked.left_out and on.kind == FILE:
        raise UserError(f"None of the {asked.left_out:,} rows in {where} has a label that run {number} has learned.")
    if asked.left_out:
        raise UserError(
            f"Run {number} never learned the labels of the {asked.left_out:,} texts in {where}; train again."
        )
    if task_named(project.task).unsupervised:
        raise UserError(f"The project has no rows in {where}; hold some out first.")
    raise UserError(f"The project has no labeled rows in {where}; import or label some first.")


def _learned(folder: RunFolder, told: Outcomes) -> int:
    """How many of the rows are among those that the run learned from."""
    mine = {number for number in told.ids if number}
    return sum(int(row["id"]) in mine for row in snapshot.Listed(folder.snapshot)) if mine else 0
