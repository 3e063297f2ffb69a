"""How training examples are judged: what is kept says what happened, and flipped labels come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from desktop_llm import atomic
from desktop_llm.engine.run import run
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Event, Finished, Saved
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.nets.learner import Judging
from desktop_llm.tasks import TASKS
from tests import run_folders
from tests.tasks.fixture import fixture_of

JUDGING = ["text_classification", "multilabel_classification", "text_scoring"]


def _records(folder: RunFolder) -> dict[str, np.ndarray]:
    parts = [load_file(part / "records.safetensors") for part in sorted(folder.dynamics.glob("part-*"))]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@pytest.mark.parametrize("task", JUDGING)
def test_the_judging_pass_has_the_same_loss_and_says_what_the_outputs_say(tmp_path: Path, task: str) -> None:
    folder = run_folders.make(tmp_path, kind=fixture_of(TASKS[task]).kind, hidden_dropout_prob=0.0)
    rows = list(snapshot.rows(folder.snapshot, "train"))
    torch.manual_seed(1)
    learner = TASKS[task].open_learn().build(folder.job(), lambda _: rows, None, lambda *_: None)
    examples = learner.encode(rows, lambda *_: None)
    learner.model.eval()
    batch = learner.collate(examples, range(40))
    assert isinstance(learner, Judging)
    loss, judged = learner.judged_loss(batch)
    torch.testing.assert_close(loss, learner.loss(batch))
    answers = learner.predictions(learner.outputs(batch))
    assert judged.right.tolist() == [one.label == row["label"] for one, row in zip(answers, rows, strict=False)]
    assert not judged.sure.requires_grad
    assert bool(((judged.sure >= 0) & (judged.sure <= 1)).all())


def test_every_example_is_there_once_an_epoch_and_a_resumed_run_has_the_same(tmp_path: Path) -> None:
    values: dict[str, Any] = {"save_steps": 5, "num_train_epochs": 4.0}
    whole = run_folders.make(tmp_path / "whole", **values)
    assert isinstance(run(whole.path, lambda _: None, Control()), Finished)
    summary = load_file(whole.dynamics / "summary" / "summary.safetensors")
    assert sorted(summary["item"].tolist()) == list(range(1, 97))
    assert set(summary["seen"].tolist()) == {4}
    assert atomic.damage(whole.dynamics / "summary") == ""
    broken, control = run_folders.make(tmp_path / "broken", **values), Control()

    def leave(event: Event) -> None:
        if isinstance(event, Saved) and event.step == 15:
            control.leave()

    run(broken.path, leave, control)
    # what a kill between a part and its checkpoint leaves
    (broken.dynamics / "part-00000099").mkdir()
    assert isinstance(run(broken.path, lambda _: None, Control()), Finished)
    again = load_file(broken.dynamics / "summary" / "summary.safetensors")
    for name, told in summary.items():
        np.testing.assert_array_equal(again[name], told, err_msg=name)


def test_what_a_teacher_said_is_no_label_to_be_doubted(tmp_path: Path) -> None:
    teacher = run_folders.make(tmp_path / "teacher", max_steps=2)
    assert isinstance(run(teacher.path, lambda _: None, Control()), Finished)
    folder = run_folders.make(tmp_path / "run", count=16, unlabeled=24, teacher=str(teacher.model), max_steps=5)
    assert isinstance(run(folder.path, lambda _: None, Control()), Finished)
    told = load_file(folder.dynamics / "summary" / "summary.safetensors")
    assert sorted(told["item"].tolist()) == list(range(1, 17))
    assert all(len(one) == 16 for one in told.values())


def test_flipped_labels_are_the_least_sure(tmp_path: Path) -> None:
    def rows(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, object]]:
        made = run_folders.rows(count, seed=seed, first_id=first_id)
        for row in made[::12] if seed == 0 else []:
            row["label"] = {"food": "travel", "travel": "food"}[row["label"]]
        return made

    kind = run_folders.Kind(task=run_folders.TASK, rows=rows, classes=("food", "travel"))
    folder = run_folders.make(tmp_path, count=240, kind=kind, num_train_epochs=6.0)
    assert isinstance(run(folder.path, lambda _: None, Control()), Finished)
    summary = load_file(folder.dynamics / "summary" / "summary.safetensors")
    first = summary["item"][np.argsort(summary["confidence"], kind="stable")[:20]]
    assert np.isin(first, 1 + np.arange(0, 240, 12)).mean() >= 0.8
