"""How sure the head may be, and from that how often its suggestions are right where nobody has looked yet."""

from __future__ import annotations

import numpy as np

from desktop_llm.loop import folds, head

MOST = 2000
"""Labeled rows that are held out for this; of more, so many are drawn, as it is one number that is looked for."""
FOLDS_OF_MANY = 3


LEAST_A_CLASS = 3
"""Labels a class before that: with less, held-out rows are of classes that the others do not know."""


def heat_of(x: np.ndarray, targets: np.ndarray, *, many: bool = False) -> float:
    """The temperature of a head that learns from rows float32 [n, d] with targets float32 [n, k]."""
    few = len(x) <= MOST
    if not few:
        drawn = np.random.default_rng(0).choice(len(x), MOST, replace=False)
        x, targets = x[drawn], targets[drawn]
    held = folds.out_of_fold(x, targets, many=many, folds=folds.FOLDS if few else FOLDS_OF_MANY)
    return temperature(held, targets, many=many)


def temperature(held_out: np.ndarray, targets: np.ndarray, *, many: bool = False) -> float:
    """What logits must be divided by for held-out rows to be as likely as they are (Guo et al. 2017, 1706.04599).

    `held_out` float32 [n, k] are probabilities of rows that the head has not seen.
    """
    from scipy.optimize import minimize_scalar

    scores = _logits(held_out, many)
    found = minimize_scalar(
        lambda log: folds.likelihood_loss(calibrated(scores, float(np.exp(log)), many=many), targets, many=many),
        bounds=(-2.5, 2.5),
        method="bounded",
    )
    return float(np.exp(found.x))


def calibrated(scores: np.ndarray, heat: float, *, many: bool = False) -> np.ndarray:
    """Probabilities float32 [n, k] of logits at that temperature."""
    return head.sigmoid(scores / heat) if many else head.softmax(scores / heat)


def accuracy(probabilities: np.ndarray, *, many: bool = False) -> float | None:
    """The expected share of right suggestions: the mean of what each one's probability says of it.

    With several labels a row: that every class is right.
    """
    if not len(probabilities):
        return None
    if many:
        sure = np.log(np.maximum(probabilities, 1.0 - probabilities).astype(np.float64)).sum(axis=1)
        return float(np.exp(sure).mean())
    return float(probabilities.max(axis=1).mean())


def _logits(probabilities: np.ndarray, many: bool) -> np.ndarray:
    safe = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(safe) - (np.log1p(-safe) if many else 0.0), dtype=np.float32)
