"""The runs of a search: ordinary runs of the project, on the same frozen data, that know of which trial they are."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError
from desktop_llm.verbs import training

if TYPE_CHECKING:
    from desktop_llm.jobs.folder import RunFolder
    from desktop_llm.jobs.job import Job
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.jobs.search import Search
    from desktop_llm.store.project import Project
    from desktop_llm.store.runs import Run

KEY = "key"


def of(project: Project, number: int) -> list[Run]:
    """The runs of search `number`, the first one first."""
    return [run for run in reversed(project.runs.all()) if run.trial.get("search") == number]


def of_trial(project: Project, number: int, key: int) -> Run | None:
    """The run of the trial that Optuna calls `key`; None where there is none, or none any more."""
    return next((run for run in of(project, number) if run.trial.get(KEY) == key), None)


def whole(project: Project, number: int) -> list[Run]:
    """Those whose data is still there."""
    return [run for run in of(project, number) if _whole(project, run)]


def make(project: Project, search: Search, recipe: Recipe, *, place: int, key: int) -> int:
    """Make the run of a trial; its number. Raises UserError.

    The first one freezes rows and labels as they are then, the others learn from the same, or they could not be
    compared.
    """
    mark = {"search": search.number, "trial": place, KEY: key}
    if place == 1:
        return training.prepare(project, recipe, trial=mark)[0]
    there = whole(project, search.number)
    if not there:
        raise UserError(
            f"The runs of search {search.number} are deleted, and with them the data that it compares on; start a new "
            "search."
        )
    return _like(project, there[0], recipe, mark)


def _whole(project: Project, run: Run) -> bool:
    folder = project.runs.folder(run.number)
    return folder.job_file.exists() and folder.snapshot.is_dir()


def _like(project: Project, run: Run, recipe: Recipe, mark: Mapping[str, Any]) -> int:
    """Make a run on the data of another one."""
    source = project.runs.folder(run.number)
    job = source.job()

    def fill(new: int, filling: RunFolder) -> Job:
        shutil.copytree(source.snapshot, filling.snapshot)
        made = replace(
            job,
            number=new,
            project=project.name,
            recipe=recipe,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=training.versions(),
            history=(),
            again={},
        )
        filling.write_job(made)
        return made

    return training.new_run(project, training.title_of(project, recipe), fill, trial=mark)[0]
