"""Several runs that differ by their seed alone, folded into one: their mean, and how far apart they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from desktop_llm.evidence.intervals import LEVEL

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """The mean of several runs, their standard deviation, and where the mean of all such runs lies (Student's t)."""

    runs: int
    mean: float
    deviation: float
    low: float
    high: float


def fold(values: Sequence[float], level: float = LEVEL) -> Fold:
    """Of the figures of runs; with one run, nothing is known of how far apart they are (NaN)."""
    from scipy.stats import t

    told = np.asarray(values, dtype=np.float64)
    mean = float(told.mean())
    if len(told) < 2:
        return Fold(runs=len(told), mean=mean, deviation=math.nan, low=math.nan, high=math.nan)
    deviation = float(told.std(ddof=1))
    half = float(t.ppf((1 + level) / 2, len(told) - 1)) * deviation / math.sqrt(len(told))
    return Fold(runs=len(told), mean=mean, deviation=deviation, low=mean - half, high=mean + half)


def band(curves: Sequence[Points]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Steps, mean, least and most of several curves, float64 [points], as far as all of them go.

    A curve that was not measured at a step of another is read between its own points.
    """
    told = [np.asarray(one, dtype=np.float64).reshape(-1, 2) for one in curves if len(one)]
    if not told:
        nothing = np.zeros(0)
        return nothing, nothing, nothing, nothing
    first, last = max(one[0, 0] for one in told), min(one[-1, 0] for one in told)
    steps = np.unique(np.concatenate([one[:, 0] for one in told]))
    steps = steps[(steps >= first) & (steps <= last)]
    values = np.stack([np.interp(steps, one[:, 0], one[:, 1]) for one in told])
    return steps, values.mean(axis=0), values.min(axis=0), values.max(axis=0)
