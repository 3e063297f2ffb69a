"""The learning rate at each step: a warm-up, then the schedule of the recipe, as transformers' `get_scheduler` has it.

One thing differs: transformers' first step has a rate of 0 and changes nothing, ours is already the first of the
warm-up, so that its last step has the whole rate.
"""

from __future__ import annotations

import math

from desktop_llm.jobs.recipe import Recipe


def rate(recipe: Recipe, step: int, total: int) -> float:
    """The learning rate of optimizer step `step` (from 1) of `total`."""
    warm = warmup(recipe, total)
    if step <= warm:
        return recipe.learning_rate * step / warm
    return recipe.learning_rate * _share(recipe, step - 1 - warm, total - warm, total)


def warmup(recipe: Recipe, total: int) -> int:
    """The steps of the warm-up: those told, else a share of the run; never more than there are."""
    return min(total, recipe.warmup_steps or math.ceil(total * recipe.warmup_ratio))


def _share(recipe: Recipe, done: int, left: int, total: int) -> float:
    """The share of the rate after `done` of the `left` steps that follow the warm-up.

    Linear falls to 0 after the last step; cosine is half a period to 0; constant stays. Warm-up, stable, decay (Hu et
    al. 2024, MiniCPM) stays until the last `lr_decay_ratio` of the run, in which it falls like cosine.
    """
    kind = recipe.lr_scheduler_type
    if kind == "constant":
        return 1.0
    if kind == "linear":
        return 1.0 - done / max(1, left)
    falling = left if kind == "cosine" else min(left, math.ceil(total * recipe.lr_decay_ratio))
    fallen = done - (left - falling)
    return 1.0 if fallen < 0 else 0.5 * (1.0 + math.cos(math.pi * fallen / max(1, falling)))
