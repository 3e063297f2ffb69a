"""What a limit on the chance of a label trades: precision against recall, hits against false alarms, and the best one.

Curves and areas are those of scikit-learn (`precision_recall_curve`, `roc_curve`, `average_precision_score`,
`roc_auc_score`): one point a distinct chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HALF = 0.5
POINTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """A label's curves, from the strictest limit to the loosest; all float64 [points].

    `area` under hits against false alarms, NaN where one of both does not occur; `average` precision, by the recall
    that each limit adds.
    """

    limits: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    alarms: np.ndarray
    area: float
    average: float
    rows: int
    """How many rows have the label."""

    @property
    def f1(self) -> np.ndarray:
        """F1 at each limit, 0 where undefined."""
        both = self.precision + self.recall
        told: np.ndarray = np.where(both > 0, 2 * self.precision * self.recall / np.where(both > 0, both, 1.0), 0.0)
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A limit and what it gives: a label is said from this chance on."""

    limit: float
    precision: float
    recall: float
    f1: float


def curves(chance: np.ndarray, true: np.ndarray) -> Curves:
    """From the chance of a label, float [n], and whether it is there, bool [n]."""
    order = np.argsort(-chance, kind="stable")
    sorted_chance, sorted_true = chance[order], true[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(sorted_chance)), len(chance) - 1) if len(chance) else np.zeros(0, np.int64)
    hits = np.cumsum(sorted_true)[last]
    told = (last + 1).astype(np.float64)
    positives = float(sorted_true.sum())
    negatives = len(chance) - positives
    recall = hits / positives if positives else np.zeros(len(last))
    alarms = (told - hits) / negatives if negatives else np.zeros(len(last))
    precision = hits / told
    area = float("nan")
    if positives and negatives:
        area = float(np.trapezoid(np.append(0.0, recall), np.append(0.0, alarms)))
    average = float((np.diff(np.append(0.0, recall)) * precision).sum()) if positives else float("nan")
    return Curves(
        limits=sorted_chance[last].astype(np.float64),
        precision=precision,
        recall=recall,
        alarms=alarms,
        area=area,
        average=average,
        rows=int(positives),
    )


def at(told: Curves, limit: float) -> Choice:
    """What a limit gives."""
    place = int(np.searchsorted(-told.limits, -limit, side="right")) - 1
    if place < 0:
        return Choice(limit=limit, precision=0.0, recall=0.0, f1=0.0)
    return _choice(told, place, limit)


def best(told: Curves) -> Choice:
    """The limit with the best F1 on these rows, among equals the one nearest to one half."""
    if not len(told.limits):
        return Choice(limit=HALF, precision=0.0, recall=0.0, f1=0.0)
    f1 = told.f1
    among = np.flatnonzero(f1 >= f1.max() - 1e-12)
    place = int(among[np.argmin(np.abs(told.limits[among] - HALF))])
    return _choice(told, place, float(told.limits[place]))


def thin(x: np.ndarray, y: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Of a curve as many points as a screen can show, the ends among them."""
    if len(x) <= points:
        return x, y
    places = np.unique(np.linspace(0, len(x) - 1, points).round().astype(np.int64))
    return x[places], y[places]


def _choice(told: Curves, place: int, limit: float) -> Choice:
    return Choice(
        limit=limit,
        precision=float(told.precision[place]),
        recall=float(told.recall[place]),
        f1=float(told.f1[place]),
    )
