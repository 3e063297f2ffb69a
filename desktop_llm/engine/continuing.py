"""A run that goes on by another plan than it began with, and one that repeats another: what is minded and said."""

from __future__ import annotations

import shutil
from dataclasses import replace

from desktop_llm import atomic
from desktop_llm.engine import schedules
from desktop_llm.engine.checkpoint import BEST, Progress
from desktop_llm.engine.device import Device
from desktop_llm.engine.plan import Plan
from desktop_llm.engine.progress import Voice
from desktop_llm.jobs import provenance
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.job import Job


def take_up(job: Job, run_folder: RunFolder, progress: Progress, plan: Plan, voice: Voice) -> Progress:
    """The progress to go on from, once a checkpoint is restored; says what a longer plan means for the schedule."""
    if job.recipe.load_best_model_at_end and progress.best is not None:
        _bring_back_best(run_folder)
    if not job.history or job.history[-1].get("step") != progress.step or progress.step >= plan.total_steps:
        return progress
    step = progress.step
    rate = schedules.rate(job.recipe, step + 1, plan.total_steps)
    voice.note(
        f"Goes on at step {step:,}, to step {plan.total_steps:,}. The learning rate follows the new plan from here on: "
        f"{rate:.3g} at the next step, as if the run had been planned so long from the start."
    )
    return replace(progress, waited=0)  # who trains longer has decided that it is worth it


def _bring_back_best(run_folder: RunFolder) -> None:
    """A run that had ended kept its best model as the result; until a better one is measured it is that."""
    best = run_folder.checkpoints / BEST
    if best.is_dir() or not run_folder.model.is_dir() or atomic.damage(run_folder.model):
        return
    with atomic.new_folder(best) as filling:
        for path in run_folder.model.iterdir():
            if path.name != atomic.MANIFEST:
                shutil.copyfile(path, filling / path.name)


def say_of_device(job: Job, device: Device, voice: Voice) -> None:
    """Where a run that repeats another computes otherwise than that one did, say so."""
    told = job.again
    was = (told.get("device", ""), told.get("precision", ""))
    if told and all(was) and was != (device.title, device.precision):
        voice.note(
            f"Run {told['run']} was trained on {was[0]} in {was[1]}, this one is on {device.title} in "
            f"{device.precision}: their weights will differ.",
            "warning",
        )


def compared(job: Job, run_folder: RunFolder) -> str:
    """Whether a run that repeats another ended with the same weights, in a sentence; '' for others. Raises OSError."""
    if not job.again.get("weights"):
        return ""
    number = job.again["run"]
    if provenance.weights(run_folder.model) == job.again["weights"]:
        return f"The weights are those of run {number}, the same to the last bit."
    return f"The weights differ from those of run {number}; “What differs” shows what may be the reason."
