"""The plan of a run in numbers, fixed before the first step: steps, epochs, and when to measure and save."""

from __future__ import annotations

import math
from dataclasses import dataclass

from desktop_llm.errors import UserError
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.tasks.task import Task

AUTOMATIC_SAVE_SECONDS = 60.0
LEAST_EVAL_STEPS = 25
"""With little data an epoch is a handful of steps; measuring after each would end runs before they learn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps are optimizer steps. `save_steps` 0: by time. `batch` examples make a batch of all processes together."""

    steps_per_epoch: int
    total_steps: int
    eval_steps: int
    save_steps: int
    metric: str
    higher_is_better: bool
    batch: int


def plan(recipe: Recipe, task: Task, train_rows: int, batch: int) -> Plan:
    """The plan for `train_rows` training rows in batches of `batch`.

    Raises UserError for a metric the task does not have.
    """
    if train_rows == 0:
        raise UserError("There is nothing to train on: the run has no training rows.")
    batches = math.ceil(train_rows / batch)
    per_epoch = math.ceil(batches / recipe.gradient_accumulation_steps)
    metric = task.deciding(recipe.metric_for_best_model, recipe)
    return Plan(
        steps_per_epoch=per_epoch,
        total_steps=total_steps(recipe, per_epoch),
        eval_steps=recipe.eval_steps or max(per_epoch, LEAST_EVAL_STEPS),
        save_steps=recipe.save_steps or 0,
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        batch=batch,
    )


def total_steps(recipe: Recipe, per_epoch: int) -> int:
    """The optimizer steps of a run whose epochs have `per_epoch`."""
    total = max(1, math.ceil(per_epoch * recipe.num_train_epochs))
    return min(total, recipe.max_steps) if recipe.max_steps > 0 else total
