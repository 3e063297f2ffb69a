"""One turn of the loop: learn from the labels that there are, look at all rows, say which to label next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from desktop_llm.loop import choosing, estimate
from desktop_llm.loop import head as heads
from desktop_llm.loop.head import Head
from desktop_llm.loop.pool import Pool

Wanted = Literal["uncertain", "diverse", "random", "disagreement"]
AHEAD = 3
"""Batches that are chosen with care, should the hand be faster than the next refit; the rest follows by doubt alone."""
GROWN = 1.25
"""How much more labels there must be before it is found anew how sure the head may be."""
FEW = 20
"""Labels from which on there is anything to learn."""


@dataclass(slots=True, kw_only=True)
class Memory:
    """What a refit leaves to the next one: where to begin, and what need not be chosen each time."""

    head: Head | None = None
    classes: tuple[str, ...] = ()
    calibrated_at: int = 0
    heat: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a refit found.

    `classes` are the labels that occur, in the columns' order; `probabilities` float32 [n, k] of all rows, None while
    there is too little to learn from; `order` the places of rows without a label, best first; `doubts` float32 [n];
    `accuracy` the estimated share of right suggestions over all rows without a label, None while it is unknown.
    """

    classes: tuple[str, ...]
    probabilities: np.ndarray | None
    order: np.ndarray
    doubts: np.ndarray
    accuracy: float | None = None
    memory: Memory = field(default_factory=Memory)


def one_hot(labels: Sequence[tuple[str, ...]], classes: tuple[str, ...]) -> np.ndarray:
    """Targets float32 [n, k] of each row's labels."""
    column = {name: place for place, name in enumerate(classes)}
    made = np.zeros((len(labels), len(classes)), dtype=np.float32)
    for row, names in enumerate(labels):
        for name in names:
            made[row, column[name]] = 1.0
    return made


def refit(
    pool: Pool,
    known: np.ndarray,
    labels: Sequence[tuple[str, ...]],
    *,
    many: bool = False,
    wanted: Wanted = "uncertain",
    batch: int = 20,
    seed: int = 0,
    memory: Memory | None = None,
    total_classes: int = 0,
) -> Turn:
    """Learn from the rows at the places `known`, whose labels are `labels`, and order all others.

    `total_classes` is how many labels the project has, those without a row included.
    """
    memory = memory or Memory()
    classes = tuple(sorted({name for names in labels for name in names}))
    labeled = np.zeros(len(pool), dtype=bool)
    labeled[known] = True
    waiting = np.flatnonzero(~labeled)
    if len(known) < FEW or len(classes) < (1 if many else 2):
        order = _order_blind(pool, labeled, waiting, wanted, batch, seed)
        return Turn(
            classes=classes, probabilities=None, order=order, doubts=np.ones(len(pool), np.float32), memory=memory
        )
    targets = one_hot(labels, classes)
    x = pool.x[known]
    after = _learned(x, targets, classes, many, memory)
    assert after.head is not None
    scores = after.head.scores(pool.x)
    probabilities = estimate.calibrated(scores, after.heat, many=many)
    doubts = choosing.doubt(probabilities, many=many)
    early = choosing.is_early(len(known), max(len(classes), total_classes))
    if wanted == "random" or wanted == "diverse" or (wanted == "uncertain" and early):
        order = _order_blind(pool, labeled, waiting, "random" if wanted == "random" else "diverse", batch, seed)
    elif wanted == "disagreement":
        order = waiting[np.argsort(-_apart(pool, known, targets, probabilities, many)[waiting], kind="stable")]
    else:
        worth = doubts if many else choosing.worth(doubts, probabilities, targets.sum(axis=0))
        order = _by_doubt(pool, worth, waiting, batch, seed)
    return Turn(
        classes=classes,
        probabilities=probabilities,
        order=order,
        doubts=doubts,
        accuracy=estimate.accuracy(probabilities[waiting], many=many) if after.calibrated_at else None,
        memory=after,
    )


def _learned(x: np.ndarray, targets: np.ndarray, classes: tuple[str, ...], many: bool, memory: Memory) -> Memory:
    """The head on all labels; now and then it is found anew how sure it may be."""
    at, heat = memory.calibrated_at, memory.heat
    if len(x) >= max(at * GROWN, estimate.LEAST_A_CLASS * len(classes)):
        at, heat = len(x), estimate.heat_of(x, targets, many=many)
    head = heads.fit(x, targets, many=many, start=_start(memory, classes, x.shape[1]))
    return Memory(head=head, classes=classes, calibrated_at=at, heat=heat)


def _start(memory: Memory, classes: tuple[str, ...], width: int) -> np.ndarray | None:
    """The last weights, for the classes that there are now; zero for new ones."""
    if memory.head is None or memory.head.weights.shape[1] != width + 1:
        return None
    before = {name: row for name, row in zip(memory.classes, memory.head.weights, strict=True)}
    empty = np.zeros(width + 1, dtype=np.float32)
    return np.stack([before.get(name, empty) for name in classes])


def _order_blind(
    pool: Pool, labeled: np.ndarray, waiting: np.ndarray, wanted: Wanted, batch: int, seed: int
) -> np.ndarray:
    """Without regard to any model: at random, or typical rows of all regions first and the rest behind them."""
    if wanted == "random":
        return np.random.default_rng(seed).permutation(waiting)
    taken, chosen = labeled.copy(), []
    for turn in range(AHEAD):
        chosen.append(choosing.typical(pool.unit, taken, batch, seed=seed + turn))
        taken[chosen[-1]] = True
    first = np.concatenate(chosen)
    rest = waiting[~np.isin(waiting, first)]
    return np.concatenate([first, np.random.default_rng(seed).permutation(rest)])


def _by_doubt(pool: Pool, doubts: np.ndarray, waiting: np.ndarray, batch: int, seed: int) -> np.ndarray:
    """Batch after batch of rows in doubt that differ, then all others by doubt."""
    left, chosen = waiting, []
    for turn in range(AHEAD):
        chosen.append(choosing.doubtful(pool.unit, doubts, left, batch, seed=seed + turn))
        left = left[~np.isin(left, chosen[-1])]
    return np.concatenate([*chosen, left[np.argsort(-doubts[left], kind="stable")]])


def _apart(pool: Pool, known: np.ndarray, targets: np.ndarray, probabilities: np.ndarray, many: bool) -> np.ndarray:
    """How far the head and the nearest labeled rows are apart about each row."""
    other = choosing.by_neighbours(pool.unit, known, targets)
    if not many:
        return choosing.disagreement(probabilities, [other])
    k = targets.shape[1]
    both = [np.concatenate([one, 1.0 - one], axis=1) / k for one in (probabilities, other)]
    return choosing.disagreement(both[0], both[1:])
