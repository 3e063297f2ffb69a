"""The figures of one label a text against scikit-learn's."""

from __future__ import annotations

import random

import pytest

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.text_classification.score import score


def test_figures_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

    source = random.Random(3)
    names = ["a", "b", "c", "d"]
    for _ in range(20):
        truth = [source.choice(names) for _ in range(30)]
        told = [source.choice(names[: source.randint(1, 4)]) for _ in range(30)]
        answers = [Prediction(label=label, probability=0.5, uncertainty=0.5) for label in told]
        found = score(truth, answers, names).metrics
        assert found["accuracy"] == pytest.approx(accuracy_score(truth, told))
        for name, function in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
            expected = function(truth, told, average="macro", zero_division=0)
            assert found[f"macro_{name}"] == pytest.approx(expected)
