"""Figures of several labels per text, by scikit-learn: F1, texts that are all right, and each label by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

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
    number = {name: place for place, name in enumerate(classes)}
    for named in (*truth, *(one.label for one in predictions)):
        for name in named:
            number.setdefault(str(name), len(number))
    labels = list(number)
    true, told = (_matrix(side, number) for side in (truth, [one.label for one in predictions]))
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


def _matrix(side: Sequence[Any], number: dict[str, int]) -> np.ndarray:
    """Which labels each text has: bool [texts, labels]."""
    made = np.zeros((len(side), len(number)), dtype=bool)
    for row, named in enumerate(side):
        made[row, [number[str(name)] for name in named]] = True
    return made
