"""What of a model learns, and that saving memory changes no gradient: every way equals the plain one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForSequenceClassification, BertModel, GPT2Config, GPT2LMHeadModel

from desktop_llm import atomic
from desktop_llm.engine import device as devices
from desktop_llm.engine import what_learns
from desktop_llm.engine.gradient import Gradient
from desktop_llm.engine.optimizers import Optimizers
from desktop_llm.engine.predict import Predictor
from desktop_llm.engine.run import run
from desktop_llm.errors import UserError
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Evaluated, Event, Failed, Finished, Interrupted, Noted, Saved
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.recipe import Recipe, changed
from desktop_llm.nets.learner import Packing
from desktop_llm.tasks import TASKS
from tests import run_folders
from tests.tasks.fixture import fixture_of

LEARNING = [name for name, one in TASKS.items() if one.learns]
SHAPE: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "vocab_size": 40}


class _Holder:
    """A learner that is nothing but its model."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = model


def _settle(model: torch.nn.Module, **values: Any) -> set[str]:
    """The parameters that learn from a model folder with these values."""
    what_learns.settle(_Holder(model), changed(Recipe(), {"model": "/somewhere", **values}))  # type: ignore[arg-type]
    return {name for name, one in model.named_parameters() if one.requires_grad}


def _bert() -> BertForSequenceClassification:
    return BertForSequenceClassification(BertConfig(**SHAPE, intermediate_size=32))


def test_a_frozen_backbone_leaves_the_head() -> None:
    head = {"classifier.weight", "classifier.bias", "bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    model = _bert()
    assert _settle(model, freeze_backbone=True) == head
    assert len(Optimizers(model, Recipe()).parameters) == 4


def test_frozen_layers_are_the_lowest_with_what_lies_below() -> None:
    model = _bert()
    learns = _settle(model, freeze_layers=2)
    assert not any("embeddings" in name or ".layer.0." in name or ".layer.1." in name for name in learns)
    rest = {name for name, _ in model.named_parameters() if ".layer.2." in name or "pooler" in name}
    assert learns == rest | {"classifier.weight", "classifier.bias"}
    with pytest.raises(UserError, match="only 3 layers"):
        _settle(_bert(), freeze_layers=4)


def test_what_cannot_be_frozen_says_so() -> None:
    with pytest.raises(UserError, match="has no head"):
        _settle(BertModel(BertConfig(**SHAPE, intermediate_size=32)), freeze_backbone=True)
    tied = GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=40))
    assert not _settle(tied, freeze_backbone=True)
    with pytest.raises(UserError, match="left to learn"):
        Optimizers(tied, Recipe())
    for values in ({"freeze_backbone": True}, {"freeze_layers": 1}, {"lora_r": 4}):
        with pytest.raises(UserError, match="needs a model folder"):
            changed(Recipe(), values)


def _gradient(path: Path, task: str, shares: list[float], **values: Any) -> tuple[torch.Tensor, dict[str, Any]]:
    """Of 24 examples, or all there are, in batches that end at these shares of them."""
    folder = run_folders.make(path, kind=fixture_of(TASKS[task]).kind, **values)
    job = folder.job()
    torch.manual_seed(0)
    rows = list(snapshot.rows(folder.snapshot, "train"))
    learner = TASKS[task].open_learn().build(job, lambda _: rows, None, lambda *_: None)
    what_learns.settle(learner, job.recipe)
    what_learns.save_memory(learner, job.recipe, devices.choose(job.recipe))
    examples = learner.encode(rows, lambda *_: None)
    if isinstance(learner, Packing):
        examples = learner.pack(examples)
    learner.model.train()
    torch.manual_seed(1)
    every = np.arange(min(24, len(examples)))
    groups = np.split(every, [round(len(every) * share) for share in shares])
    gradient = Gradient(learner, examples, devices.choose(job.recipe), group_by_length=False)
    loss = gradient.add(groups)
    return loss, {name: one.grad for name, one in learner.model.named_parameters() if one.grad is not None}


