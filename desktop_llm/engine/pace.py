"""How long steps take, from a few that were measured: so much a step, and so much a place that is computed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from desktop_llm.engine.trial import Group, Trial, Work

LEAST_STEPS, MOST_STEPS, STEP_SECONDS = 5, 24, 6.0
"""Typical steps are measured until there are enough of them or they took long enough."""
LEAST_SPREAD = 0.04
"""No prediction is surer than this: a run of minutes sees more than a few seconds do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds a step and seconds a place; `spread` is how far off the mean may be, as a share of it."""

    step: float
    place: float
    overhead: float
    """What a slice costs beside its own places, in places."""
    spread: float
    count: int

    def seconds(self, works: Sequence[Work], steps: int) -> float:
        """What so many steps like these take."""
        mean = statistics.fmean(one.places + one.slices * self.overhead for one in works)
        return steps * (self.step + self.place * mean)


def spread_out(works: Sequence[Work], overhead: float) -> list[int]:
    """Some of the steps that stand for all: from the cheapest to the dearest in even distances, in a random order."""
    cost = np.array([one.places + one.slices * overhead for one in works])
    count = min(MOST_STEPS, len(works))
    even = (np.arange(count) + 0.5) / count * len(works)
    chosen: list[int] = np.random.default_rng(0).permutation(np.argsort(cost, kind="stable")[even.astype(int)]).tolist()
    return chosen


def measure(trial: Trial, groups: Sequence[Group], least: Group, clock: Callable[[], float]) -> Pace:
    """Time real steps; `least` is a step with next to nothing to compute."""
    empty = min(_timed(trial, least, clock) for _ in range(3))
    costs, spent = [], []
    for group in groups:
        work = trial.work(group)
        costs.append(work.places + work.slices * trial.overhead)
        spent.append(_timed(trial, group, clock))
        if len(spent) >= LEAST_STEPS and sum(spent) >= STEP_SECONDS:
            break
    tiny = trial.work(least)
    least_cost = tiny.places + tiny.slices * trial.overhead
    mean, cost = statistics.fmean(spent), statistics.fmean(costs)
    # the line through the step with nothing to compute and the middle of the others
    place = max(0.0, (mean - empty) / max(1.0, cost - least_cost)) if cost > least_cost else 0.0
    step = max(0.0, mean - place * cost)
    off = [seconds / max(1e-9, step + place * one) for seconds, one in zip(spent, costs, strict=True)]
    spread = statistics.stdev(off) / math.sqrt(len(off)) if len(off) > 1 else 0.2
    return Pace(
        step=step, place=place, overhead=trial.overhead, spread=max(LEAST_SPREAD, 2.0 * spread), count=len(spent)
    )


def _timed(trial: Trial, group: Group, clock: Callable[[], float]) -> float:
    began = clock()
    trial.step(group)
    return clock() - began
