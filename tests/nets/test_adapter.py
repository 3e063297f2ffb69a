"""LoRA: what learns, what is merged, and that peft alone and transformers alone read what is written."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification

from desktop_llm.engine import what_learns
from desktop_llm.errors import UserError
from desktop_llm.jobs.recipe import Recipe, changed
from desktop_llm.nets import quantized
from desktop_llm.nets.adapter import Adapter
from desktop_llm.nets.learner import Adapting, Learner
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.task import Task
from tests import run_folders
from tests.tasks.fixture import fixture_of

LEARNING = pytest.mark.parametrize(
    "task", [one for one in TASKS.values() if one.learns], ids=[name for name, one in TASKS.items() if one.learns]
)


def _silent(doing: str, done: int, total: int) -> None:
    """Nobody listens."""


def _built(task: Task, path: Path, **values: Any) -> Learner:
    kind = fixture_of(task).kind
    job = run_folders.make(path, kind=kind, **values).job()
    torch.manual_seed(1)
    learner: Learner = task.open_learn().build(job, lambda split: kind.rows(40), None, _silent)
    return learner


def _base(task: Task, path: Path) -> Path:
    """A model folder to start from."""
    folder = path / "base"
    folder.mkdir()
    _built(task, path / "scratch").save(folder)
    return folder


def _adapted(task: Task, path: Path, base: Path, **values: Any) -> tuple[Learner, Recipe]:
    learner = _built(task, path, model=str(base), lora_r=4, **values)
    recipe = changed(Recipe(), {"model": str(base), "lora_r": 4, **values})
    what_learns.settle(learner, recipe)
    return learner, recipe


def _step(learner: Learner, examples: Any) -> None:
    """A few large steps, so that the matrices count."""
    learned = [one for one in learner.model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=1e-2, weight_decay=0.0)  # the engine lets no bias decay
    learner.model.train(False)
    for _ in range(4):
        learner.loss(learner.collate(examples, range(12))).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()


def _answers(learner: Learner, examples: Any) -> list[torch.Tensor]:
    learner.model.train(False)
    return list(learner.outputs(learner.collate(examples, range(12))))


def _apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """How far at most; infinitely where answers are of another length."""
    return float((one - other).abs().max()) if one.shape == other.shape else math.inf


def _same(one: list[torch.Tensor], other: list[torch.Tensor]) -> None:
    for here, there in zip(one, other, strict=True):
        torch.testing.assert_close(here, there, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers the old way
@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
@LEARNING
def test_merged_alone_and_beside_its_base_it_answers_the_same(tmp_path: Path, task: Task, dora: bool) -> None:
    base = _base(task, tmp_path)
    learner, _ = _adapted(task, tmp_path / "adapted", base, use_dora=dora)
    examples = learner.encode(fixture_of(task).kind.rows(12), _silent)
    learner.narrow([examples])
    before = _answers(learner, examples)
    _step(learner, examples)
    ours = _answers(learner, examples)
    assert any(_apart(one, other) > 0.05 for one, other in zip(ours, before, strict=True)), "nothing was learned"

    merged, beside = tmp_path / "model", tmp_path / "adapter"
    merged.mkdir()
    beside.mkdir()
    learner.save(merged)
    assert isinstance(learner, Adapting)
    learner.save_adapter(beside)
    _same(_answers(learner, examples), ours)

    whole = load_file(merged / "model.safetensors")
    assert whole.keys() == load_file(base / "model.safetensors").keys()
    loaded = task.open_learn().load(merged)
    _same(_answers(loaded, loaded.encode(fixture_of(task).kind.rows(12), _silent)), ours)

    alone = _built(task, tmp_path / "alone", model=str(base))
    peft_alone = PeftModel.from_pretrained(alone.model, str(beside))
    assert json.loads((beside / "adapter_config.json").read_text())["base_model_name_or_path"] == str(base)
    assert any("lora_A" in name for name, _ in peft_alone.named_parameters())
    if getattr(learner.model, "generation_config", None) is not None:  # how long it writes is no part of an adapter
        alone.model.generation_config = learner.model.generation_config
    _same(_answers(alone, examples), ours)


@LEARNING
def test_only_the_matrices_and_the_head_learn(tmp_path: Path, task: Task) -> None:
    learner, _ = _adapted(task, tmp_path / "adapted", _base(task, tmp_path), use_dora=True)
    examples = learner.encode(fixture_of(task).kind.rows(12), _silent)
    learner.narrow([examples])
    learner.loss(learner.collate(examples, range(12))).backward()  # type: ignore[no-untyped-call]
    body = f"{learner.model.base_model_prefix}."
    for name, parameter in learner.model.named_parameters():
        learns = "lora_" in name or not name.startswith(body)
        assert (parameter.grad is not None) == learns, name


@LEARNING
def test_a_checkpoint_holds_what_learns_and_comes_back_to_the_bit(tmp_path: Path, task: Task) -> None:
    base = _base(task, tmp_path)
    learner, recipe = _adapted(task, tmp_path / "adapted", base)
    examples = learner.encode(fixture_of(task).kind.rows(12), _silent)
    _step(learner, examples)
    kept = tmp_path / "kept"
    kept.mkdir()
    captured = learner.captured()
    captured.write(kept, captured.tensors)
    assert not (kept / "model.safetensors").exists()
    size = sum(file.stat().st_size for file in kept.glob("*.safetensors"))
    assert size < 0.7 * (base / "model.safetensors").stat().st_size
    job = run_folders.make(tmp_path / "again", kind=fixture_of(task).kind, model=str(base), lora_r=4).job()
    again = task.open_learn().build(job, lambda split: [], kept, _silent)
    what_learns.settle(again, recipe)
    again.adopt(kept)
    for (name, one), other in zip(learner.model.state_dict().items(), again.model.state_dict().values(), strict=True):
        assert torch.equal(one, other), name

    weights = load_file(base / "model.safetensors")
    first = next(iter(weights))
    save_file({**weights, first: weights[first] + 1}, base / "model.safetensors", metadata={"format": "pt"})
    changed_base = task.open_learn().build(job, lambda split: [], kept, _silent)
    what_learns.settle(changed_base, recipe)
    with pytest.raises(UserError, match="not the one that this run began with"):
        changed_base.adopt(kept)


def _bert(path: Path) -> BertForSequenceClassification:
    torch.manual_seed(0)
    shape: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 40}
    model = BertForSequenceClassification(BertConfig(**shape, intermediate_size=32))
    model.save_pretrained(path)
    return model


@pytest.mark.parametrize(
    ("asked", "found"),
    [("query, value", {"query", "value"}), ("", {"query", "key", "value", "dense"})],
)
def test_places_are_named_or_all_linear_layers_of_the_body(tmp_path: Path, asked: str, found: set[str]) -> None:
    model = _bert(tmp_path)
    Adapter(model, Recipe(model=str(tmp_path), lora_r=2, lora_target_modules=asked))
    adapted = {name.partition(".lora_A")[0] for name, _ in model.named_parameters() if ".lora_A." in name}
    assert {name.rpartition(".")[2] for name in adapted} == found
    assert not any("pooler" in name or "classifier" in name for name in adapted)
    learned = {name for name, one in model.named_parameters() if one.requires_grad and "lora_" not in name}
    assert learned == {"classifier.weight", "classifier.bias", "bert.pooler.dense.weight", "bert.pooler.dense.bias"}


def test_a_place_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no linear layer “q_proj”.*dense, key, query, value"):
        Adapter(_bert(tmp_path), Recipe(model=str(tmp_path), lora_r=2, lora_target_modules="q_proj"))


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
def test_a_base_in_four_bits_learns_beside_and_merges_into_plain_weights(tmp_path: Path, dora: bool) -> None:
    model = _bert(tmp_path)
    names = [name for name, one in model.named_modules() if type(one) is torch.nn.Linear and ".layer." in name]
    quantized.use(model, names, torch.device("cpu"))
    adapter = Adapter(model, Recipe(model=str(tmp_path), lora_r=2, use_dora=dora))
    ids = torch.arange(24).reshape(3, 8)
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    learned = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=1e-2)
    for _ in range(4):
        loss = torch.nn.functional.cross_entropy(model(input_ids=ids).logits, torch.tensor([0, 1, 0]))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    ours = model(input_ids=ids).logits.detach()
    plain = BertForSequenceClassification(model.config)
    plain.load_state_dict(adapter.merged())
    plain.train(False)
    torch.testing.assert_close(plain(input_ids=ids).logits, ours, rtol=0, atol=1e-5)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_four_bits_without_a_gpu_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such GPU here"):
        Adapter(_bert(tmp_path), Recipe(model=str(tmp_path), lora_r=2, load_in_4bit=True))