@pytest.mark.parametrize("task", LEARNING)
def test_gradient_checkpointing_changes_no_gradient(tmp_path: Path, task: str) -> None:
    loss, wanted = _gradient(tmp_path / "plain", task, [])
    same_loss, found = _gradient(tmp_path / "saving", task, [], gradient_checkpointing=True)
    torch.testing.assert_close(same_loss, loss, rtol=1e-6, atol=0)
    assert found.keys() == wanted.keys()
    for name, one in wanted.items():
        torch.testing.assert_close(found[name], one, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("task", LEARNING)
def test_accumulated_batches_have_the_gradient_of_one_large_batch(tmp_path: Path, task: str) -> None:
    loss, wanted = _gradient(tmp_path / "one", task, [], hidden_dropout_prob=0.0)
    same_loss, found = _gradient(tmp_path / "parts", task, [0.4, 0.8], hidden_dropout_prob=0.0)
    torch.testing.assert_close(same_loss, loss, rtol=1e-5, atol=1e-6)
    for name, one in wanted.items():
        torch.testing.assert_close(found[name], one, rtol=1e-4, atol=1e-6)


class _Leaver:
    """Leaves the run at the checkpoint of a step."""

    def __init__(self, step: int) -> None:
        self.control = Control()
        self._step = step

    def __call__(self, event: Event) -> None:
        if isinstance(event, Saved) and event.step == self._step:
            self.control.obey("leave")


def _base(path: Path) -> Path:
    folder = run_folders.make(path, num_train_epochs=2.0)
    assert isinstance(run(folder.path, lambda event: None, Control()), Finished)
    return folder.model


def _weights(folder: RunFolder) -> tuple[str, ...]:
    found = [folder.model / "model.safetensors", folder.adapter / "adapter_model.safetensors"]
    return tuple(atomic.sha256(path) for path in found if path.exists())


@pytest.mark.parametrize(
    "values",
    [
        {"lora_r": 4, "lora_dropout": 0.1},
        {"lora_r": 4, "use_dora": True, "ema_decay": 0.9, "gradient_checkpointing": True},
        {"lora_r": 4, "optim": "muon", "load_best_model_at_end": False},
        {"freeze_layers": 1, "layerwise_lr_decay": 0.8},
        {"freeze_backbone": True},
    ],
    ids=["lora", "dora", "lora-muon", "layers", "head"],
)
def test_a_run_that_was_left_ends_with_the_same_bits(tmp_path: Path, values: dict[str, Any]) -> None:
    base = _base(tmp_path / "base")
    told = {"model": str(base), "save_steps": 4, "max_steps": 14, "eval_steps": 6, **values}
    whole, heard = run_folders.make(tmp_path / "whole", **told), list[Event]()
    end = run(whole.path, heard.append, Control())
    assert isinstance(end, Finished), end
    assert any(isinstance(event, Noted) and "parameters learn" in event.message for event in heard)
    parted, leaver = run_folders.make(tmp_path / "parted", **told), _Leaver(8)
    assert isinstance(run(parted.path, leaver, leaver.control), Interrupted)
    kept = parted.checkpoints / "step-00000008"
    assert (kept / "model.safetensors").exists() == ("lora_r" not in values)
    assert isinstance(run(parted.path, lambda event: None, Control()), Finished)
    assert _weights(parted) == _weights(whole)
    assert len(_weights(whole)) == (2 if "lora_r" in values else 1)
    before, after = load_file(base / "model.safetensors"), load_file(whole.model / "model.safetensors")
    assert before.keys() == after.keys()
    moved = {name for name, one in before.items() if not torch.equal(one, after[name])}
    assert moved
    assert "model.embeddings.tok_embeddings.weight" not in moved
    assert Predictor(whole.model).predict(run_folders.rows(3))
    assert "lora" not in json.dumps(json.loads((whole.model / "config.json").read_text()))


def test_a_run_whose_base_was_taken_away_says_so(tmp_path: Path) -> None:
    base = _base(tmp_path / "base")
    folder, leaver = run_folders.make(tmp_path / "run", model=str(base), lora_r=2, save_steps=2), _Leaver(2)
    assert isinstance(run(folder.path, leaver, leaver.control), Interrupted)
    base.rename(tmp_path / "elsewhere")
    end = run(folder.path, lambda event: None, Control())
    assert isinstance(end, Failed)
    assert "There is no model folder" in end.message


def test_a_longer_run_of_adapters_that_finds_nothing_better_keeps_the_best_of_before(tmp_path: Path) -> None:
    base = _base(tmp_path / "base")
    # so small a rate changes no answer: what is measured later is as good, and not better
    told: dict[str, Any] = {"model": str(base), "lora_r": 4, "learning_rate": 1e-8, "max_steps": 12, "eval_steps": 6}
    folder = run_folders.make(tmp_path / "run", **told)
    assert isinstance(run(folder.path, lambda event: None, Control()), Finished)
    before = _weights(folder)
    job = json.loads(folder.job_file.read_text())
    job["recipe"]["max_steps"] = 18
    job["history"] = [{"at": "", "step": 12, "recipe": {}}]
    folder.job_file.write_text(json.dumps(job))
    heard = list[Event]()
    end = run(folder.path, heard.append, Control())
    assert isinstance(end, Finished), end
    assert end.step == 18
    assert _weights(folder) == before
    measured = [one.step for one in heard if isinstance(one, Evaluated) and one.final]
    assert set(measured) == {6}  # of the step whose model is kept
