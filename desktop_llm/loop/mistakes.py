"""Labels that the rest of the labels contradict: confident learning (Northcutt, Jiang and Chuang 2021, 1911.00068).

Written in NumPy after the paper, as the reference (cleanlab) would bring pandas into every installation for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted:
    """`order` places of all labeled rows, the most doubtful first; `sure` float32 [n] 0…1, in the rows' order, what
    the others' labels say for a row's own; `likely` how many rows are held for mistakes; `instead` int64 [n] the
    class that speaks most against the label (its column)."""

    order: np.ndarray
    sure: np.ndarray
    likely: int
    instead: np.ndarray


def doubted(held_out: np.ndarray, targets: np.ndarray, *, many: bool = False) -> Doubted:
    """Order labeled rows by how likely their label is a mistake.

    `held_out` float32 [n, k] probabilities by models that have not seen the row, `targets` float32 [n, k]. The order
    is by the probability of the row's own label (“self-confidence”): with a twentieth of banking77's labels flipped it
    finds more of them than the margin to the next label does, or than the paper's own pruning alone.
    """
    if many:
        return _of_many(held_out, targets)
    rows, given = np.arange(len(targets)), targets.argmax(axis=1)
    sure = held_out[rows, given]
    others = held_out.copy()
    others[rows, given] = -1.0
    return Doubted(
        order=np.argsort(sure, kind="stable"),
        sure=sure,
        likely=int(contradicted(held_out, given).sum()),
        instead=others.argmax(axis=1),
    )


def contradicted(held_out: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Which rows are confidently of another class than their label says, bool [n].

    A row counts for a class when its probability is at least the mean one of the rows that have the label (the
    paper's threshold, which lets hard classes be less sure); of several such classes the likeliest.
    """
    k = held_out.shape[1]
    counts = np.bincount(given, minlength=k)
    sums = np.bincount(given, weights=held_out[np.arange(len(given)), given], minlength=k)
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), 2.0)
    counted = np.where(held_out >= thresholds, held_out, -1.0)
    confident = counted.max(axis=1) >= 0
    return np.asarray(confident & (counted.argmax(axis=1) != given))


def _of_many(held_out: np.ndarray, targets: np.ndarray) -> Doubted:
    """Each class by itself; a row is as doubtful as its most doubtful class."""
    own = np.where(targets > 0, held_out, 1.0 - held_out)
    sums, counts = (targets * held_out).sum(axis=0), targets.sum(axis=0)
    without = ((1.0 - targets) * (1.0 - held_out)).sum(axis=0)
    has = np.where(counts > 0, sums / np.maximum(counts, 1.0), 2.0)
    lacks = without / np.maximum(len(targets) - counts, 1.0)
    off = np.where(targets > 0, 1.0 - held_out >= lacks, held_out >= has) & (own < 0.5)
    sure = np.asarray(own.min(axis=1), dtype=np.float32)
    return Doubted(
        order=np.argsort(sure, kind="stable"),
        sure=sure,
        likely=int(off.any(axis=1).sum()),
        instead=np.asarray(own.argmin(axis=1), dtype=np.int64),
    )
