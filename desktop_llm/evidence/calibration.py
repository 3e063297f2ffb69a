"""Whether a model is as sure as it is right: reliability, calibration error, and one temperature that mends it.

The expected calibration error is the mean distance between how sure answers are and how many of them are right, over
bins of equal width, weighted by their rows (Naeini, Cooper and Hauskrecht 2015). Temperature scaling divides all
logits by one number, chosen by the likelihood (Guo et al. 2017, “On Calibration of Modern Neural Networks”,
arXiv:1706.04599); no answer changes by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from desktop_llm.evidence.intervals import wilson

BINS = 15
COLDEST, HOTTEST = 0.05, 20.0
LEAST_ROWS = 40
"""With fewer rows no temperature is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Answers that are about as sure: from `low` to `high`, how `sure` on average, and which share is `right`, with its
    limits; `rows` are their places.
    """

    low: float
    high: float
    sure: float
    right: float
    least: float
    most: float
    rows: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Bins that have rows, and the errors: expected, and of the worst bin; `temperature` NaN where none was looked for.

    `after` is the expected error of answers at that temperature, each half of the rows at the one that the other
    half has chosen.
    """

    bins: tuple[Bin, ...]
    error: float
    worst: float
    temperature: float = float("nan")
    after: float = float("nan")


def reliability(sure: np.ndarray, right: np.ndarray, bins: int = BINS) -> tuple[Bin, ...]:
    """Answers by how sure they are, float [n] in 0…1, and whether they are right, bool [n]; empty bins are left out."""
    place = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    told = []
    for one in range(bins):
        rows = np.flatnonzero(place == one)
        if not len(rows):
            continue
        good = float(right[rows].sum())
        least, most = wilson(good, len(rows))
        told.append(
            Bin(
                low=one / bins,
                high=(one + 1) / bins,
                sure=float(sure[rows].mean()),
                right=good / len(rows),
                least=least,
                most=most,
                rows=rows,
            )
        )
    return tuple(told)


def error(bins: tuple[Bin, ...]) -> tuple[float, float]:
    """The expected calibration error, and that of the worst bin."""
    total = sum(len(one.rows) for one in bins)
    if not total:
        return 0.0, 0.0
    off = [abs(one.sure - one.right) for one in bins]
    return sum(len(one.rows) * gap for one, gap in zip(bins, off, strict=True)) / total, max(off)


def calibration(
    sure: np.ndarray, right: np.ndarray, logits: np.ndarray | None = None, truth: np.ndarray | None = None
) -> Calibration:
    """Of answers of one class each: with `logits` float [n, classes] and the true class int [n], a temperature, too.

    A row whose truth is −1 has a class that the model does not know; it counts as wrong, but chooses no temperature.
    """
    bins = reliability(sure, right)
    expected, worst = error(bins)
    if logits is None or truth is None or int((truth >= 0).sum()) < LEAST_ROWS:
        return Calibration(bins=bins, error=expected, worst=worst)
    known = truth >= 0
    halves = np.arange(len(truth)) % 2
    cooled = np.empty(len(truth))
    for half in (0, 1):
        mine, others = halves == half, (halves != half) & known
        cooled[mine] = chances(logits[mine], temperature(logits[others], truth[others])).max(axis=1)
    return Calibration(
        bins=bins,
        error=expected,
        worst=worst,
        temperature=temperature(logits[known], truth[known]),
        after=error(reliability(cooled, right))[0],
    )


def chances(logits: np.ndarray, heat: float = 1.0) -> np.ndarray:
    """Softmax of logits by a temperature, float64 [n, classes]."""
    scaled = logits.astype(np.float64) / heat
    scaled -= scaled.max(axis=1, keepdims=True)
    made = np.exp(scaled)
    told: np.ndarray = made / made.sum(axis=1, keepdims=True)
    return told


def temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The number to divide logits by, float [n, classes], that makes the true classes, int [n], likeliest."""
    from scipy.optimize import minimize_scalar

    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    mine = wide[np.arange(len(truth)), truth]

    def loss(log_heat: float) -> float:
        heat = np.exp(log_heat)
        return float((np.log(np.exp(wide / heat).sum(axis=1)) - mine / heat).mean())

    found = minimize_scalar(loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(found.x))
