"""What changes the weights: every optimizer learns at the same rate and comes back to the bit; who gets which group."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

from desktop_llm import atomic
from desktop_llm.engine.average import Average
from desktop_llm.engine.optimizers import FACTOR, Optimizers, trainable
from desktop_llm.engine.run import run
from desktop_llm.errors import UserError
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Event, Failed, Finished, Interrupted, Saved, StepDone
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets import stack
from tests import run_folders

BITS = importlib.util.find_spec("bitsandbytes") is not None
SHAPE: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "vocab_size": 40}
KINDS = [
    "adamw",
    "muon",
    "adafactor",
    pytest.param("adamw_8bit", marks=pytest.mark.skipif(not BITS, reason="bitsandbytes is not installed")),
]


class _Leaver:
    """Leaves the run at the checkpoint of a step; keeps what it heard."""

    def __init__(self, step: int) -> None:
        self.control, self.heard = Control(), list[Event]()
        self._step = step

    def __call__(self, event: Event) -> None:
        self.heard.append(event)
        if isinstance(event, Saved) and event.step == self._step:
            self.control.obey("leave")


def _bert() -> BertForSequenceClassification:
    torch.manual_seed(0)
    return BertForSequenceClassification(BertConfig(**SHAPE, intermediate_size=32))


@pytest.mark.parametrize("kind", KINDS)
def test_every_optimizer_learns_at_the_usual_rate_and_resumes_to_the_bit(tmp_path: Path, kind: str) -> None:
    values: dict[str, Any] = {"optim": kind, "save_steps": 5, "num_train_epochs": 5.0}
    whole, told = run_folders.make(tmp_path / "whole", **values), _Leaver(-1)
    end = run(whole.path, told, told.control)
    assert isinstance(end, Finished), end
    losses = [event.loss for event in told.heard if isinstance(event, StepDone)]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    parted, first = run_folders.make(tmp_path / "parted", **values), _Leaver(10)
    assert isinstance(run(parted.path, first, first.control), Interrupted)
    assert isinstance(run(parted.path, lambda event: None, Control()), Finished)
    assert atomic.sha256(parted.model / "model.safetensors") == atomic.sha256(whole.model / "model.safetensors")


@pytest.mark.skipif(BITS, reason="bitsandbytes is installed")
def test_an_optimizer_that_is_not_installed_says_how_to_get_it(tmp_path: Path) -> None:
    end = run(run_folders.make(tmp_path, optim="adamw_8bit").path, lambda event: None, Control())
    assert isinstance(end, Failed)
    assert "extra “quantized”" in end.message


def test_muon_turns_hidden_matrices_alone() -> None:
    model = _bert()
    optimizers = Optimizers(model, Recipe(optim="muon"))
    muon, adamw = optimizers._made
    assert isinstance(muon, torch.optim.Muon)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    turned = {names[id(one)] for group in muon.param_groups for one in group["params"]}
    rest = {names[id(one)] for group in adamw.param_groups for one in group["params"]}
    assert turned | rest == set(names.values())
    assert not turned & rest
    assert all(name.startswith("bert.encoder.layer.") and name.endswith("weight") for name in turned)
    assert "bert.encoder.layer.0.attention.self.query.weight" in turned
    assert {"classifier.weight", "bert.pooler.dense.weight", "bert.embeddings.word_embeddings.weight"} <= rest


def test_weight_decay_acts_on_matrices_alone() -> None:
    model = _bert()
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    (optimizer,) = Optimizers(model, Recipe(weight_decay=0.1))._made
    decayed = {
        names[id(one)] for group in optimizer.param_groups if group["weight_decay"] > 0 for one in group["params"]
    }
    assert "classifier.weight" in decayed
    assert not any("embeddings" in name or "LayerNorm" in name or name.endswith("bias") for name in decayed)


def test_each_layer_learns_with_a_share_of_the_rate_of_the_one_above() -> None:
    model = _bert()
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    optimizers = Optimizers(model, Recipe(layerwise_lr_decay=0.5, weight_decay=0.1))
    optimizers.set_rate(8.0)
    (optimizer,) = optimizers._made
    rates = {names[id(one)]: group["lr"] for group in optimizer.param_groups for one in group["params"]}
    assert rates["classifier.weight"] == rates["bert.pooler.dense.bias"] == 8.0
    assert [rates[f"bert.encoder.layer.{number}.output.dense.weight"] for number in (2, 1, 0)] == [4.0, 2.0, 1.0]
    assert rates["bert.embeddings.word_embeddings.weight"] == rates["bert.embeddings.LayerNorm.bias"] == 0.5
    assert {group[FACTOR] for group in optimizer.param_groups} == {1.0, 0.5, 0.25, 0.125, 0.0625}
    assert len(optimizer.param_groups) == 9


@pytest.mark.parametrize(
    ("model", "below", "above"),
    [
        (
            LlamaForCausalLM(LlamaConfig(**SHAPE, intermediate_size=32)),
            ["model.embed_tokens.weight"],
            ["model.norm.weight", "lm_head.weight"],
        ),
        (
            GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=3, n_head=2, vocab_size=40)),
            ["transformer.wte.weight", "transformer.wpe.weight"],
            ["transformer.ln_f.weight", "transformer.ln_f.bias"],
        ),
    ],
    ids=["llama", "gpt2"],
)
def test_depths_are_told_by_the_list_of_layers(model: PreTrainedModel, below: list[str], above: list[str]) -> None:
    depths = stack.depths(model, "layerwise_lr_decay")
    assert [name for name, depth in depths.items() if depth == 0] == below
    assert [name for name, depth in depths.items() if depth == 4] == above
    assert set(depths.values()) == {0, 1, 2, 3, 4}


def test_a_model_whose_layers_cannot_be_told_says_so() -> None:
    model = AlbertForSequenceClassification(AlbertConfig(**SHAPE, embedding_size=8, intermediate_size=32))
    with pytest.raises(UserError, match=r"cannot be told which layers.*albert.*layerwise_lr_decay"):
        Optimizers(model, Recipe(layerwise_lr_decay=0.9))


def test_the_average_is_that_of_a_plain_loop() -> None:
    model = torch.nn.Linear(3, 2)
    average = Average(trainable(model), 0.9)
    plain = [one.detach().double() for one in model.parameters()]
    for step in range(1, 30):
        for one in model.parameters():
            one.data += torch.randn_like(one)
        average.add(step)
        decay = min(0.9, (1 + step) / (10 + step))
        plain = [decay * kept + (1 - decay) * one.double() for kept, one in zip(plain, model.parameters(), strict=True)]
    own = [one.detach().clone() for one in model.parameters()]
    with average.in_place():
        for one, kept in zip(model.parameters(), plain, strict=True):
            torch.testing.assert_close(one.double(), kept, rtol=1e-6, atol=1e-6)
    for one, before in zip(model.parameters(), own, strict=True):
        assert torch.equal(one, before)
    again = Average(trainable(model), 0.9)
    again.restore(average.states())
    assert all(torch.equal(one, other) for one, other in zip(again._kept, average._kept, strict=True))


@pytest.mark.parametrize("best", [True, False])
def test_a_run_keeps_the_average_and_resumes_it_to_the_bit(tmp_path: Path, best: bool) -> None:
    values: dict[str, Any] = {"ema_decay": 0.8, "save_steps": 5, "load_best_model_at_end": best}
    folders = {name: run_folders.make(tmp_path / name, **values) for name in ("whole", "parted")}
    plain = run_folders.make(tmp_path / "plain", **{**values, "ema_decay": 0.0})
    assert isinstance(run(plain.path, lambda event: None, Control()), Finished)
    assert isinstance(run(folders["whole"].path, lambda event: None, Control()), Finished)
    leaver = _Leaver(10)
    assert isinstance(run(folders["parted"].path, leaver, leaver.control), Interrupted)
    assert isinstance(run(folders["parted"].path, lambda event: None, Control()), Finished)
    weights = {one: atomic.sha256(one.model / "model.safetensors") for one in (*folders.values(), plain)}
    assert weights[folders["whole"]] == weights[folders["parted"]] != weights[plain]
