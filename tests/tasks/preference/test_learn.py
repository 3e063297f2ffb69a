"""A tiny model that learns which answer is better: the formula, the model at the start, adapters."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import log_softmax

from desktop_llm.engine import preflight
from desktop_llm.engine.generator import Generator
from desktop_llm.engine.predict import Predictor
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.events import Evaluated, Event, Failed, Finished, Interrupted, Noted, Preparing
from desktop_llm.jobs.generation import Ending, Sampling
from desktop_llm.nets import causal_model
from tests.nets import templates
from tests.run_ends import final_of, finish
from tests.tasks.preference.fixture import rows
from tests.tasks.preference.tiny import LEARN, kind_of, make

ASKING = "Asking the model as it begins"


def _asked(heard: list[Event]) -> bool:
    return any(isinstance(one, Preparing) and one.doing == ASKING for one in heard)


def _log_probability(model: Any, tokenizer: Any, row: dict[str, Any], answer: str) -> tuple[float, int]:
    """By transformers alone: the sum over the answer's tokens, its end among them, and how many they are."""
    asked = [{"role": "user", "content": row["prompt"]}]
    given = tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
    before = tokenizer(given, add_special_tokens=False)["input_ids"]
    after = tokenizer(f"{answer}<|im_end|>", add_special_tokens=False)["input_ids"]
    ids = torch.tensor([[*before, *after]])
    with torch.no_grad():
        chances = log_softmax(model(input_ids=ids).logits[0, len(before) - 1 : -1].double(), dim=-1)
    return float(chances.gather(1, ids[0, len(before) :, None]).sum()), len(after)


def _sigmoid(one: list[tuple[float, int]], start: list[tuple[float, int]], beta: float, smoothing: float) -> float:
    margin = beta * ((one[0][0] - start[0][0]) - (one[1][0] - start[1][0]))
    return (1 - smoothing) * math.log1p(math.exp(-margin)) + smoothing * math.log1p(math.exp(margin))


def _even(one: list[tuple[float, int]], start: list[tuple[float, int]], beta: float, smoothing: float) -> float:
    by_token = [((now[0] - was[0]) / now[1], 1) for now, was in zip(one, start, strict=True)]
    return _sigmoid(by_token, [(0.0, 1), (0.0, 1)], beta, smoothing)


def _orpo(one: list[tuple[float, int]], start: list[tuple[float, int]], beta: float, smoothing: float) -> float:
    likely = [total / count for total, count in one]
    odds = [mean - math.log(1 - math.exp(mean)) for mean in likely]
    return -likely[0] + beta * _sigmoid([(odds[0], 1), (odds[1], 1)], [(0.0, 1), (0.0, 1)], 1.0, smoothing)


Formula = Callable[[list[tuple[float, int]], list[tuple[float, int]], float, float], float]


@pytest.mark.parametrize(
    ("loss_type", "formula", "smoothing", "whole"),
    [
        ("sigmoid", _sigmoid, 0.0, True),
        ("sigmoid", _sigmoid, 0.1, False),
        ("sigmoid_norm", _even, 0.0, True),
        ("orpo", _orpo, 0.0, True),
    ],
)
def test_the_loss_is_that_of_the_formula_on_token_ids(
    tmp_path: Path,
    loss_type: str,
    formula: Formula,
    smoothing: float,
    whole: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not whole:
        monkeypatch.setattr("desktop_llm.nets.head_loss.LOGITS", {"cpu": 1})
        monkeypatch.setattr("desktop_llm.nets.head_loss.LEAST", 5)
    told: dict[str, Any] = {"loss_type": loss_type, "beta": 0.3, "label_smoothing_factor": smoothing}
    folder = make(
        tmp_path / "run", model=str(templates.llama(tmp_path / "base")), max_steps=4, learning_rate=1e-2, **told
    )
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    tokenizer: Any = AutoTokenizer.from_pretrained(folder.model)
    start: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "base").train(False)
    tuned: Any = AutoModelForCausalLM.from_pretrained(folder.model).train(False)
    wanted = []
    for row in snapshot.rows(folder.snapshot, "test"):
        both = (row["a"], row["b"]) if row["label"] == "a" else (row["b"], row["a"])
        now, was = ([_log_probability(one, tokenizer, row, said) for said in both] for one in (tuned, start))
        wanted.append(formula(now, was, 0.3, smoothing))
    assert final_of(heard, "test").metrics["loss"] == pytest.approx(sum(wanted) / len(wanted), abs=1e-5)
    assert _asked(heard) == (loss_type != "orpo")
    # the same as a loss to be learned from
    learner: Any = LEARN.load(folder.model)
    held = list(snapshot.rows(folder.snapshot, "test"))
    examples = learner.encode(held, lambda *_: None)
    if learner.refers:
        began = learner.at_start()
        learner.refer(examples, began.outputs(began.collate(examples, range(16))))
    loss = learner.loss(learner.collate(examples, range(16)))
    assert float(loss.detach()) == pytest.approx(sum(wanted) / len(wanted), abs=1e-5)


