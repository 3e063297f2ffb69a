"""The figures of several labels a text against scikit-learn's, and what is counted for the result view."""

from __future__ import annotations

import random

import pytest

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.multilabel_classification.score import score

NAMES = ["a", "b", "c"]


def _answers(told: list[list[str]]) -> list[Prediction]:
    return [Prediction(label=label, probability=0.5, uncertainty=0.5) for label in told]


def test_figures_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, f1_score, hamming_loss
    from sklearn.preprocessing import MultiLabelBinarizer

    source = random.Random(4)
    binary = MultiLabelBinarizer(classes=NAMES)
    for _ in range(20):
        truth, told = ([source.sample(NAMES, source.randint(0, 3)) for _ in range(25)] for _ in range(2))
        found = score(truth, _answers(told), NAMES).metrics
        true, said = binary.fit_transform(truth), binary.fit_transform(told)
        assert found["micro_f1"] == pytest.approx(f1_score(true, said, average="micro", zero_division=1))
        assert found["macro_f1"] == pytest.approx(f1_score(true, said, average="macro", zero_division=0))
        assert found["subset_accuracy"] == pytest.approx(accuracy_score(true, said))
        assert found["hamming_loss"] == pytest.approx(hamming_loss(true, said))


def test_what_is_found_and_what_is_wrongly_said() -> None:
    details = score([["a", "b"], ["a"], [], ["b"]], _answers([["a", "c"], ["a", "b"], ["c"], ["a"]]), NAMES).details
    assert sorted(details["together"]) == [[0, 0, 2], [0, 1, 1], [0, 2, 1], [1, 0, 1], [1, 2, 1]]
    first = details["per_label"][0]
    assert (first["label"], first["support"], first["predicted"]) == ("a", 2, 3)
    assert (first["precision"], first["recall"]) == pytest.approx((2 / 3, 1.0))


def test_no_label_anywhere_is_all_right() -> None:
    metrics = score([[], []], _answers([[], []]), NAMES).metrics
    assert metrics == {"micro_f1": 1.0, "macro_f1": 1.0, "subset_accuracy": 1.0, "hamming_loss": 0.0}
