"""Figures of answers: by the formulas of SQuAD, in any script, and with nothing to compare."""

from __future__ import annotations

import math
from typing import Any

import pytest

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.dialogue.score import score, token_f1


def _talk(answer: str, question: str = "Why?") -> list[dict[str, Any]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _said(**label: Any) -> Prediction:
    return Prediction(label={"nats": 2.0, "tokens": 4, **label}, probability=0.5, uncertainty=0.1)


@pytest.mark.parametrize(
    ("answer", "reference", "wanted"),
    [
        ("the sky is blue", "The sky is BLUE!", 1.0),
        ("blue", "the sky is blue", 2 * 1 * 0.25 / 1.25),
        ("blue blue blue", "blue", 2 * (1 / 3) / (4 / 3)),
        ("red", "blue", 0.0),
        ("", "blue", 0.0),
        ("...", "", 1.0),
        ("天空是蓝色的", "天空是红色的", 5 / 6),
        ("ｂｌｕｅ", "blue", 1.0),
    ],
)
def test_words_in_common(answer: str, reference: str, wanted: float) -> None:
    assert token_f1(answer, reference) == pytest.approx(wanted)
    assert token_f1(reference, answer) == pytest.approx(wanted)


def test_figures_count_each_token_and_each_written_answer_once() -> None:
    truth = [_talk("It is blue."), _talk("No."), _talk("never written"), _talk("")]
    said = [
        _said(answer="it is blue"),
        _said(answer="It is red", nats=6.0, tokens=2),
        _said(nats=1.0, tokens=2),
        _said(nats=0.0, tokens=0),
    ]
    told = score(truth, said, ())
    assert told.metrics["loss"] == pytest.approx(9 / 8)
    assert told.metrics["perplexity"] == pytest.approx(math.exp(9 / 8))
    assert told.metrics["exact_match"] == 0.5
    assert told.metrics["token_f1"] == 0.5
    assert told.places["odd"] == [1, 0, 2]
    assert told.places["answers"] == [0, 1]
    assert told.details["answers"][1] == ["Why?", "No.", "It is red", 0.0]
    assert (told.details["conversations"], told.details["tokens"], told.details["compared"]) == (3, 8, 2)


def test_without_answers_there_are_no_figures() -> None:
    assert score([], [], ()).metrics == {}
    assert score([_talk("")], [_said(nats=0.0, tokens=0)], ()).metrics == {}
    assert set(score([_talk("x")], [_said()], ()).metrics) == {"perplexity", "loss"}
