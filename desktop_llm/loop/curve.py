"""What more labels would bring: the learning curve, fitted to heads that learned from parts of the labels there are.

error(n) = rest + scale · n^(−rate), the inverse power law (Cortes et al. 1994; Hestness et al. 2017, 1712.00409;
Viering and Loog 2021, 2103.10948, on when it holds). How sure that is comes from fitting it again to other
divisions of the labels and to other draws of the rows that are asked (bootstrap).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from desktop_llm.loop import folds
from desktop_llm.loop import head as heads

PARTS = (0.15, 0.25, 0.4, 0.6, 0.8, 1.0)
DIVISIONS = 5
"""How often the labels are divided into four parts to learn from and one to be asked."""
DRAWS = 20
"""Bootstrap draws for each division."""
RATES = np.linspace(0.1, 1.5, 29)
LEAST = 40
WITHIN = (0.05, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Measured: with `labels` labels, the share of held-out rows that was right."""

    labels: int
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Accuracy now and with more labels, and between what values that lies in nine cases of ten."""

    now: float
    then: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What `more` labels would bring to the accuracy over all rows, and to each class's own (its recall).

    `points` are the measured means; classes of which no row could be asked are left out.
    """

    labels: int
    more: int
    overall: Outlook
    by_class: dict[str, Outlook]
    points: tuple[Point, ...]


