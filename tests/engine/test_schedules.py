"""The learning rate at each step: the curves are those of transformers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import get_scheduler

from desktop_llm.engine import schedules
from desktop_llm.jobs.recipe import Recipe

TOTAL = 50


def _theirs(name: str, warm: int, extra: dict[str, Any]) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = get_scheduler(name, optimizer, warm, TOTAL, scheduler_specific_kwargs=extra)
    rates = []
    for _ in range(TOTAL):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("warm", [0, 7, 50])
@pytest.mark.parametrize(
    ("ours", "theirs", "extra"),
    [
        ("linear", "linear", {}),
        ("cosine", "cosine", {}),
        ("constant", "constant_with_warmup", {}),
        ("warmup_stable_decay", "warmup_stable_decay", {"num_decay_steps": 10}),
    ],
)
def test_curves_are_those_of_transformers(ours: str, theirs: str, extra: dict[str, Any], warm: int) -> None:
    if warm == TOTAL and extra:
        extra = {"num_decay_steps": 0}
    recipe = Recipe(
        learning_rate=1.0, lr_scheduler_type=ours, warmup_steps=warm, warmup_ratio=0.0, lr_decay_ratio=10 / TOTAL
    )
    told = [schedules.rate(recipe, step, TOTAL) for step in range(1, TOTAL + 1)]
    wanted = _theirs(theirs, warm, extra)
    assert told[warm:] == pytest.approx(wanted[warm:], abs=1e-12)
    # theirs begins with a step of rate 0, ours is one step of the warm-up ahead
    assert told[: max(0, warm - 1)] == pytest.approx(wanted[1:warm], abs=1e-12)
    assert min(told) > 0


def test_steps_of_the_warm_up_stand_in_for_its_share() -> None:
    assert schedules.warmup(Recipe(warmup_ratio=0.1), 95) == 10
    assert schedules.warmup(Recipe(warmup_ratio=0.1, warmup_steps=3), 95) == 3
    assert schedules.warmup(Recipe(warmup_steps=300), 95) == 95