@pytest.mark.parametrize("name", list(templates.TEMPLATES)[:5])
def test_only_the_answers_own_tokens_count(tmp_path: Path, name: str) -> None:
    asked = [
        {"role": "user", "content": "the"},
        {"role": "assistant", "content": "old"},
        {"role": "user", "content": "new"},
    ]
    row = {"prompt": json.dumps(asked), "a": "some near", "b": "my", "label": "a"}
    folder = make(tmp_path / "run", kind_of([row]), model=str(templates.llama(tmp_path / "base", name)), max_length=128)
    learner: Any = LEARN.build(folder.job(), lambda _: [row], None, lambda *_: None)
    told = learner.collate(learner.encode([row], lambda *_: None), [0])
    halves = told["labels"].view(2, -1)
    said = [learner.tokenizer.decode(half[half >= 0], skip_special_tokens=True).strip() for half in halves]
    assert said == ["some near", "my"]
    assert told["tokens"].tolist() == [[int((half >= 0).sum()) for half in halves]]


def test_held_out_pairs_come_apart(tmp_path: Path) -> None:
    folder = make(tmp_path, num_train_epochs=4.0)
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    for split in ("validation", "test"):
        told = final_of(heard, split)
        assert told.metrics["reward_accuracy"] == 1.0
        assert told.metrics["reward_margin"] > 1.0
        assert told.metrics["loss"] < 0.4
        assert told.metrics["chosen_logps"] > told.details["sides"]["chosen"]["at the start"]
        assert told.details["sides"]["rejected"]["change"] < 0 < told.metrics["drift"]
        assert sum(told.details["counts"]) == told.details["pairs"] == 16
        assert told.details["rows"]["wrong"] == []
    again = Predictor(folder.model).evaluate(list(snapshot.rows(folder.snapshot, "test")), ())
    assert again.scores.metrics == pytest.approx(final_of(heard, "test").metrics, abs=1e-5)
    prompt, row = rows(1)[0]["prompt"], rows(1)[0]
    turned = {**row, "a": row["b"], "b": row["a"]}
    first, second = Predictor(folder.model).predict([row, turned])
    assert (first.label, second.label) == (("a", "b") if row["label"] == "a" else ("b", "a"))
    assert first.probability == pytest.approx(second.probability, abs=1e-6)
    said = Generator(folder.model).write({"prompt": prompt}, Sampling(temperature=0.0, max_new_tokens=4))
    assert isinstance(list(said)[-1], Ending)


