"""Where a model may start from: whether a folder can serve a task, and in one sentence why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_llm.catalog import folder as folders
from desktop_llm.catalog.folder import Look
from desktop_llm.errors import UserError
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
