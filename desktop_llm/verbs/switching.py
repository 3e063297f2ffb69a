"""What a project has chosen of its task's switches, such as whether spans may overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_llm.errors import UserError

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.tasks.task import Task

NOTE = "switches"


def switches(project: Project, task: Task) -> dict[str, bool]:
    """All switches of the task with what the project has chosen, by name."""
    chosen = project.notes.get(NOTE, default={})
    return {one.name: bool(chosen.get(one.name, one.default)) for one in task.switches}


def choose(project: Project, task: Task, name: str, *, on: bool) -> None:
    """Choose. Raises UserError where the task has no such switch, or the project can only be read."""
    if all(one.name != name for one in task.switches):
        raise UserError(f"{task.title} has no switch “{name}”.")
    project.notes.put(NOTE, {**switches(project, task), name: on})
