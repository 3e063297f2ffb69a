"""Taking an operation back, as work in the background: three places offer it right after it was done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop_llm.gui.background import Task

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project


def undo_of(project: Project, done: Outcome) -> Callable[[Task], Outcome]:
    """The work that takes `done` back, with its progress; it can be stopped."""
    count = max(1, done.changed)

    def work(task: Task) -> Outcome:
        return project.operations.undo(
            done.operation,
            on_progress=lambda rows: task.progress(min(1.0, rows / count)),
            should_stop=task.should_stop,
        )

    return work
