"""A tiny language model from its first step to a folder: learned, measured, resumed, taught further."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_llm import atomic
from desktop_llm.engine.predict import Predictor
from desktop_llm.engine.preflight import measure
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.events import Finished, Interrupted, StepDone
from desktop_llm.jobs.folder import RunFolder
from tests import run_folders
from tests.run_ends import final_of, finish
from tests.tasks.language_modelling.fixture import FIXTURE, rows


def _make(path: Path, **values: Any) -> RunFolder:
    return run_folders.make(path, kind=FIXTURE.kind, **{"torch_compile": False, "vocab_size": 300, **values})


def test_it_learns_what_comes_next(tmp_path: Path) -> None:
    folder = _make(tmp_path, num_train_epochs=80.0, eval_steps=100)
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    told = final_of(heard, "test")
    # after the first word, which is one of ten, and the end, which is anywhere, all is certain
    assert told.metrics["perplexity"] < 2.2
    assert set(told.details["rows"]["odd"]) == {row["id"] for row in snapshot.rows(folder.snapshot, "test")}
    answer = Predictor(folder.model).predict([{"text": "the a my some with near old"}])[0]
    assert answer.top[0][0] == "␣new"
    assert answer.top[0][1] > 0.5
    odd = Predictor(folder.model).predict([{"text": "zebra qux"}])[0]
    assert odd.uncertainty > 2 * answer.uncertainty
    assert math.isclose(answer.probability, math.exp(-answer.label["nats"] / answer.label["tokens"]))


def test_every_block_of_an_epoch_is_one_shape_and_all_tokens_count(tmp_path: Path) -> None:
    folder = _make(tmp_path, num_train_epochs=1.0, max_length=16)
    _, heard = finish(folder)
    steps = [one for one in heard if isinstance(one, StepDone)]
    told = Predictor(folder.model).learner.encode(snapshot.rows(folder.snapshot, "train"), lambda *_: None)
    blocks = math.ceil(int(told.lengths.sum()) / 16)
    assert len(steps) == math.ceil(blocks / 8)


@pytest.mark.parametrize("kind", ["pieces", "characters"])
def test_figures_are_those_of_texts_one_by_one(kind: str, tmp_path: Path) -> None:
    folder = _make(tmp_path, max_steps=6, tokenizer_type=kind, max_length=128)
    _, heard = finish(folder)
    told = final_of(heard, "test").metrics
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(folder.model)
    model.train(False)
    tokenizer = AutoTokenizer.from_pretrained(folder.model)
    nats, tokens, size, characters = 0.0, 0, 0, 0
    for row in snapshot.rows(folder.snapshot, "test"):
        end = tokenizer.eos_token_id
        ids = torch.tensor([[end, *tokenizer(row["text"], add_special_tokens=False)["input_ids"], end]])
        with torch.no_grad():
            logits = model(input_ids=ids[:, :-1]).logits[0]
        nats += float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum"))
        tokens += ids.shape[1] - 1
        size += len(row["text"].encode())
        characters += len(row["text"])
    assert told["loss"] == pytest.approx(nats / tokens, rel=1e-5)
    assert told["perplexity"] == pytest.approx(math.exp(nats / tokens), rel=1e-5)
    assert told["bits_per_byte"] == pytest.approx(nats / math.log(2) / size, rel=1e-5)
    assert told["nats_per_character"] == pytest.approx(nats / characters, rel=1e-5)
    if kind == "characters":  # the end of a text is a token, too
        assert tokens == characters + len(list(snapshot.rows(folder.snapshot, "test")))


def test_leaving_and_resuming_ends_with_the_same_bits(tmp_path: Path) -> None:
    values = {"save_steps": 4, "max_steps": 9, "bf16": True, "hidden_dropout_prob": 0.1}
    whole, parted = (_make(tmp_path / name, **values) for name in ("whole", "parted"))
    finish(whole)
    assert isinstance(finish(parted, leave_at=4)[0], Interrupted)
    assert isinstance(finish(parted)[0], Finished)
    found = {atomic.sha256(one.model / "model.safetensors") for one in (whole, parted)}
    assert len(found) == 1


def test_a_model_folder_is_taught_further(tmp_path: Path) -> None:
    first = _make(tmp_path / "first", num_train_epochs=8.0)
    end, _ = finish(first)
    assert isinstance(end, Finished)
    second = _make(tmp_path / "second", model=str(first.model), max_steps=4, learning_rate=1e-4)
    again, _ = finish(second)
    assert isinstance(again, Finished), again
    assert again.metrics["loss"] < end.metrics["loss"] + 0.05
    config = json.loads((second.model / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["use_cache"] is True


def test_long_texts_go_on_in_the_next_window(tmp_path: Path) -> None:
    folder = _make(tmp_path, max_steps=2, max_length=8)
    finish(folder)
    learner = Predictor(folder.model).learner
    text = " ".join(row["text"] for row in rows(20))
    told = Predictor(folder.model).predict([{"text": text}])[0]
    assert told.label["tokens"] == int(learner.encode([{"text": text}], lambda *_: None).lengths[0]) > 40


def test_it_says_before_what_it_will_take(tmp_path: Path) -> None:
    folder = _make(tmp_path, num_train_epochs=2.0)
    told = measure(folder.path)
    _, heard = finish(folder)
    assert told.total_steps == len([one for one in heard if isinstance(one, StepDone)])
