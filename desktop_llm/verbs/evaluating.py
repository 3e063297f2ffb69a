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
from desktop_llm.verbs import naming


def finished_folder(project: Project, number: int) -> RunFolder:
    """The folder of a run that has a model. Raises UserError that says what to do."""
    run = project.runs.get(number)
    folder = project.runs.folder(number)
    if not folder.model.is_dir():
        raise UserError(f"Run {number} has no model yet (it is {run.state}); resume it or train again.")
    return folder


def labelled_rows(project: Project, number: int, split: str) -> tuple[list[dict[str, Any]], int]:
    """The labelled rows of a split as snapshot rows, labels in the names of run `number`.

    Rows with a label that the run never learned are left out, as they are when a run measures itself; how many.
    """
    task = task_named(project.task)
    labels = task.labels
    names = naming.run_names(project, number)
    rows: list[dict[str, Any]] = []
    left_out = 0
    for row in project.items.labelled(every=task.unsupervised):
        if row.split != split:
            continue
        try:
            rows.append({**row.content, "id": row.id, "label": labels.to_named(row.value, names)})
        except UserError:
            left_out += 1
    return rows, left_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Figures and answers of a run on the rows `ids` of a split; `left_out` rows have a label it never learned."""

    scores: Scores
    ids: tuple[int, ...]
    answers: tuple[Prediction, ...]
    left_out: int = 0


def evaluate(project: Project, number: int, split: str = "test") -> Measured:
    """Figures of run `number` on `split`; kept in the project unless it is read-only. Raises UserError."""
    measured = measure(project, number, split)
    if not project.read_only:
        keep(project, number, split, measured)
    return measured


def measure(project: Project, number: int, split: str) -> Measured:
    """Ask the model about the labelled rows of a split, in this process. Raises UserError."""
    if split not in SPLITS:
        raise UserError(f"There is no split “{split}”; choose one of {', '.join(SPLITS)}.")
    folder = finished_folder(project, number)
    rows, left_out = labelled_rows(project, number, split)
    if not rows and left_out:
        raise UserError(
            f"Run {number} never learned the labels of the {left_out:,} texts in the split “{split}”; train again."
        )
    if not rows and task_named(project.task).unsupervised:
        raise UserError(f"The project has no rows in the split “{split}”; hold some out first.")
    if not rows:
        raise UserError(f"The project has no labeled rows in the split “{split}”; import or label some first.")
    from desktop_llm.engine.predict import Predictor

    schema = folder.job().schema
    scores, answers = Predictor(folder.model).evaluate(rows, list(schema.get("classes", ())))
    return Measured(scores=scores, ids=tuple(int(row["id"]) for row in rows), answers=tuple(answers), left_out=left_out)


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
