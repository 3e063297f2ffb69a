"""Measure a finished run on the project's rows of a split as they are now, and keep figures and answers."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_llm.errors import UserError
from desktop_llm.jobs.events import Evaluated
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.snapshot import SPLITS
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from desktop_llm.tasks.task import Scores


def finished_folder(project: Project, number: int) -> RunFolder:
    """The folder of a run that has a model. Raises UserError that says what to do."""
    run = project.runs.get(number)
    folder = project.runs.folder(number)
    if not folder.model.is_dir():
        raise UserError(f"Run {number} has no model yet (it is {run.state}); resume it or train again.")
    return folder


def labelled_rows(project: Project, split: str) -> list[dict[str, Any]]:
    """The labelled rows of a split as snapshot rows."""
    labels = task_named(project.task).labels
    names = {one.id: one.name for one in project.classes.all()}
    return [
        {**row.content, "id": row.id, "label": labels.to_named(row.value, names)}
        for row in project.items.labelled()
        if row.split == split
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Figures and answers of a run on the rows `ids` of a split."""

    scores: Scores
    ids: tuple[int, ...]
    answers: tuple[Prediction, ...]


def evaluate(project: Project, number: int, split: str = "test") -> Scores:
    """Figures of run `number` on `split`; kept in the project unless it is read-only. Raises UserError."""
    measured = measure(project, number, split)
    if not project.read_only:
        keep(project, number, split, measured)
    return measured.scores


def measure(project: Project, number: int, split: str) -> Measured:
    """Ask the model about the labelled rows of a split, in this process. Raises UserError."""
    if split not in SPLITS:
        raise UserError(f"There is no split “{split}”; choose one of {', '.join(SPLITS)}.")
    folder = finished_folder(project, number)
    rows = labelled_rows(project, split)
    if not rows:
        raise UserError(f"The project has no labeled rows in the split “{split}”; import or label some first.")
    from desktop_llm.engine.predict import Predictor

    schema = folder.job().schema
    scores, answers = Predictor(folder.model).evaluate(rows, list(schema.get("classes", ())))
    return Measured(scores=scores, ids=tuple(int(row["id"]) for row in rows), answers=tuple(answers))


def measure_in(path: Path, number: int, split: str) -> Measured:
    """`measure` for another process: opens the project in `path` by itself."""
    with closing(Project.open(path)) as project:
        return measure(project, number, split)


def keep(project: Project, number: int, split: str, measured: Measured) -> None:
    """Keep figures and answers in the project. Raises UserError."""
    event = Evaluated(
        at=time.time(),
        step=project.runs.get(number).step,
        split=split,
        metrics=measured.scores.metrics,
        final=True,
        details=measured.scores.details,
    )
    project.runs.ingest(number, [event])
    project.predictions.write(number, list(zip(measured.ids, measured.answers, strict=True)))
