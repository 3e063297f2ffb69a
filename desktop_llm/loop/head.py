"""The linear head on frozen features: softmax for one of many, a sigmoid a class for several of many.

Both are logistic regression with an L2 penalty, as scikit-learn's (the tests compare), but begin where the last fit
ended, which is what makes a refit after twenty labels a matter of a moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

STRENGTH = 30.0
"""`C` of scikit-learn's LogisticRegression, for features of `features.standard`. Between 15 and 100 it matters little
(banking77, MiniLM: half a point of accuracy)."""
ROUNDS = 100
ENOUGH = 1e-4
"""The fit ends when a round betters the loss by less than this share of it."""
ENOUGH_AT_FIRST = 5e-4
"""The same from nothing: the rounds after that cost as much again and better no guess of a row that was not seen
(banking77, CLINC150), and the next refit goes on from there."""
SAMPLED = 4000
"""From so many rows on, a fit from nothing begins with a quarter of them: its rounds cost a quarter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """`weights` float32 [k, d + 1], the constant last; `many` when a row may have several of the k classes."""

    weights: np.ndarray
    many: bool

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Logits float32 [n, k]."""
        return np.asarray(x @ self.weights[:, :-1].T + self.weights[:, -1], dtype=np.float32)

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """Float32 [n, k]: rows sum to one unless `many`, where each is of its own."""
        return sigmoid(self.scores(x)) if self.many else softmax(self.scores(x))


def fit(
    x: np.ndarray,
    targets: np.ndarray,
    *,
    many: bool = False,
    strength: float = STRENGTH,
    start: np.ndarray | None = None,
    rounds: int = ROUNDS,
    enough: float | None = None,
) -> Head:
    """Learn from features float32 [n, d] and targets float32 [n, k], one-hot unless `many`.

    `start` are weights [k, d + 1] to begin with; `enough` where neither ENOUGH nor ENOUGH_AT_FIRST is. Minimises the
    sum of the losses plus |weights|² / (2 · strength).
    """
    from scipy.optimize import minimize

    k, d = targets.shape[1], x.shape[1]
    if enough is None:
        enough = ENOUGH_AT_FIRST if start is None else ENOUGH
    if start is None and len(x) >= SAMPLED:
        some = np.random.default_rng(0).choice(len(x), len(x) // 4, replace=False)
        start = fit(x[some], targets[some], many=many, strength=strength).weights
    began = np.zeros((k, d + 1)) if start is None else np.asarray(start, dtype=np.float64)
    found = minimize(
        _loss(x, np.asarray(targets, dtype=np.float32), many, strength),
        began.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": rounds, "ftol": enough, "gtol": 1e-6},
    )
    return Head(weights=found.x.reshape(k, d + 1).astype(np.float32), many=many)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities that sum to one, float32 [n, k]."""
    made = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(made / made.sum(axis=1, keepdims=True), dtype=np.float32)


def sigmoid(scores: np.ndarray) -> np.ndarray:
    """A probability of its own each, float32 [n, k]."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scores, -30.0, 30.0))), dtype=np.float32)


def _loss(
    x: np.ndarray, targets: np.ndarray, many: bool, strength: float
) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """The mean loss and its gradient in float64, of weights as one flat array."""
    n, (k, d) = len(x), (targets.shape[1], x.shape[1])

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.astype(np.float32).reshape(k, d + 1)
        scores = x @ weights[:, :d].T + weights[:, d]
        if many:
            made = sigmoid(scores)
            total = float(np.sum(np.logaddexp(0.0, scores) - targets * scores))
        else:
            scores -= scores.max(axis=1, keepdims=True)
            made = np.exp(scores)
            sums = made.sum(axis=1, keepdims=True)
            total = float(np.sum(np.log(sums)) - np.sum(targets * scores))
            made /= sums
        made -= targets
        gradient = np.empty_like(weights)
        gradient[:, :d] = made.T @ x + weights[:, :d] / strength
        gradient[:, d] = made.sum(axis=0)
        penalty = float(np.sum(weights[:, :d] ** 2)) / (2 * strength)
        return (total + penalty) / n, gradient.ravel().astype(np.float64) / n

    return loss
