"""LoRA, averages and saved memory with models that write: their head is their own, tied or not, turned or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers import PreTrainedModel as Model

from desktop_llm.engine import device as devices
from desktop_llm.engine import what_learns
from desktop_llm.engine.average import Average
from desktop_llm.engine.optimizers import Optimizers
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.nets.adapter import Adapter
from desktop_llm.nets.learner import Learner

IDS = torch.arange(48).reshape(3, 16)
DECODERS = pytest.mark.parametrize("kind", ["llama", "gpt2"])


def _made(kind: str) -> Model:
    torch.manual_seed(0)
    if kind == "gpt2":
        still: dict[str, Any] = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        return GPT2LMHeadModel(GPT2Config(vocab_size=64, n_positions=32, n_embd=16, n_layer=2, n_head=2, **still))
    shape = LlamaConfig(vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2)
    return LlamaForCausalLM(shape)


def _logits(model: torch.nn.Module) -> torch.Tensor:
    model.train(False)
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=IDS).logits
    return found


def _loss(model: Model) -> torch.Tensor:
    logits = model(input_ids=IDS[:, :-1]).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), IDS[:, 1:].flatten())


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers the old way
@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
@DECODERS
def test_merged_alone_and_beside_its_base_it_writes_the_same(tmp_path: Path, kind: str, dora: bool) -> None:
    base, merged, beside = (tmp_path / name for name in ("base", "merged", "beside"))
    _made(kind).save_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base)
    before = _logits(model)
    recipe = Recipe(model=str(base), lora_r=4, use_dora=dora)
    adapter = Adapter(model, recipe)
    torch.testing.assert_close(_logits(model), before, rtol=0, atol=1e-6)
    learned = {name for name, one in model.named_parameters() if one.requires_grad}
    assert all("lora_" in name for name in learned), "the head is the model's own, and stays"
    optimizers = Optimizers(model, recipe)
    for _ in range(6):
        _loss(model).backward()  # type: ignore[no-untyped-call]
        optimizers.set_rate(1e-2)
        optimizers.step()
    ours = _logits(model)
    assert float((ours - before).abs().max()) > 0.05, "nothing was learned"
    model.save_pretrained(merged, state_dict=adapter.merged())
    torch.testing.assert_close(_logits(AutoModelForCausalLM.from_pretrained(merged)), ours, rtol=0, atol=1e-5)
    beside.mkdir()
    adapter.write(beside, adapter.learned())
    alone = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(beside))
    torch.testing.assert_close(_logits(alone), ours, rtol=0, atol=1e-5)


@DECODERS
def test_gradient_checkpointing_changes_no_gradient_of_a_decoder(kind: str) -> None:
    found = []
    for saving in (False, True):
        model = _made(kind)
        recipe, learner = Recipe(gradient_checkpointing=saving, device="cpu"), cast(Learner, _Plain(model))
        what_learns.save_memory(learner, recipe, devices.choose(recipe))
        model.train()
        _loss(model).backward()  # type: ignore[no-untyped-call]
        found.append([one.grad for one in model.parameters()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-7)


@DECODERS
def test_the_average_of_a_decoder_is_that_of_a_plain_loop(kind: str) -> None:
    model = _made(kind)
    optimizers = Optimizers(model, Recipe(optim="muon"))
    average = Average(list(model.named_parameters()), 0.8)
    plain = [one.detach().clone() for one in model.parameters()]
    for step in range(1, 9):
        _loss(model).backward()  # type: ignore[no-untyped-call]
        optimizers.step()
        average.add(step)
        decay = min(0.8, (1 + step) / (10 + step))
        plain = [decay * kept + (1 - decay) * one.detach() for kept, one in zip(plain, model.parameters(), strict=True)]
    with average.in_place():
        for one, kept in zip(model.parameters(), plain, strict=True):
            torch.testing.assert_close(one.detach(), kept, rtol=1e-5, atol=1e-6)


class _Plain:
    """A learner that is nothing but its model."""

    def __init__(self, model: Model) -> None:
        self.model = model
