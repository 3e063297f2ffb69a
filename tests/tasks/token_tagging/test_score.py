"""Figures of spans: those of seqeval, and mistakes by their kinds."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from desktop_llm.data.tags import Stretch, tags
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.token_tagging.score import score
from tests.tasks.token_tagging.texts import span

NAMES = ("LOC", "ORG", "PER")
WIDTH = 5
"""Characters of a token in these texts."""


def _answers(told: list[list[dict[str, Any]]]) -> list[Prediction]:
    return [Prediction(label=one, probability=0.5, uncertainty=0.5) for one in told]


def _random(source: random.Random, tokens: int) -> list[Stretch]:
    found: list[Stretch] = []
    at = 0
    while at < tokens:
        size = source.randint(1, 3)
        if source.random() < 0.5 and at + size <= tokens:
            found.append(Stretch(at, at + size, source.choice(NAMES)))
        at += size
    return found


def _spans(stretches: list[Stretch]) -> list[dict[str, Any]]:
    return [span(start * WIDTH, end * WIDTH, label) for start, end, label in stretches]


def test_figures_are_those_of_seqeval() -> None:
    metrics = pytest.importorskip("seqeval.metrics")
    source = random.Random(5)
    for _ in range(20):
        truth = [_random(source, 12) for _ in range(10)]
        told = [source.choice([one, _random(source, 12)]) for one in truth]
        tagged = [[tags(12, row, "iob2") for row in rows] for rows in (truth, told)]
        found = score([_spans(row) for row in truth], _answers([_spans(row) for row in told]), NAMES)
        report = metrics.classification_report(*tagged, output_dict=True, zero_division=0)
        assert found.metrics["f1"] == pytest.approx(metrics.f1_score(*tagged))
        assert found.metrics["precision"] == pytest.approx(metrics.precision_score(*tagged))
        assert found.metrics["recall"] == pytest.approx(metrics.recall_score(*tagged))
        for row in found.details["per_label"]:
            expected = report[row["label"]]
            assert row["f1"] == pytest.approx(expected["f1-score"])
            assert row["precision"] == pytest.approx(expected["precision"])
            assert row["recall"] == pytest.approx(expected["recall"])
            assert row["support"] == expected["support"]


def test_every_mistake_has_one_kind_and_its_texts() -> None:
    truth = [
        [span(0, 4, "PER"), span(10, 14, "LOC")],
        [span(0, 9, "ORG")],
        [span(3, 5, "PER")],
        [],
        [span(0, 2, "LOC")],
    ]
    told = [[span(0, 4, "PER")], [span(0, 5, "ORG")], [span(3, 5, "ORG")], [span(1, 2, "LOC")], [span(0, 2, "LOC")]]
    found = score(truth, _answers(told), NAMES)
    assert found.details["wrong"] == {"missed": 1, "spurious": 1, "boundary": 1, "confused": 1}
    assert found.places["missed"] == [0]
    assert found.places["missed/LOC"] == [0]
    assert found.places["boundary/ORG"] == [1]
    assert found.places["confused/PER"] == [2]
    assert found.places["spurious/LOC"] == [3]
    assert found.details["confusions"] == [["PER", "ORG", 1]]
    assert found.metrics["exact"] == pytest.approx(1 / 5)
    assert found.metrics["f1"] == pytest.approx(2 * 2 / (5 + 5))
    json.dumps(found.details)


def test_one_span_found_twice_is_one_boundary_and_one_too_many() -> None:
    found = score([[span(0, 9, "ORG")]], _answers([[span(0, 3, "ORG"), span(4, 9, "ORG")]]), NAMES)
    assert found.details["wrong"] == {"missed": 0, "spurious": 1, "boundary": 1, "confused": 0}


def test_nothing_to_find_and_nothing_found_is_right() -> None:
    found = score([[], []], _answers([[], []]), NAMES)
    assert all(value == 1.0 for value in found.metrics.values())
    assert score([], [], NAMES).metrics == {}
