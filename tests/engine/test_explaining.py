"""Why a trained model says what it says: every task whose answers are chances of classes, asked of a tiny model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop_llm.engine.predict import Predictor
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import explanation
from desktop_llm.jobs.control import Control
from desktop_llm.nets.learner import Explaining
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.task import Task
from tests import run_folders
from tests.tasks.fixture import fixture_of


def _predictor(trained: Path) -> Predictor:
    project = Project.open(trained)
    try:
        return Predictor(project.runs.folder(1).model)
    finally:
        project.close()


def test_the_word_of_a_topic_adds_most_and_is_missed_most(trained: Path) -> None:
    predictor, text = _predictor(trained), "the old bread with some new"
    heard: list[str] = []
    told = predictor.explain({"text": text}, on_doing=heard.append)
    assert told.label == "food"
    assert [text[one.start : one.end] for one in told.words] == text.split()
    most = max(told.words, key=lambda one: one.adds)
    missed = min(told.words, key=lambda one: one.without)
    assert text[most.start : most.end] == text[missed.start : missed.end] == "bread"
    assert told.complete
    assert told.gap == pytest.approx(abs(sum(one.adds for one in told.words) + told.rest - told.chance + told.empty))
    assert told.read == len(text)
    chance, less = (
        dict(one.top)["food"] for one in predictor.wide([{"text": text}, {"text": "the old with some new"}])
    )
    assert told.chance == pytest.approx(chance, abs=1e-5)
    assert missed.without == pytest.approx(less - chance, abs=1e-5)
    assert heard[0] == "Leaving out one word at a time"
    assert f"{told.steps} steps" in heard[-1]
    assert explanation.from_json(explanation.to_json(told)) == told


def test_any_other_label_may_be_asked_for(trained: Path) -> None:
    predictor, row = _predictor(trained), {"text": "soup and a ticket"}
    food, travel = (predictor.explain(row, name) for name in ("food", "travel"))
    assert food.chance + travel.chance == pytest.approx(1.0, abs=1e-5)
    for one, other in zip(food.words, travel.words, strict=True):
        assert one.without == pytest.approx(-other.without, abs=1e-5)
    with pytest.raises(UserError, match="no label “drinks”; choose one of food, travel"):
        predictor.explain(row, "drinks")


def test_what_is_not_read_is_not_explained(trained: Path) -> None:
    text = " ".join(["bread and soup"] * 40)
    told = _predictor(trained).explain({"text": text})
    assert 0 < told.read < len(text)
    assert told.words[-1].end == told.read


def test_a_text_without_words_is_refused_and_work_is_stopped(trained: Path) -> None:
    predictor = _predictor(trained)
    with pytest.raises(UserError, match="no word"):
        predictor.explain({"text": "   "})
    with pytest.raises(Cancelled):
        predictor.explain({"text": "soup"}, should_stop=lambda: True)


def test_attention_is_told_token_by_token_and_leaves_the_model_as_it_was(trained: Path) -> None:
    predictor, row = _predictor(trained), {"text": "the old bread"}
    config: Any = predictor.learner.model.config
    before, quick = predictor.predict([row]), config._attn_implementation
    told = predictor.attention(row)
    assert told.tokens[0].startswith("[")
    assert "".join(told.tokens[1:-1]) == "theoldbread"
    layers, heads, takers, givers = told.weights.shape
    assert (layers, heads) == (2, 2)
    assert takers == givers == len(told.tokens)
    assert told.weights.astype("float32").sum(axis=-1) == pytest.approx(1.0, abs=5e-3)
    assert config._attn_implementation == quick
    assert predictor.predict([row]) == before
    predictor.learner._max_length = 400  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="attention is shown for up to 128: shorten it"):
        predictor.attention({"text": "bread " * 200})


LEARNING = [one for one in TASKS.values() if one.learns]


@pytest.mark.parametrize("task", LEARNING, ids=[one.name for one in LEARNING])
def test_tasks_explain_what_they_say_they_do(task: Task, tmp_path: Path) -> None:
    from desktop_llm.engine.run import run

    kind = fixture_of(task).kind
    folder = run_folders.make(tmp_path, kind=kind, count=24, max_steps=2)
    if not task.explains:
        learner = task.open_learn().build(folder.job(), lambda split: kind.rows(24), None, lambda *_: None)
        assert not isinstance(learner, Explaining)
        return
    run(folder.path, lambda event: None, Control())
    predictor = Predictor(folder.model)
    row = {"text": kind.rows(1)[0]["text"]}
    told = predictor.explain(row)
    assert told.complete
    assert told.words
    wide = predictor.wide([row])[0]
    assert {name for name, _ in wide.top} == set(kind.classes)
    assert wide.top[0][0] == told.label
    assert wide.top[0][1] == pytest.approx(told.chance, abs=1e-5)
    assert wide.label == predictor.predict([row])[0].label
