"""How long steps take and how memory grows over them, from a few that were measured.

A step costs so much, and a place that is computed so much. On a processor oneDNN and PyTorch write machine code for
every shape of a slice and keep it: that, and the holes which all this leaves in the heap, make a process grow by 5 to
10 MB for each of its first hundred shapes, and ever less for further ones. oneDNN keeps 1,024 such pieces; with 256 of
them a run of 150 steps ended at 1.04 GB in place of 1.26 and took 9 % more of the processor. Giving the heap's holes
back to the system (malloc_trim) lasts for some 50 steps.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import psutil

from desktop_llm.engine.trial import Group, Trial, Work

LEAST_STEPS, MOST_STEPS, STEP_SECONDS = 5, 64, 15.0
"""Typical steps are measured until there are enough of them or they took long enough."""
LEAST_SPREAD = 0.05
"""No prediction is surer than this: a run of minutes sees more than a few seconds do."""
GROWTH_SHAPES = 120.0
"""A process grows evenly for about so many shapes and then ever less (measured for 90 to 320 of them)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds a step and a place; `spread` is how far off the mean may be, as a share of it.

    `grown` bytes were added to the process by the first `shapes` shapes.
    """

    step: float
    place: float
    overhead: float
    """What a slice costs beside its own places, in places."""
    spread: float
    count: int
    grown: int = 0
    shapes: int = 0

    def seconds(self, works: Sequence[Work], steps: int) -> float:
        """What so many steps like these take."""
        mean = statistics.fmean(_cost(one, self.overhead) for one in works)
        return steps * (self.step + self.place * mean)

    def growth(self, works: Sequence[Work]) -> int:
        """By how much the process will still grow over these steps."""
        different = len({shape for work in works for shape in work.shapes})
        if not self.shapes or different <= self.shapes:
            return 0
        reached, end = math.tanh(self.shapes / GROWTH_SHAPES), math.tanh(different / GROWTH_SHAPES)
        return int(self.grown * (end / reached - 1.0))


def spread_out(works: Sequence[Work], overhead: float) -> list[int]:
    """Some of the steps that stand for all: from the cheapest to the dearest in even distances, in a random order."""
    cost = np.array([_cost(one, overhead) for one in works])
    count = min(MOST_STEPS, len(works))
    even = (np.arange(count) + 0.5) / count * len(works)
    chosen: list[int] = np.random.default_rng(0).permutation(np.argsort(cost, kind="stable")[even.astype(int)]).tolist()
    return chosen


def measure(trial: Trial, groups: Sequence[Group], least: Group, clock: Callable[[], float]) -> Pace:
    """Time real steps; `least` is a step with next to nothing to compute."""
    empty = min(_timed(trial, least, clock) for _ in range(3))
    size = psutil.Process().memory_info().rss
    works: list[Work] = []
    spent: list[float] = []
    for group in groups:
        works.append(trial.work(group))
        spent.append(_timed(trial, group, clock))
        if len(spent) >= LEAST_STEPS and sum(spent) >= STEP_SECONDS:
            break
    grown = max(0, psutil.Process().memory_info().rss - size)
    costs, least_cost = [_cost(one, trial.overhead) for one in works], _cost(trial.work(least), trial.overhead)
    mean, cost = statistics.fmean(spent), statistics.fmean(costs)
    # the line through the step with nothing to compute and the middle of the others
    place = max(0.0, (mean - empty) / max(1.0, cost - least_cost)) if cost > least_cost else 0.0
    step = max(0.0, mean - place * cost)
    off = [seconds / max(1e-9, step + place * one) for seconds, one in zip(spent, costs, strict=True)]
    spread = statistics.stdev(off) / math.sqrt(len(off)) if len(off) > 1 else 0.2
    return Pace(
        step=step,
        place=place,
        overhead=trial.overhead,
        spread=max(LEAST_SPREAD, 2.0 * spread),
        count=len(works),
        grown=grown,
        shapes=len({shape for work in works for shape in work.shapes}),
    )


def _cost(work: Work, overhead: float) -> float:
    return work.places + len(work.shapes) * overhead


def _timed(trial: Trial, group: Group, clock: Callable[[], float]) -> float:
    trial.settle(group)
    began = clock()
    trial.step(group)
    return clock() - began
