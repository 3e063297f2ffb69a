"""Figures of foretold texts, by hand."""

from __future__ import annotations

import math

import pytest

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.language_modelling.score import score


def _said(nats: float, tokens: int) -> Prediction:
    return Prediction(label={"nats": nats, "tokens": tokens}, probability=0.5, uncertainty=0.5)


def test_by_hand() -> None:
    rows = [{"text": "茶"}, {"text": "tea time"}, {"text": ""}]
    told = score(rows, [_said(6.0, 2), _said(4.0, 4), _said(0.5, 1)], ())
    assert told.metrics["loss"] == pytest.approx(10.5 / 7)
    assert told.metrics["perplexity"] == pytest.approx(math.exp(10.5 / 7))
    assert told.metrics["bits_per_byte"] == pytest.approx(10.5 / math.log(2) / (3 + 8))
    assert told.places["odd"] == [0, 1, 2]
    assert told.places["usual"] == [2, 1, 0]
    assert told.details["odd"][0] == ["茶", 3.0]
    assert sum(told.details["counts"]) == 3


def test_a_model_that_knows_nothing_has_a_figure() -> None:
    assert math.isfinite(score([{"text": "a"}], [_said(1e6, 1)], ()).metrics["perplexity"])
    assert score([], [], ()).metrics == {}
