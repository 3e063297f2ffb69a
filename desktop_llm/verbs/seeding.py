"""Runs that differ by their seed alone, folded into one, and how a figure grows with the texts learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from desktop_llm.evidence import seeds
from desktop_llm.evidence.seeds import Fold
from desktop_llm.jobs import snapshot

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.store.runs import Run
    from desktop_llm.tasks.task import Metric

HELD_OUT = ("test", "validation")
ENOUGH = 3
"""Runs from which something can be said of how far seeds are apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """`numbers` of runs with the same recipe and data but for the seed, and their figure on a split."""

    numbers: tuple[int, ...]
    split: str
    metric: Metric
    fold: Fold

    @property
    def words(self) -> str:
        """In a sentence."""
        times, unit = (100, " %") if self.metric.percent else (1, "")
        digits = 1 if self.metric.percent else 3
        told = self.fold
        runs = ", ".join(str(number) for number in self.numbers)
        words = (
            f"Runs {runs} differ by their seed alone: {self.metric.title.lower()} {times * told.mean:.{digits}f}{unit} "
            f"on average ({self.split} texts), {times * told.deviation:.{digits}f} apart (standard deviation)"
        )
        if told.runs < ENOUGH:
            return f"{words}; two runs tell little of that, train some more seeds."
        return (
            f"{words}; the mean of many seeds lies between {times * told.low:.{digits}f} and "
            f"{times * told.high:.{digits}f}{unit}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Runs of one kind: their curve, float64 [points], and between what it lies where there are several of them."""

    numbers: tuple[int, ...]
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray
    high: np.ndarray


def alike(run: Run, every: Sequence[Run]) -> tuple[Run, ...]:
    """The run and those with its recipe and data but for the seed, that have ended."""

    def kind(one: Run) -> tuple[object, object]:
        return replace(one.recipe, seed=0), one.snapshot.get("sha256", "")

    return tuple(one for one in every if one.number == run.number or (one.ended and kind(one) == kind(run)))


def folded(run: Run, every: Sequence[Run], metric: Metric) -> Seeds | None:
    """Their figures as one; None where there are not two of them."""
    same = alike(run, every)
    for split in HELD_OUT:
        told = {one.number: one.metrics.get(split, {}).get(metric.name) for one in same}
        values = {number: value for number, value in told.items() if value is not None}
        if len(values) > 1:
            numbers = tuple(sorted(values))
            return Seeds(numbers=numbers, split=split, metric=metric, fold=seeds.fold(list(values.values())))
    return None


def bands(project: Project, runs: Sequence[Run], every: Sequence[Run], name: str) -> tuple[Band, ...]:
    """The curves by step of runs, those that differ by their seed alone in one; without those that have none."""
    told, taken = [], set[int]()
    for run in runs:
        if run.number in taken:
            continue
        numbers = tuple(sorted(one.number for one in alike(run, every)))
        taken.update(numbers)
        curves = [project.runs.metrics(number).get(name, []) for number in numbers]
        x, y, low, high = seeds.band([curve for curve in curves if curve])
        if len(x):
            told.append(Band(numbers=numbers, x=x, y=y, low=low, high=high))
    return tuple(told)


def by_size(runs: Sequence[Run], metric: Metric, split: str) -> Band | None:
    """The figure of runs over the texts that they learned from; None with fewer than two amounts."""
    points: dict[int, list[float]] = {}
    for run in runs:
        value = run.metrics.get(split, {}).get(metric.name)
        texts = snapshot.learned(run.snapshot)
        if value is not None and texts:
            points.setdefault(texts, []).append(value)
    if len(points) < 2:
        return None
    sizes = sorted(points)
    x = np.asarray(sizes, dtype=np.float64)
    low, y, high = (
        np.asarray([told(points[one]) for one in sizes], dtype=np.float64) for told in (np.min, np.mean, np.max)
    )
    return Band(numbers=tuple(run.number for run in runs), x=x, y=y, low=low, high=high)
