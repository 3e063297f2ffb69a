"""Figures of one level per text: how far off answers are, by scikit-learn and SciPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from desktop_llm.evidence import tally as tallies
from desktop_llm.evidence.tally import Tally
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.task import Scores


def score(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Scores:
    """Compare predicted with true levels; `classes` are their names from the lowest on.

    `mae`: the mean distance in levels; `quadratic_kappa`: Cohen's kappa with squared weights (Cohen 1968); `spearman`:
    the correlation of ranks; `accuracy`; `within_one`: the share at most one level off. Kappa and correlation of what
    does not vary are 1 where everything is right, else 0. `details`: `labels`, `per_level` (support, predicted, right,
    within_one, mae, bias: the mean of predicted minus true) and `confusion`, as [true index, predicted index, count].
    """
    from scipy.stats import spearmanr
    from sklearn.metrics import cohen_kappa_score, confusion_matrix, mean_absolute_error

    if not truth:
        return Scores(metrics={}, details={})
    labels, true, told = _numbered(truth, predictions, classes)
    all_right = bool((true == told).all())
    varies = len(np.unique(true)) > 1 and len(np.unique(told)) > 1
    same = len(np.unique(np.concatenate([true, told]))) == 1
    kappa = math.nan if same else cohen_kappa_score(true, told, labels=np.arange(len(labels)), weights="quadratic")
    ranks = spearmanr(true, told).statistic if varies else math.nan
    metrics = {
        "mae": float(mean_absolute_error(true, told)),
        "quadratic_kappa": _defined(kappa, all_right=all_right),
        "spearman": _defined(ranks, all_right=all_right),
        "accuracy": float((true == told).mean()),
        "within_one": float((np.abs(true - told) <= 1).mean()),
    }
    matrix = confusion_matrix(true, told, labels=np.arange(len(labels)))
    rows, columns = np.nonzero(matrix)
    cells = [[int(row), int(column), int(matrix[row, column])] for row, column in zip(rows, columns, strict=True)]
    per_level = [
        _level(name, told[true == place] - place, int((told == place).sum())) for place, name in enumerate(labels)
    ]
    return Scores(metrics=metrics, details={"labels": labels, "per_level": per_level, "confusion": cells})


def _defined(value: float, *, all_right: bool) -> float:
    return float(value) if not math.isnan(value) else float(all_right)


def _level(name: str, off: np.ndarray, predicted: int) -> dict[str, Any]:
    """The figures of one level from how far off its texts were answered, int64 [texts of it]."""
    there = len(off) > 0
    return {
        "label": name,
        "support": len(off),
        "predicted": predicted,
        "right": float((off == 0).mean()) if there else 0.0,
        "within_one": float((np.abs(off) <= 1).mean()) if there else 0.0,
        "mae": float(np.abs(off).mean()) if there else 0.0,
        "bias": float(off.mean()) if there else 0.0,
    }


def tally(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Tally:
    """What rows add to the figures of `score`, for intervals and comparisons: each text counts for its cell."""
    _, true, told = _numbered(truth, predictions, classes)
    cells = tallies.cells(true, told)

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        return _of_cells(sums, cells[0], cells[1])

    good = -np.abs(true - told).astype(np.float64)
    return tallies.of_cells(cells, np.eye(len(cells[0])), figures, good)


def _of_cells(sums: np.ndarray, true: np.ndarray, told: np.ndarray) -> dict[str, np.ndarray]:
    """The figures of draws in which each cell, a true and a told level, comes so often: float64 [draws, cells]."""
    count = np.maximum(1.0, sums.sum(axis=1))
    off = np.abs(true - told).astype(np.float64)
    mean = [sums @ side / count for side in (true, told)]
    square = [sums @ side**2 / count for side in (true, told)]
    expected = square[0] + square[1] - 2 * mean[0] * mean[1]
    right = (sums @ (off == 0)) / count
    all_right = (right >= 1).astype(np.float64)
    some = expected > 1e-12
    return {
        "mae": sums @ off / count,
        "quadratic_kappa": np.where(some, 1 - sums @ off**2 / count / np.where(some, expected, 1.0), all_right),
        "spearman": _rank_correlation(sums, _ranks(sums, true), _ranks(sums, told), all_right),
        "accuracy": right,
        "within_one": sums @ (off <= 1) / count,
    }


def _ranks(sums: np.ndarray, level: np.ndarray) -> np.ndarray:
    """The rank of each cell's level in each draw, the mean one of its ties, as a distance from the middle."""
    margins = sums @ np.eye(int(level.max()) + 1)[level]
    ranks = np.cumsum(margins, axis=1) - (margins - 1) / 2 - (sums.sum(axis=1, keepdims=True) + 1) / 2
    told: np.ndarray = ranks[:, level]
    return told


def _rank_correlation(sums: np.ndarray, here: np.ndarray, there: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Pearson's correlation of the ranks, which is Spearman's of the levels."""
    both = (sums * here * there).sum(axis=1)
    spread = np.sqrt((sums * here**2).sum(axis=1) * (sums * there**2).sum(axis=1))
    some = spread > 1e-9
    return np.where(some, both / np.where(some, spread, 1.0), otherwise)


def _numbered(
    truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """All levels that occur, those of `classes` first, and the true and the told one of each text by number."""
    number = {name: place for place, name in enumerate(classes)}
    for name in (*truth, *(one.label for one in predictions)):
        number.setdefault(str(name), len(number))
    true = np.asarray([number[str(name)] for name in truth], dtype=np.int64)
    told = np.asarray([number[str(one.label)] for one in predictions], dtype=np.int64)
    return list(number), true, told
