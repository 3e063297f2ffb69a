"""Where a model may start from: whether a folder can serve a task, and in one sentence why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_llm.catalog import folder as folders
from desktop_llm.catalog.folder import Look
from desktop_llm.errors import UserError
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Serves:
    """Whether a model can be trained for a task: `why_not` is a sentence, '' where it can.

    `because` is what it says of the model alone, where the model is whole.
    """

    task: str
    title: str
    why_not: str
    because: str = ""


def check(folder: Path, task: Task) -> None:
    """Raise UserError where a model folder is not whole, or cannot serve the task."""
    folders.check(folder, task.heads)


def of_projects(projects: Iterable[Path], task: Task) -> list[str]:
    """The newest model of each of these projects from which the task can start: one that was taught to answer can be
    taught to prefer."""
    told = []
    for project in projects:
        for run in sorted((project / "runs").glob("[0-9]*"), reverse=True):
            model = RunFolder(run).model
            if model.is_dir():
                with suppress(UserError):
                    check(model, task)
                    told.append(str(model.resolve()))
                break
    return told


def serves(look: Look) -> list[Serves]:
    """What a folder is good for, task by task."""
    try:
        config = folders.told(look.path)
    except UserError as error:
        return would_serve(look.path, {}, look.problem or error.message)
    return would_serve(look.path, config, look.problem)


def would_serve(path: Path, config: Mapping[str, Any], problem: str = "") -> list[Serves]:
    """What a model of this config would be good for; `problem`: why for nothing."""
    told = []
    for task in TASKS.values():
        if task.learns:
            because = "" if problem else folders.unfit(config, task.heads)
            why_not = problem or folders.refusal(path, config, task.heads)
            told.append(Serves(task=task.name, title=task.title, why_not=why_not, because=because))
    return told
