"""Two runs on the same rows: by how much they differ, and whether that is more than the chance of these rows.

The bootstrap draws rows, and measures both runs on each draw (paired bootstrap; Efron and Tibshirani 1993; Koehn 2004
for texts). McNemar's test (1947), in its exact form, looks at the rows that one has right and the other wrong alone;
where it calls a difference of shares chance, the interval of that share reaches to nought.
What another seed of the training would have changed is in neither of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from desktop_llm.evidence import intervals
from desktop_llm.evidence.intervals import Interval
from desktop_llm.evidence.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one run has more than the other of each figure, and the rows behind it.

    `better` and `worse` are the places of rows that the first one answered better, or worse; where answers are right or
    wrong, these are the rows that only one of them has right, and `chance` is McNemar's p, else NaN.
    """

    figures: Mapping[str, Interval]
    better: np.ndarray
    worse: np.ndarray
    both_wrong: np.ndarray
    chance: float


def compare(
    here: Tally,
    there: Tally,
    *,
    draws: int = intervals.DRAWS,
    seed: int = intervals.SEED,
    should_stop: Callable[[], bool] = lambda: False,
) -> Difference:
    """`here` minus `there`, on the same rows in the same order. Raises Cancelled."""
    if len(here) != len(there):
        raise ValueError("the two measurements are not of the same rows")
    told = intervals.intervals(difference(here, there), draws=draws, seed=seed, bounded=False, should_stop=should_stop)
    chance, both_wrong = float("nan"), np.zeros(0, dtype=np.int64)
    if here.right is not None and there.right is not None:
        chance = mcnemar(int((here.right & ~there.right).sum()), int((~here.right & there.right).sum()))
        both_wrong = np.flatnonzero(~here.right & ~there.right)
    if chance >= 1 - intervals.LEVEL:
        shares = here.shares() & there.shares()
        told = {name: one.reaching_nought() if name in shares else one for name, one in told.items()}
    return Difference(
        figures=told,
        better=np.flatnonzero(here.good > there.good),
        worse=np.flatnonzero(here.good < there.good),
        both_wrong=both_wrong,
        chance=chance,
    )


def difference(here: Tally, there: Tally) -> Tally:
    """A tally whose figures are those of `here` minus those of `there`, for the figures that both have."""
    width, wide = len(there.patterns), here.patterns.shape[1]
    joint, of = np.unique(here.of * width + there.of, return_inverse=True)
    patterns = np.concatenate([here.patterns[joint // width], there.patterns[joint % width]], axis=1)

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        ours, theirs = here.figures(sums[:, :wide]), there.figures(sums[:, wide:])
        return {name: ours[name] - theirs[name] for name in ours if name in theirs}

    return Tally(patterns=patterns, of=of.reshape(-1), figures=figures, right=None, good=here.good - there.good)


def mcnemar(only_here: int, only_there: int) -> float:
    """The chance of a division at least as uneven where both are as good (exact, two-sided binomial)."""
    from scipy.stats import binomtest

    if not only_here + only_there:
        return 1.0
    return float(binomtest(only_here, only_here + only_there, 0.5).pvalue)
