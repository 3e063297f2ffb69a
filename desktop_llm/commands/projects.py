"""The commands about a project as a whole: tasks, new, check."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from desktop_llm.commands.command import Declare, Out, UsageError, opened
from desktop_llm.errors import UserError
from desktop_llm.paths import expanded


def declare(verb: Declare) -> None:
    """The parsers."""
    verb("tasks", _tasks, "list the tasks and what a row needs")
    one = verb("new", _new, "make a project")
    one.add_argument("project", type=expanded)
    one.add_argument("--task", required=True)
    one = verb("check", _check, "check database, data and checkpoints of a project")
    one.add_argument("project", type=expanded)


def _tasks(told: Any, out: Out) -> None:
    from desktop_llm.tasks import TASKS

    for task in TASKS.values():
        fields = [{"name": one.name, "required": one.required} for one in task.fields]
        out(
            {"name": task.name, "title": task.title, "needs": task.needs, "fields": fields, "trains": task.learns},
            f"{task.name}  {task.title}: {task.description} A row needs {task.needs}."
            + ("" if task.learns else " Labels only: there is no model to train for it yet."),
        )


def _new(told: Any, out: Out) -> None:
    from desktop_llm.store.project import Project
    from desktop_llm.tasks import task as task_named

    try:
        task = task_named(told.task)
    except UserError as error:
        raise UsageError(error.message) from error
    with closing(Project.create(told.project, task.name)) as project:
        out({"project": str(project.path), "task": task.name}, f"Made the project “{project.path}” ({task.title}).")


def _check(told: Any, out: Out) -> None:
    from desktop_llm.verbs import placing

    with opened(told.project) as project:
        damage = project.check()
        complaints = damage or placing.misplaced(project)
    for complaint in complaints:
        out({"problem": complaint}, complaint)
    out({"problems": len(complaints)}, "" if complaints else "Everything is whole.")
    if complaints:
        wrong = "One thing is" if len(complaints) == 1 else f"{len(complaints):,} things are"
        mend = "bring the damaged files back from a backup" if damage else "label these rows anew"
        raise UserError(f"{wrong} not whole in “{told.project}”; {mend}.")
