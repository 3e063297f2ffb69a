"""Several labels a text: from which chance on a label is said, and that others who load the model say the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from desktop_llm.engine.run import run
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Evaluated, Event, Finished
from desktop_llm.jobs.job import Job
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.multilabel_classification import learn
from desktop_llm.tasks.multilabel_classification.learn import HALF, MultiLabel
from tests import run_folders
from tests.tasks.multilabel_classification.fixture import FIXTURE, rows


def _silent(doing: str, done: int, total: int) -> None:
    """Nobody listens."""


def _learner(folder: Path, **changes: Any) -> MultiLabel:
    job: Job = replace(run_folders.make(folder, kind=FIXTURE.kind).job(), **changes)
    return learn.build(job, lambda split: rows(40), None, _silent)


def _f1(chances: np.ndarray, true: np.ndarray, limit: float) -> float:
    said = chances >= limit
    return float(2 * (said & true).sum() / max(1, said.sum() + true.sum()))


def test_thresholds_are_the_best_ones_and_the_same_after_loading(tmp_path: Path) -> None:
    learner = _learner(tmp_path / "run")
    examples = learner.encode(rows(40), _silent)
    source = np.random.default_rng(0)
    targets = examples.targets > 0
    outputs = torch.from_numpy(np.where(targets, 0.2, -1.2) + source.normal(0, 0.8, targets.shape))
    learner.decide(outputs, examples)
    chances = torch.sigmoid(outputs).numpy()
    for place, limit in enumerate(learner.thresholds):
        best = max(_f1(chances[:, place], targets[:, place], one) for one in np.linspace(0.1, 0.9, 801))
        assert _f1(chances[:, place], targets[:, place], limit) == pytest.approx(best)
    assert learner.thresholds != (HALF, HALF)
    said = [one.label for one in learner.predictions(outputs)]
    assert said == [[n for n, c, t in zip(learner.classes, row, learner.thresholds, strict=True) if c >= t]
                    for row in chances.tolist()]  # fmt: skip
    out = tmp_path / "model"
    out.mkdir()
    learner.save(out)
    again = learn.load(out)
    assert again.thresholds == learner.thresholds
    other = _learner(tmp_path / "other")
    other.adopt(out)
    assert other.thresholds == learner.thresholds


def test_few_examples_choose_no_threshold(tmp_path: Path) -> None:
    learner = _learner(tmp_path)
    examples = learner.encode([{"text": "a", "label": ["food"]}, {"text": "b", "label": []}, {"text": "c"}], _silent)
    assert examples.targets.tolist() == [[1, 0], [0, 0], [-1, -1]]
    learner.decide(torch.tensor([[-3.0, 0.0], [-4.0, 0.0], [0.0, 0.0]]), examples)
    assert learner.thresholds == (HALF, HALF)
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0]])
    )
    told = learner.mean_loss(torch.tensor([[1.0, 2.0], [9.0, 9.0], [7.0, 7.0]]), learner.encode(
        [{"text": "a", "label": ["food"]}, {"text": "b"}, {"text": "c"}], _silent))  # fmt: skip
    assert told == pytest.approx(float(wanted))


def test_how_unsure_an_answer_is(tmp_path: Path) -> None:
    learner = _learner(tmp_path)
    at, sure, none = learner.predictions(torch.tensor([[0.0, 9.0], [9.0, -9.0], [-9.0, -9.0]]))
    assert [at.label, sure.label, none.label] == [["food", "travel"], ["food"], []]
    assert at.uncertainty == pytest.approx(1.0)
    assert sure.uncertainty == pytest.approx(0.0, abs=1e-3)
    assert none.probability == pytest.approx(1.0, abs=1e-3)
    assert dict(none.top) == pytest.approx({"food": 0.0, "travel": 0.0}, abs=1e-3)


def test_whoever_loads_the_folder_as_the_card_says_hears_the_same(tmp_path: Path) -> None:
    from transformers import pipeline

    heard: list[Event] = []
    folder = run_folders.make(tmp_path, kind=FIXTURE.kind, count=160, num_train_epochs=12.0)
    assert isinstance(run(folder.path, heard.append, Control()), Finished)
    last = next(one for one in heard if isinstance(one, Evaluated) and one.final and one.split == "test")
    assert last.metrics["micro_f1"] > 0.8
    told = json.loads((folder.model / "config.json").read_text(encoding="utf-8"))
    assert told["problem_type"] == "multi_label_classification"
    assert len(told["thresholds"]) == 2
    texts = [row["text"] for row in rows(12, seed=5)]
    learner = learn.load(folder.model)
    examples = learner.encode([{"text": text} for text in texts], _silent)
    ours = learner.predictions(learner.outputs(learner.collate(examples, range(12))))
    printed: list[Any] = []
    made = pipeline("text-classification", model=str(folder.model), device="cpu")
    for text, answer in zip(texts, ours, strict=True):
        lines = "\n".join(TASKS[FIXTURE.kind.task].usage).replace('"your text"', repr(text))
        exec(lines, {"model": made, "print": printed.append})
        assert printed[-1] == answer.label
    assert {len(label) for label in printed} == {0, 1, 2}
