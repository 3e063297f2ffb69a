"""Figures of several labels per text, by scikit-learn: F1, texts that are all right, and each label by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from desktop_llm.evidence import tally as tallies
from desktop_llm.evidence.tally import Tally
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.task import Scores


def score(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Scores:
    """Compare predicted with true lists of class names.

    `micro_f1` over all (text, label) pairs; `macro_f1` the plain mean over the labels that occur in truth or
    prediction, 0 where undefined; 1 where no label occurs at all. `subset_accuracy`: the share of texts whose labels
    are all right; `hamming_loss`: the share of (text, label) pairs that are wrong. `details`: `labels`, `per_label`
    (precision, recall, f1, support, predicted), `texts`, and `together`, a list of [true index, predicted index,
    count]: texts with the first label, for which the model rightly said it (equal indices) or wrongly the second.
    """
    from sklearn.metrics import accuracy_score, f1_score, hamming_loss, precision_recall_fscore_support

    if not truth:
        return Scores(metrics={}, details={})
    labels, true, told = _matrices(truth, predictions, classes)
    precision, recall, f1, support = precision_recall_fscore_support(true, told, average=None, zero_division=0)
    occurring = true.any(axis=0) | told.any(axis=0)
    metrics = {
        "micro_f1": float(f1_score(true, told, average="micro", zero_division=1)),
        "macro_f1": float(f1[occurring].mean()) if occurring.any() else 1.0,
        "subset_accuracy": float(accuracy_score(true, told)),
        "hamming_loss": float(hamming_loss(true, told)),
    }
    predicted = told.sum(axis=0)
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
    wrong = true.astype(np.int64).T @ (told & ~true).astype(np.int64)
    np.fill_diagonal(wrong, (true & told).sum(axis=0))
    rows, columns = np.nonzero(wrong)
    cells = [[int(row), int(column), int(wrong[row, column])] for row, column in zip(rows, columns, strict=True)]
    details = {"labels": labels, "per_label": per_label, "together": cells, "texts": len(truth)}
    return Scores(metrics=metrics, details=details)


def tally(truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Tally:
    """What rows add to the figures of `score`, for intervals and comparisons."""
    labels, true, told = _matrices(truth, predictions, classes)
    right = (true == told).all(axis=1)
    ones = np.ones((len(true), 1))
    wrong = (true != told).sum(axis=1, keepdims=True)

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        hits, there, said = np.split(sums[:, 3:], 3, axis=1)
        occurring = ((there + said) > 0).sum(axis=1)
        each = tallies.share(2 * hits, there + said).sum(axis=1)
        return {
            "micro_f1": tallies.share(2 * hits.sum(axis=1), (there + said).sum(axis=1), 1.0),
            "macro_f1": tallies.share(each, occurring, 1.0),
            "subset_accuracy": tallies.share(sums[:, 1], sums[:, 0]),
            "hamming_loss": tallies.share(sums[:, 2], sums[:, 0] * max(1, len(labels))),
        }

    counts = np.concatenate([ones, right[:, None], wrong, true & told, true, told], axis=1)
    return tallies.of_rows(counts, figures, right=right, good=-wrong[:, 0].astype(np.float64))


def _matrices(
    truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """All labels that occur, those of `classes` first, and which each text has, and is told to have."""
    number = {name: place for place, name in enumerate(classes)}
    for named in (*truth, *(one.label for one in predictions)):
        for name in named:
            number.setdefault(str(name), len(number))
    return list(number), _matrix(truth, number), _matrix([one.label for one in predictions], number)


def _matrix(side: Sequence[Any], number: dict[str, int]) -> np.ndarray:
    """Which labels each text has: bool [texts, labels]."""
    made = np.zeros((len(side), len(number)), dtype=bool)
    for row, named in enumerate(side):
        made[row, [number[str(name)] for name in named]] = True
    return made
