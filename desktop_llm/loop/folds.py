"""What the head says of a labeled row that it has not seen: the ground of estimates and of likely mistakes."""

from __future__ import annotations

import numpy as np

from desktop_llm.loop import head as heads

FOLDS = 5
ROUNDS = 60


def parts(targets: np.ndarray, *, folds: int = FOLDS, seed: int = 0) -> np.ndarray:
    """Which fold each row is held out in, int64 [n]; every class is spread over as many folds as it has rows."""
    rows = len(targets)
    source = np.random.default_rng(seed)
    shuffled = source.permutation(rows)
    by_class = shuffled[np.argsort(targets[shuffled].argmax(axis=1), kind="stable")]
    made = np.empty(rows, dtype=np.int64)
    made[by_class] = np.arange(rows) % folds
    return made


def out_of_fold(
    x: np.ndarray,
    targets: np.ndarray,
    *,
    many: bool = False,
    strength: float = heads.STRENGTH,
    folds: int = FOLDS,
    seed: int = 0,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Probabilities float32 [n, k] of each row by a head that has not seen it; `start` weights to begin with.

    Weights that have seen the row forget it only in the end of a fit, so `start` should be of other rows or None.
    """
    held = parts(targets, folds=min(folds, max(2, len(targets))), seed=seed)
    made = np.full(targets.shape, 1.0 / targets.shape[1], dtype=np.float32)
    for fold in range(int(held.max()) + 1):
        learned = held != fold
        if not learned.any() or learned.all():
            continue
        head = heads.fit(x[learned], targets[learned], many=many, strength=strength, start=start, rounds=ROUNDS)
        made[~learned] = head.probabilities(x[~learned])
    return made


def likelihood_loss(made: np.ndarray, targets: np.ndarray, *, many: bool = False) -> float:
    """The mean negative log-likelihood of the truth."""
    safe = np.clip(made.astype(np.float64), 1e-9, 1 - 1e-9)
    losses = -targets * np.log(safe)
    if many:
        losses -= (1 - targets) * np.log(1 - safe)
    return float(losses.sum(axis=1).mean())
