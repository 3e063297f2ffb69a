"""Who teaches a run: another run of the project, or a model folder, that serves the same task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from desktop_llm.catalog import folder as folders
from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs import formats, provenance, recipe_teacher
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.jobs.recipe_prompt import BY_PROMPT, SILENT_TEACHER
from desktop_llm.paths import expanded
from desktop_llm.store.project import Project
from desktop_llm.store.runs import Run
from desktop_llm.tasks import task as task_named
from desktop_llm.tasks.task import Task
from desktop_llm.verbs import sources

TAUGHT_BY = ", taught by "
"""Between what a run starts from and its teacher, in the run's title."""


def settled(project: Project, recipe: Recipe) -> Recipe:
    """The recipe with its teacher, where it is a run's number, named by its folder. Raises UserError."""
    if not recipe.teacher:
        return recipe
    return recipes.changed(recipe, {"teacher": str(folder(project, recipe.teacher))})


def folder(project: Project, teacher: str) -> Path:
    """The model folder that is meant: a run's by its number, else by its path. Raises UserError."""
    if teacher.isdecimal():
        run = project.runs.get(int(teacher))
        model = project.runs.folder(run.number).model
        if not model.is_dir():
            raise UserError(f"Run {run.number} has no model yet that could teach; choose one that has ended.")
        return model.resolve()
    return expanded(teacher).resolve()


def check(project: Project, recipe: Recipe) -> None:
    """Raise UserError where a recipe's teacher is not there, or of another task."""
    if recipe.distillation_unlabeled:
        _check_unlabeled(project, recipe)
    if not recipe.teacher:
        return
    task = task_named(project.task)
    must_be_taught(task)
    model = folder(project, recipe.teacher)
    try:
        sources.check(model, task)
    except UserError as error:
        raise UserError(f"The teacher cannot teach: {error.message}") from error
    if recipe.task_type == BY_PROMPT and _goes_on(expanded(recipe.model)) and not _goes_on(model):
        raise UserError(SILENT_TEACHER)


def check_classes(project: Project, recipe: Recipe, classes: Sequence[str]) -> None:
    """Raise UserError where a recipe's teacher says which classes it knows, and lacks one of those to be learned."""
    if not recipe.teacher:
        return
    told = folders.told(folder(project, recipe.teacher)).get("id2label")
    said = [str(name) for name in told.values()] if isinstance(told, Mapping) else []
    # a tag is that of a class: B-city
    known = [*said, *(name.partition("-")[2] for name in said)]
    if said:
        recipe_teacher.columns(classes, known)


def _goes_on(model: Path) -> bool:
    """Whether it is the folder of a model that goes on from a text."""
    try:
        return formats.goes_on(folders.told(model))
    except UserError:  # a new model, or what is refused elsewhere
        return False


def _check_unlabeled(project: Project, recipe: Recipe) -> None:
    """Raise UserError where nobody speaks of the rows without a label, or nobody could use it."""
    off = "leave “distillation_unlabeled” off"
    if not recipe.teacher:
        raise UserError(f"Only a teacher can speak of texts without a label; name one, or {off}.")
    if not task_named(project.task).classes:
        raise UserError(f"A model of this task learns nothing from texts without a label; {off}.")
    if recipe.balance_by:
        raise UserError(f"Texts without a label cannot be balanced; {off}, or leave “balance_by” empty.")


def must_be_taught(task: Task) -> None:
    """Raise UserError where models of a task learn without a teacher."""
    if recipes.OWN["teacher"] not in task.groups:
        raise UserError("A model of this task learns without a teacher; leave “teacher” empty.")


def weights(recipe: Recipe) -> str:
    """The hash of the teacher's weights; '' where there is no teacher. Raises UserError."""
    place = expanded(recipe.teacher)
    try:
        return provenance.weights(place) if recipe.teacher else ""
    except OSError as error:
        raise from_os_error(error, "read the weights in", place) from error


def must_not_be_needed(run: Run) -> None:
    """Raise UserError where a run that is to go to a server has a teacher, which stays here."""
    if run.recipe.teacher:
        raise UserError(f"Run {run.number} has a teacher, which would stay here; train it here, or without one.")
