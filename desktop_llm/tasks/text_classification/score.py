"""Figures of one label per text, by scikit-learn: accuracy, macro precision, recall and F1, per label, confusions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from desktop_llm.evidence import tally as tallies
from desktop_llm.evidence.tally import Tally
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.task import Scores


def score(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Scores:
    """Compare predicted with true class names.

    Macro figures are the plain mean over the labels that occur in truth or prediction, 0 where undefined
    (scikit-learn's `average="macro"`, `zero_division=0`). `details`: `labels`, `per_label` (precision, recall,
    f1, support, predicted) and `confusion`, a list of [true index, predicted index, count] without zeros.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    if not truth:
        return Scores(metrics={}, details={})
    labels, true, told = _numbered(truth, predictions, classes)
    occurring = np.unique(np.concatenate([true, told]))
    precision, recall, f1, support = precision_recall_fscore_support(
        true, told, labels=np.arange(len(labels)), zero_division=0
    )
    matrix = confusion_matrix(true, told, labels=np.arange(len(labels)))
    metrics = {
        "accuracy": float((true == told).mean()),
        "macro_precision": float(precision[occurring].mean()),
        "macro_recall": float(recall[occurring].mean()),
        "macro_f1": float(f1[occurring].mean()),
    }
    predicted = matrix.sum(axis=0)
    per_label = [
        {
            "label": labels[place],
            "precision": float(precision[place]),
            "recall": float(recall[place]),
            "f1": float(f1[place]),
            "support": int(support[place]),
            "predicted": int(predicted[place]),
        }
        for place in range(len(labels))
    ]
    rows, columns = np.nonzero(matrix)
    cells = [[int(row), int(column), int(matrix[row, column])] for row, column in zip(rows, columns, strict=True)]
    return Scores(metrics=metrics, details={"labels": labels, "per_label": per_label, "confusion": cells})


def tally(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Tally:
    """What rows add to the figures of `score`, for intervals and comparisons."""
    labels, true, told = _numbered(truth, predictions, classes)
    cells, each = tallies.cells(true, told), np.eye(len(labels))
    right = (cells[0] == cells[1])[:, None]
    patterns = np.concatenate(
        [right, np.ones_like(right), each[cells[0]] * right, each[cells[0]], each[cells[1]]], axis=1
    )

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        hits, there, said = np.split(sums[:, 2:], 3, axis=1)
        occurring = (there + said) > 0
        count = np.maximum(1, occurring.sum(axis=1))
        return {
            "accuracy": tallies.share(sums[:, 0], sums[:, 1]),
            "macro_precision": tallies.share(hits, said).sum(axis=1) / count,
            "macro_recall": tallies.share(hits, there).sum(axis=1) / count,
            "macro_f1": tallies.share(2 * hits, there + said).sum(axis=1) / count,
        }

    return tallies.of_cells(cells, patterns, figures)


def _numbered(
    truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """All labels that occur, those of `classes` first, and the true and the told one of each text by number."""
    number = {name: place for place, name in enumerate(classes)}
    for name in (*truth, *(one.label for one in predictions)):
        number.setdefault(str(name), len(number))
    true = np.asarray([number[str(name)] for name in truth], dtype=np.int64)
    told = np.asarray([number[str(one.label)] for one in predictions], dtype=np.int64)
    return list(number), true, told
