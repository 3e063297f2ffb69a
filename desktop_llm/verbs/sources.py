"""Where a model may start from: whether a folder can serve a task, and in one sentence why not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from desktop_llm.catalog import folder as folders
from desktop_llm.catalog.folder import Look
from desktop_llm.errors import UserError
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Serves:
    """Whether a model can be trained for a task: `why_not` is a sentence, '' where it can."""

    task: str
    title: str
    why_not: str


def check(folder: Path, task: Task) -> None:
    """Raise UserError where a model folder is not whole, or cannot serve the task."""
    folders.check(folder, task.heads)


def serves(look: Look) -> list[Serves]:
    """What a folder is good for, task by task."""
    told = []
    for task in TASKS.values():
        if task.learns:
            try:
                why_not = look.problem or folders.refusal(look.path, folders.told(look.path), task.heads)
            except UserError as error:
                why_not = error.message
            told.append(Serves(task=task.name, title=task.title, why_not=why_not))
    return told
