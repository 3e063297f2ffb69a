"""What every task promises, asked of each in the list: labels, scores, learner, and a folder that others can load."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from desktop_llm.data.writers.writing import FORMATS
from desktop_llm.engine.optimizers import Optimizers
from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe, changed
from desktop_llm.nets.compact_embedding import CompactEmbedding
from desktop_llm.nets.learner import Learner
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.task import Task
from desktop_llm.widgets.screen import ModelRoom
from tests import run_folders
from tests.no_double import NoDouble
from tests.outside import Outside
from tests.run_folders import Kind
from tests.tasks.fixture import fixture_of

EVERY = pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
LEARNING = pytest.mark.parametrize(
    "task", [one for one in TASKS.values() if one.learns], ids=[name for name, one in TASKS.items() if one.learns]
)


def _silent(doing: str, done: int, total: int) -> None:
    """Nobody listens."""


def _learner(folder: RunFolder, kind: Kind, source: Path | None = None) -> Learner:
    job = folder.job()
    torch.manual_seed(0)

    def rows(split: str) -> Iterable[dict[str, Any]]:
        return kind.rows(96) if split == "train" else kind.rows(16, seed=1)

    return TASKS[job.task].open_learn().build(job, rows, source, _silent)


@EVERY
def test_fields_are_whole(task: Task) -> None:
    assert task.fields[0].required
    assert (task.fields[-1].name == "label") != task.unsupervised
    assert len({one.name for one in task.fields}) == len(task.fields)
    assert set(task.formats) <= set(FORMATS)


@EVERY
def test_what_a_task_cannot_learn_it_says(task: Task) -> None:
    assert isinstance(task.open_screen(), ModelRoom) == task.learns
    assert bool(task.metrics) == task.learns
    if task.learns:
        task.must_learn()
        return
    for ask in (task.must_learn, task.open_learn, task.open_score):
        with pytest.raises(UserError, match="no model to train"):
            ask()


@LEARNING
def test_recipes_and_metrics_are_whole(task: Task) -> None:
    for recipe in (task.recipe, task.folder_recipe):
        recipes.check(recipe)
        assert recipes.from_json(recipes.to_json(recipe)) == recipe
    for preset in task.presets:
        recipes.check(changed(task.recipe, dict(preset.values)))
    assert task.metrics


@EVERY
def test_labels_go_around(task: Task) -> None:
    named = task.labels.parse(fixture_of(task).cell)
    if task.unsupervised:
        assert named is None
        with pytest.raises(UserError, match="no label"):
            task.labels.to_value(named, {})
        return
    names = task.labels.names(named)
    assert bool(names) == task.classes
    numbers = {name: place for place, name in enumerate(names, 1)}
    value = task.labels.to_value(named, numbers)
    back = {place: name for name, place in numbers.items()}
    assert json.loads(json.dumps(value)) == value
    assert task.labels.to_named(value, back) == named
    assert task.labels.text(value, back)
    assert task.labels.parse("") is None
    assert task.labels.parse(None) is None


@LEARNING
def test_a_perfect_answer_has_the_best_figures(task: Task) -> None:
    kind = fixture_of(task).kind
    fixture = fixture_of(task)
    rows = kind.rows(20)
    told = [fixture.perfect(row) for row in rows]
    answers = [
        Prediction(label=label, probability=1.0, uncertainty=0.0, figures=fixture.figures(row))
        for row, (_, label) in zip(rows, told, strict=True)
    ]
    scores = task.open_score()([truth for truth, _ in told], answers, kind.classes)
    assert task.metrics[0].name in scores.metrics
    for metric in task.metrics:  # some are told of other recipes alone
        if metric.name != "loss" and metric.name in scores.metrics:
            assert scores.metrics[metric.name] == fixture.best.get(metric.name, float(metric.higher_is_better))
    json.dumps(scores.details)


@LEARNING
def test_one_batch_is_learned_by_heart(task: Task, tmp_path: Path) -> None:
    kind = fixture_of(task).kind
    folder = run_folders.make(tmp_path, kind=kind)
    learner = _learner(folder, kind)
    examples = learner.encode(kind.rows(8), _silent)
    batch = learner.collate(examples, range(8))
    assert batch["input_ids"].shape[0] == 8
    # where a text becomes another one, that is a line of its own, and its tokens cost, too
    sides = [batch[name].shape[1] for name in ("input_ids", "decoder_input_ids") if name in batch]
    longest = max(examples.lengths)
    assert sum(sides) == longest if len(sides) == 1 else sum(sides) >= longest > max(sides)
    optimizer = Optimizers(learner.model, folder.job().recipe)
    optimizer.set_rate(3e-3)
    learner.model.train()
    losses = []
    for _ in range(60):
        loss = learner.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]


@LEARNING
def test_a_saved_folder_answers_the_same_here_and_elsewhere(task: Task, tmp_path: Path, outside: Outside) -> None:
    kind = fixture_of(task).kind
    folder = run_folders.make(tmp_path / "run", kind=kind)
    learner = _learner(folder, kind)
    rows = kind.rows(6)
    examples = learner.encode(rows, _silent)
    learner.narrow([examples])
    learner.model.train(False)
    out = tmp_path / "model"
    out.mkdir()
    learner.save(out)
    with NoDouble():
        ours = [learner.outputs(learner.collate(examples, [place]))[0].numpy() for place in range(6)]
    again = task.open_learn().load(out)
    fresh = again.encode(rows, _silent)
    for place, one in enumerate(ours):
        loaded = again.outputs(again.collate(fresh, [place]))[0].numpy()
        np.testing.assert_allclose(loaded, one, atol=1e-6)
    texts = json.dumps([row[task.content[0].name] for row in rows])
    said = outside(fixture_of(task).outside, str(out), texts, folder=tmp_path)
    for told, one in zip(json.loads(said.splitlines()[-1]), ours, strict=True):
        np.testing.assert_allclose(np.asarray(told), one, atol=1e-5)


def _steps(folder: RunFolder, kind: Kind, *, narrow: bool) -> tuple[Learner, dict[str, torch.Tensor]]:
    learner = _learner(folder, kind)
    examples = learner.encode(kind.rows(40), _silent)
    if narrow:
        learner.narrow([examples])
    recipe: Recipe = replace(folder.job().recipe, weight_decay=0.1)
    optimizer = Optimizers(learner.model, recipe)
    learner.model.train(False)  # dropout draws differ with the embedding's size; all else must not
    for start in range(0, 40, 8):
        loss = learner.loss(learner.collate(examples, range(start, start + 8)))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learner.model.parameters(), 1.0)
        optimizer.step()
    out = folder.path / ("narrow" if narrow else "wide")
    out.mkdir()
    learner.save(out)
    from safetensors.torch import load_file

    return learner, load_file(out / "model.safetensors")


@LEARNING
def test_training_only_the_words_in_use_changes_nothing(task: Task, tmp_path: Path) -> None:
    kind = fixture_of(task).kind
    folder = run_folders.make(tmp_path, kind=kind, vocab_size=1000)
    _, wide = _steps(folder, kind, narrow=False)
    learner, narrow = _steps(folder, kind, narrow=True)
    compact = [module for module in learner.model.modules() if isinstance(module, CompactEmbedding)]
    assert len(compact) == int(fixture_of(task).narrows)
    assert wide.keys() == narrow.keys()
    for name, values in wide.items():
        torch.testing.assert_close(narrow[name], values, atol=1e-6, rtol=1e-5)
