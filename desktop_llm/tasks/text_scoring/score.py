"""Figures of one level per text: how far off answers are, by scikit-learn and SciPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

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
    number = {name: place for place, name in enumerate(classes)}
    for name in (*truth, *(one.label for one in predictions)):
        number.setdefault(str(name), len(number))
    labels = list(number)
    true = np.asarray([number[str(name)] for name in truth])
    told = np.asarray([number[str(one.label)] for one in predictions])
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
        _level(name, told[true == place] - place, int((told == place).sum())) for name, place in number.items()
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
