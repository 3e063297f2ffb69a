"""For any draw of the rows, a task's tally gives the figures of its score, which are those of the field's libraries."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.task import Task

NAMES = ("low", "middling", "high", "never")
Rows = list[tuple[Any, Any]]


def _one(source: random.Random) -> tuple[Any, Any]:
    return source.choice(NAMES[:3]), source.choice((*NAMES[:3], NAMES[0]))


def _several(source: random.Random) -> tuple[Any, Any]:
    return tuple(sorted(source.sample(NAMES[:3], source.randint(0, 3))) for _ in range(2))  # type: ignore[return-value]


def _spans(source: random.Random) -> tuple[Any, Any]:
    places = [(start, start + 4) for start in range(0, 20, 5)]
    both = []
    for _ in range(2):
        chosen = sorted(source.sample(places, source.randint(0, 3)))
        both.append([{"start": a, "end": b, "label": source.choice(NAMES[:3])} for a, b in chosen])
    return both[0], both[1]


def _text(source: random.Random) -> tuple[Any, Any]:
    tokens = source.randint(1, 30)
    return {"text": "ä" * tokens}, {"nats": source.uniform(0.5, 4) * tokens, "tokens": tokens}


def _talk(source: random.Random) -> tuple[Any, Any]:
    tokens = source.randint(0, 9)
    told: dict[str, Any] = {"nats": source.uniform(0.5, 4) * tokens, "tokens": tokens}
    if tokens and source.random() < 0.6:
        told["answer"] = source.choice(["yes it is", "no", "it is"])
    asked = {"role": "user", "content": "is it"}
    return [asked, {"role": "assistant", "content": source.choice(["yes it is", "no"])}], told


def _pair(source: random.Random) -> tuple[Any, Any]:
    truth = source.choice(["a", "b", "tie"])
    return truth, truth if truth == "tie" else source.choice(["a", "b"])


def _written(source: random.Random) -> tuple[Any, Any]:
    words = ["the", "cat", "sat", "on", "the", "mat", "and", "slept"]
    told = " ".join(source.sample(words, source.randint(2, 8))) if source.random() < 0.8 else None
    return " ".join(words), told if source.random() < 0.9 else " ".join(words)


MAKERS: dict[str, Callable[[random.Random], tuple[Any, Any]]] = {
    "text_classification": _one,
    "multilabel_classification": _several,
    "text_scoring": _one,
    "token_tagging": _spans,
    "language_modelling": _text,
    "dialogue": _talk,
    "rewriting": _written,
    "preference": _pair,
}
WITH_TALLY = [task for task in TASKS.values() if task.open_tally is not None and task.name in MAKERS]


@pytest.mark.parametrize("task", WITH_TALLY, ids=lambda task: task.name)
def test_figures_of_any_draw_are_those_of_the_score(task: Task) -> None:
    assert task.open_tally is not None
    source, numbers = random.Random(7), np.random.default_rng(7)
    rows: Rows = [MAKERS[task.name](source) for _ in range(60)]
    classes = NAMES if task.classes else ()
    tally = task.open_tally()([truth for truth, _ in rows], _answers(rows), classes)
    assert len(tally) == 60
    for size in (60, 60, 2, 1):
        draw = numbers.integers(0, 60, size)
        drawn = [rows[place] for place in draw]
        theirs = task.open_score()([truth for truth, _ in drawn], _answers(drawn), classes).metrics
        ours = {name: value for name, value in tally.values(draw).items() if not np.isnan(value)}
        assert ours == pytest.approx({name: theirs[name] for name in ours}, abs=1e-9)
        left = theirs.keys() - ours.keys()
        assert task.metrics[0].name in ours or not theirs
        assert not left or task.name == "preference", "margins tell neither log-probabilities nor drift"


@pytest.mark.parametrize("task", WITH_TALLY, ids=lambda task: task.name)
def test_rows_that_are_right_are_known(task: Task) -> None:
    assert task.open_tally is not None
    source = random.Random(9)
    rows: Rows = [MAKERS[task.name](source) for _ in range(60)]
    tally = task.open_tally()([truth for truth, _ in rows], _answers(rows), NAMES if task.classes else ())
    if tally.right is None:
        assert not task.classes
        return
    assert tally.right.tolist() == [truth == told for truth, told in rows]
    assert 0 < tally.right.sum() < 60
    assert tally.good[tally.right].min() >= tally.good[~tally.right].max()


def test_every_task_that_learns_is_looked_at() -> None:
    assert {task.name for task in TASKS.values() if task.open_tally is not None} == {one.name for one in WITH_TALLY}


def _answers(rows: Rows) -> list[Prediction]:
    return [Prediction(label=told, probability=0.9, uncertainty=0.1) for _, told in rows]