class _Passes:
    """Counts the texts that models read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.texts = 0
        before = causal_model.hidden_of

        def counted(model: Any, **inputs: torch.Tensor) -> torch.Tensor:
            self.texts += len(inputs["input_ids"])
            return before(model, **inputs)

        monkeypatch.setattr(causal_model, "hidden_of", counted)


@pytest.mark.parametrize("lora", [0, 4], ids=["whole", "adapter"])
def test_the_model_at_the_start_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lora: int) -> None:
    folder = make(
        tmp_path / "run", model=str(templates.llama(tmp_path / "base")), max_steps=32, save_steps=4, lora_r=lora
    )
    passes = _Passes(monkeypatch)
    left, _ = finish(folder, leave_at=4)
    assert isinstance(left, Interrupted)
    assert left.step < 32
    tried = 1  # a look at what kind of model it is, with one text
    assert passes.texts == 2 * (96 + 16 + 16) + left.step * 2 * 8 + tried
    kept = {path: path.read_bytes() for path in folder.reference.rglob("*.safetensors")}
    assert len(kept) == 3
    passes.texts = 0
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    assert not _asked(heard)
    assert passes.texts == (32 - left.step) * 2 * 8 + 3 * 2 * 16 + tried
    assert {path: path.read_bytes() for path in folder.reference.rglob("*.safetensors")} == kept


@pytest.mark.parametrize("lora", [0, 4], ids=["whole", "adapter"])
def test_a_resumed_run_that_has_lost_it_asks_the_model_that_it_began_with(tmp_path: Path, lora: int) -> None:
    from safetensors.torch import load_file

    ended = {}
    for name in ("whole", "broken"):
        folder = make(
            tmp_path / name, model=str(templates.llama(tmp_path / "base")), max_steps=8, save_steps=4, lora_r=lora
        )
        if name == "broken":
            assert isinstance(finish(folder, leave_at=4)[0], Interrupted)
            for path in folder.reference.rglob("*.safetensors"):
                path.write_bytes(path.read_bytes()[:-1])
        end, heard = finish(folder)
        assert isinstance(end, Finished), end
        assert _asked(heard)
        ended[name] = load_file(folder.model / "model.safetensors")
    assert all(torch.equal(value, ended["broken"][name]) for name, value in ended["whole"].items())


def test_splits_of_the_same_pairs_all_know_the_model_at_the_start(tmp_path: Path) -> None:
    folder = make(tmp_path, kind_of(rows(4)), max_steps=2)
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    validation, test = (dict(final_of(heard, split).metrics) for split in ("validation", "test"))
    assert "drift" in test
    assert validation == test


def test_a_measure_that_a_run_has_not_chooses_no_model_and_ends_no_run(tmp_path: Path) -> None:
    told: dict[str, Any] = {"loss_type": "orpo", "metric_for_best_model": "drift", "early_stopping_patience": 1}
    end, heard = finish(make(tmp_path, max_steps=4, eval_steps=1, **told))
    assert isinstance(end, Finished), end
    assert end.step == 4
    measured = [one for one in heard if isinstance(one, Evaluated) and not one.final]
    assert [one.best for one in measured] == [False] * 4
    said = [one.message for one in heard if isinstance(one, Noted) and "drift" in one.message]
    assert len(said) == 1


def test_from_scratch_it_cannot_be_asked_again(tmp_path: Path) -> None:
    folder = make(tmp_path, max_steps=8, save_steps=4)
    assert isinstance(finish(folder, leave_at=4)[0], Interrupted)
    for path in folder.reference.rglob("*.safetensors"):
        path.unlink()
    end, _ = finish(folder)
    assert isinstance(end, Failed)
    assert end.message == (
        "What the model said before it learned is no longer there, and cannot be asked again; start a new run."
    )


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_an_adapter_loads_with_peft_alone_and_the_merged_model_with_transformers_alone(tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    folder = make(tmp_path / "run", model=str(templates.llama(tmp_path / "base")), lora_r=4, learning_rate=2e-2)
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    assert final_of(heard, "test").metrics["reward_accuracy"] == 1.0
    before = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    ids = torch.tensor([[*range(5, 40)]])
    merged: Any = AutoModelForCausalLM.from_pretrained(folder.model)
    with torch.no_grad():
        start = before(input_ids=ids).logits
        ours = merged(input_ids=ids).logits
        theirs = PeftModel.from_pretrained(before, str(folder.adapter))(input_ids=ids).logits
    torch.testing.assert_close(theirs, ours, atol=1e-4, rtol=1e-4)
    assert float((ours - start).abs().max()) > 0.1


def test_messages_may_repeat_the_prompt_and_say_more_than_one_turn(tmp_path: Path) -> None:
    asked = [{"role": "user", "content": "the"}]
    more = [{"role": "assistant", "content": "my"}, {"role": "user", "content": "old"}]
    row = {
        "prompt": json.dumps(asked),
        "a": json.dumps([*asked, *more, {"role": "assistant", "content": "new"}]),
        "b": json.dumps([{"role": "assistant", "content": "some"}]),
        "label": "b",
    }
    folder = make(tmp_path / "run", kind_of([row]), model=str(templates.llama(tmp_path / "base")))
    learner: Any = LEARN.build(folder.job(), lambda _: [row], None, lambda *_: None)
    told = learner.collate(learner.encode([row], lambda *_: None), [0])
    said = [learner.tokenizer.decode(half[half >= 0]) for half in told["labels"].view(2, -1)]
    assert [one.replace("<|im_end|>", " ").split() for one in said] == [["my", "new"], ["some"]]
    assert told["better"].tolist() == [-1]


def test_what_the_model_at_the_start_takes_is_foretold(tmp_path: Path) -> None:
    told = {}
    for loss_type in ("sigmoid", "orpo"):
        folder = make(tmp_path / loss_type, max_steps=8, loss_type=loss_type)
        told[loss_type] = preflight.measure(folder.path, clock=map(float, itertools.count()).__next__)
    asked = told["sigmoid"].preparing - told["orpo"].preparing
    # an evaluation takes a tick here: of two splits, and by them of six times as many pairs
    assert asked == pytest.approx(2 * (1 + 96 / 32), rel=0.2)


def test_a_model_that_was_taught_to_answer_is_where_it_begins(tmp_path: Path) -> None:
    from tests.tasks.dialogue.fixture import FIXTURE as TALKS

    talks = make(tmp_path / "talks", TALKS.kind, max_steps=2)
    assert isinstance(finish(talks)[0], Finished)
    folder = make(tmp_path / "run", model=str(talks.model), num_train_epochs=2.0)
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    assert final_of(heard, "test").metrics["reward_accuracy"] == 1.0