def advise(
    x: np.ndarray,
    targets: np.ndarray,
    classes: Sequence[str],
    more: int,
    *,
    many: bool = False,
    seed: int = 0,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> Advice | None:
    """Refit on parts of the labeled rows and look ahead; None with fewer than LEAST of them or one class.

    x float32 [n, d], targets float32 [n, k].
    """
    n, k = targets.shape
    if n < LEAST or k < 2:
        return None
    right, asked, sizes = _measured(x, targets, many, seed, on_progress)
    source = np.random.default_rng(seed)
    means = _rate_of(right.sum(axis=0), asked.sum(axis=0))
    now, then = [], []
    for draw in range(DIVISIONS * DRAWS):
        division = source.integers(0, DIVISIONS, DIVISIONS) if draw else np.arange(DIVISIONS)
        ahead, here = _look(right[division].sum(axis=0), asked[division].sum(axis=0), sizes, n, n + more, source, draw)
        now.append(here)
        then.append(ahead)
    after, before = np.stack(then), np.stack(now)
    low, high = np.nanquantile(after, WITHIN[0], axis=0), np.nanquantile(after, WITHIN[1], axis=0)

    def outlook(column: int) -> Outlook:
        return Outlook(
            now=float(before[0, column]),
            then=float(after[0, column]),
            low=min(float(low[column]), float(after[0, column])),
            high=max(float(high[column]), float(after[0, column])),
        )

    told = asked.sum(axis=(0, 1))
    return Advice(
        labels=n,
        more=more,
        overall=outlook(0),
        by_class={name: outlook(place + 1) for place, name in enumerate(classes) if told[place + 1] > 0},
        points=tuple(
            Point(labels=int(size), accuracy=float(mean)) for size, mean in zip(sizes, means[:, 0], strict=True)
        ),
    )


def fitted(sizes: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    """rest, scale and rate of the inverse power law nearest to measured errors (weighted least squares), none negative.

    For each of RATES the other two follow by least squares, so the fit cannot end in a false valley.
    """
    best, least = (float(errors[-1]), 0.0, 1.0), np.inf
    for rate in RATES:
        powers = sizes.astype(np.float64) ** -rate
        for rest, scale in _lines(powers, errors, weights):
            if rest < 0 or scale < 0:
                continue
            loss = float(np.sum(weights * (rest + scale * powers - errors) ** 2))
            if loss < least:
                best, least = (rest, scale, float(rate)), loss
    return best


def _lines(powers: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> list[tuple[float, float]]:
    """Rest and scale by least squares; the same without a rest, and without a scale, for where those are negative."""
    total = max(float(weights.sum()), 1e-12)
    mean_p, mean_e = float(weights @ powers) / total, float(weights @ errors) / total
    spread = float(weights @ (powers - mean_p) ** 2)
    slope = float(weights @ ((powers - mean_p) * (errors - mean_e))) / max(spread, 1e-12)
    straight = float(weights @ (powers * errors)) / max(float(weights @ powers**2), 1e-12)
    return [(mean_e - slope * mean_p, slope), (0.0, straight), (mean_e, 0.0)]


def _measured(
    x: np.ndarray, targets: np.ndarray, many: bool, seed: int, on_progress: Callable[[float], None]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many held-out rows were right and asked, [divisions, parts, 1 + classes], all rows first; and the sizes."""
    n, k = targets.shape
    right = np.zeros((DIVISIONS, len(PARTS), 1 + k))
    asked = np.zeros_like(right)
    held = folds.parts(targets, folds=DIVISIONS, seed=seed)
    learn_on = n - int(np.ceil(n / DIVISIONS))
    sizes = np.unique(np.maximum(8, (np.array(PARTS) * learn_on).astype(np.int64)))
    for division in range(DIVISIONS):
        others, out = np.flatnonzero(held != division), np.flatnonzero(held == division)
        others = np.random.default_rng((seed, division)).permutation(others)
        start = None
        for place, size in enumerate(sizes):
            part = others[:size]
            head = heads.fit(x[part], targets[part], many=many, start=start)
            start = head.weights
            made = head.probabilities(x[out])
            hit = (made >= 0.5) == (targets[out] > 0) if many else None
            sure = hit.all(axis=1) if hit is not None else made.argmax(axis=1) == targets[out].argmax(axis=1)
            right[division, place, 0], asked[division, place, 0] = sure.sum(), len(out)
            mine = hit if hit is not None else np.repeat(sure[:, None], k, axis=1)
            right[division, place, 1:] = (mine & (targets[out] > 0)).sum(axis=0)
            asked[division, place, 1:] = (targets[out] > 0).sum(axis=0)
            on_progress((division + (place + 1) / len(sizes)) / DIVISIONS)
    return right[:, : len(sizes)], asked[:, : len(sizes)], sizes


def _look(
    right: np.ndarray, asked: np.ndarray, sizes: np.ndarray, now: int, then: int, source: np.random.Generator, draw: int
) -> tuple[np.ndarray, np.ndarray]:
    """The accuracy `then` and `now`, float64 [1 + classes], by curves through (resampled) measurements.

    A class has few rows, so it takes its rate from all rows together and only its rest and scale from its own; both
    are drawn towards the class's error as it is by half a row of each outcome.
    """
    shares = _rate_of(right, asked)
    if draw:
        shares = source.binomial(np.maximum(asked, 0).astype(np.int64), np.clip(shares, 0, 1)) / np.maximum(asked, 1)
    errors = 1.0 - shares
    weights = asked[:, 0] / np.maximum(errors[:, 0] * shares[:, 0], 0.01)
    rest, scale, rate = fitted(sizes, errors[:, 0], weights)
    ahead, here = np.empty(right.shape[1]), np.empty(right.shape[1])
    ahead[0], here[0] = (1.0 - rest - scale * float(size) ** -rate for size in (then, now))
    powers = sizes.astype(np.float64) ** -rate
    for column in range(1, right.shape[1]):
        smooth = 1.0 - (shares[:, column] * asked[:, column] + 0.5) / (asked[:, column] + 1.0)
        each = [pair for pair in _lines(powers, smooth, sizes.astype(np.float64)) if min(pair) >= 0]
        losses = [float(np.sum(sizes * (one + two * powers - smooth) ** 2)) for one, two in each]
        one, two = each[int(np.argmin(losses))] if each else (float(smooth[-1]), 0.0)
        ahead[column], here[column] = (1.0 - one - two * float(size) ** -rate for size in (then, now))
    return np.clip(ahead, 0.0, 1.0), np.clip(here, 0.0, 1.0)


def _rate_of(right: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return np.asarray(right / np.maximum(asked, 1.0))
