"""A run once more: trained longer than it was planned, or repeated exactly on the same data by the same recipe."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from desktop_llm.errors import UserError, from_os_error
from desktop_llm.jobs import provenance, snapshot
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.folder import RunFolder, step_of, steps
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import teaching, training

LONGER = (
    "num_train_epochs",
    "max_steps",
    "early_stopping_patience",
    "save_steps",
    "save_total_limit",
    "save_kept_steps",
    "save_gigabytes",
)
"""What of a recipe may change on the way: how long, and what is kept. All else would make another run of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Longer:
    """Where a run stands, where it would have ended, and where it will; `epochs` are those of the new plan."""

    step: int
    before: int
    after: int
    epochs: float


def check_longer(values: Mapping[str, Any]) -> None:
    """Raise UserError where a value cannot be, or may not change within any run."""
    for key in values:
        if key not in LONGER:
            recipes.require_key(key)
            raise UserError(f"“{key}” cannot change within a run; start a new one, from this one's model if you like.")
    recipes.changed(Recipe(), values)


def longer(project: Project, number: int, values: Mapping[str, Any]) -> Longer:
    """What another plan would mean for a run; changes nothing. Raises UserError with what is in the way."""
    job, recipe = _changed(project, number, values)
    return _planned(project, number, job, recipe)


def prolong(project: Project, number: int, values: Mapping[str, Any]) -> Longer:
    """Let a run, ended or not, go on by `values` when it is resumed; its job remembers. Raises UserError."""
    if project.read_only:
        raise UserError(f"The project is open read-only: {project.holder}")
    job, recipe = _changed(project, number, values)
    told = _planned(project, number, job, recipe)
    was, now = recipes.to_json(job.recipe), recipes.to_json(recipe)
    changes = {key: [was[key], now[key]] for key in now if was[key] != now[key]}
    entry = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "step": told.step, "recipe": changes}
    project.runs.folder(number).write_job(replace(job, recipe=recipe, history=(*job.history, entry)))
    message = f"To be trained from step {told.step:,} to step {told.after:,}; Resume goes on."
    project.runs.change(number, recipe, message)
    return told


def _changed(project: Project, number: int, values: Mapping[str, Any]) -> tuple[Job, Recipe]:
    project.runs.get(number).must_be_here()
    check_longer(values)
    job = project.runs.folder(number).job()
    return job, recipes.changed(job.recipe, values)


def _planned(project: Project, number: int, job: Job, recipe: Recipe) -> Longer:
    from desktop_llm.engine.plan import total_steps

    task_named(project.task).deciding(recipe.metric_for_best_model, recipe)
    folder, per_epoch = project.runs.folder(number), 1
    for started in folder.starts():  # told by the run itself: what an epoch's examples are is the learner's affair
        per_epoch = started.steps_per_epoch
    before, after = total_steps(job.recipe, per_epoch), total_steps(recipe, per_epoch)
    kept = steps(folder.checkpoints)
    if not kept:
        raise UserError(f"Run {number} has no checkpoint to go on from; start a new one, from its model if you like.")
    step = step_of(kept[0])
    if after <= step:
        raise UserError(
            f"Run {number} stands at step {step:,} and would end at step {after:,}; "
            f"more than {step / per_epoch:.2f} epochs make it longer."
        )
    return Longer(step=step, before=before, after=after, epochs=after / per_epoch)


def again(project: Project, number: int) -> tuple[int, RunFolder]:
    """Make a run that repeats run `number`: its frozen data, its recipe. Raises UserError where that cannot be."""
    if project.read_only:
        raise UserError(f"The project is open read-only: {project.holder}")
    run, folder = project.runs.get(number), project.runs.folder(number)
    job = folder.job()
    _must_be_repeatable(number, job, folder)
    started = next(folder.starts(), None)
    repeats = {
        "run": number,
        "weights": provenance.weights(folder.model),
        "device": started.device if started is not None else "",
        "precision": started.precision if started is not None else "",
        "stopped_at": run.step if run.state == "stopped" else 0,
    }

    def fill(new: int, filling: RunFolder) -> Job:
        shutil.copytree(folder.snapshot, filling.snapshot)
        made = replace(
            job,
            number=new,
            project=project.name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=training.versions(),
            history=(),
            again=repeats,
        )
        filling.write_job(made)
        return made

    return training.new_run(project, f"run {number} again", fill)


def not_as_then(project: Project, number: int) -> list[str]:
    """What would keep a repeated run from ending with the same weights, each in a sentence; changes nothing."""
    job = project.runs.folder(number).job()
    now = training.versions()
    told = []
    for name in sorted({*now, *job.versions}):
        then, today = job.versions.get(name), now.get(name)
        if then is None or then == today:
            continue
        if name == training.CODE:
            told.append("The program's own source has changed since.")
        else:
            told.append(f"{name} is {today or 'gone'}, it was {then}.")
    if job.history:
        steps = ", ".join(f"{int(one.get('step', 0)):,}" for one in job.history)
        told.append(f"It was made longer on the way (at step {steps}); the new run has its last plan from the start.")
    if job.start and job.start != training.start_of(job.recipe):
        told.append("The model folder that it began with has other weights now.")
    if job.teacher and job.teacher != teaching.weights(job.recipe):
        told.append("Its teacher has other weights now.")
    return told


def _must_be_repeatable(number: int, job: Job, folder: RunFolder) -> None:
    wrong = snapshot.verify(folder.snapshot)
    if wrong:
        raise UserError(f"Run {number} cannot be repeated: {wrong}")
    start, teacher = Path(job.recipe.model), Path(job.recipe.teacher)
    if job.recipe.model != SCRATCH and not start.is_dir():
        raise UserError(f"Run {number} began with the model folder “{start}”, which is gone; put it back to repeat it.")
    if job.recipe.teacher and not teacher.is_dir():
        raise UserError(
            f"Run {number} was taught by the model folder “{teacher}”, which is gone; put it back to repeat it."
        )
    try:
        whole = bool(provenance.weights(folder.model))
    except OSError as error:
        raise from_os_error(error, "read the model of the run", folder.model) from error
    if not whole:
        raise UserError(f"Run {number} has no model yet to be compared with; resume it first.")
