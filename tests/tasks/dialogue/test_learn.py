"""A tiny model that answers, from its first step to a folder: learned, compared, adapted, refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_llm.engine.generator import Generator
from desktop_llm.engine.predict import Predictor
from desktop_llm.errors import UserError
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.events import Event, Failed, Finished, Interrupted, Noted, Sampled
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.generation import Ending, Sampling
from tests import run_folders
from tests.nets import templates
from tests.run_ends import final_of, finish
from tests.run_folders import FILLER, Kind
from tests.tasks.dialogue.fixture import FIXTURE, rows

GREEDY = Sampling(temperature=0.0, repetition_penalty=1.0, max_new_tokens=8)


def _make(path: Path, kind: Kind = FIXTURE.kind, **values: Any) -> RunFolder:
    told = {"torch_compile": False, "vocab_size": 300, "max_length": 64, "eval_steps": 10_000, **values}
    return run_folders.make(path, kind=kind, **told)


def _answer(folder: Path, asked: str) -> str:
    talk = json.dumps([{"role": "user", "content": asked}])
    said = Generator(folder).write({"messages": talk}, GREEDY)
    return "".join("" if isinstance(one, Ending) else one.text for one in said)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, list[Event]]:
    """A run from scratch that has learned the answers by heart."""
    folder = _make(tmp_path_factory.mktemp("talk"), num_train_epochs=40.0)
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    return folder, heard


def test_it_learns_to_answer(learned: tuple[RunFolder, list[Event]]) -> None:
    folder, heard = learned
    told = final_of(heard, "test")
    assert told.metrics["perplexity"] < 1.2
    assert told.metrics["exact_match"] == told.metrics["token_f1"] == 1.0
    assert told.details["compared"] == 16
    assert [one[1] for one in told.details["answers"]] == [one[2] for one in told.details["answers"]]
    assert _answer(folder.model, "some") == "with near"
    sampled = [one for one in heard if isinstance(one, Sampled)]
    assert sampled[-1].samples[0]["right"]
    assert sampled[-1].samples[0]["answer"].startswith("assistant: ")


def test_what_waits_for_an_answer_gets_one(learned: tuple[RunFolder, list[Event]]) -> None:
    folder, _ = learned
    asked = [{"messages": json.dumps([{"role": "user", "content": word}])} for word in FILLER[:3]]
    said = Predictor(folder.model).predict(asked)
    assert [one.label["answer"] for one in said] == ["a my", "my some", "some with"]
    assert all(one.probability > 0.7 and one.uncertainty < 0.1 for one in said)
    again = [*json.loads(asked[0]["messages"]), {"role": "assistant", "content": "wrong"}]
    (told,) = Predictor(folder.model).predict([{"messages": json.dumps(again)}])
    assert told.label["answer"] == "a my"


def test_figures_are_those_of_conversations_one_by_one(tmp_path: Path) -> None:
    folder = _make(tmp_path, max_steps=6)
    _, heard = finish(folder)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(folder.model)
    model.train(False)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder.model)
    nats, tokens = 0.0, 0
    for row in snapshot.rows(folder.snapshot, "test"):
        talk = row["label"]
        asked = tokenizer.apply_chat_template(talk[:-1], add_generation_prompt=True)["input_ids"]
        said = [*tokenizer(talk[-1]["content"], add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        ids = torch.tensor([[*asked, *said]])
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, len(asked) - 1 : -1]
        nats += float(torch.nn.functional.cross_entropy(logits, ids[0, len(asked) :], reduction="sum"))
        tokens += len(said)
    assert final_of(heard, "test").metrics["loss"] == pytest.approx(nats / tokens, rel=1e-4)


def test_a_run_that_was_killed_ends_with_the_same_weights(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    whole = _make(tmp_path / "whole", max_steps=12, save_steps=4)
    broken = _make(tmp_path / "broken", max_steps=12, save_steps=4)
    assert isinstance(finish(whole)[0], Finished)
    assert isinstance(finish(broken, leave_at=4)[0], Interrupted)
    assert isinstance(finish(broken)[0], Finished)
    one, other = (load_file(folder.model / "model.safetensors") for folder in (whole, broken))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
@pytest.mark.parametrize("name", ["chatml", "llama3", "gemma", "marked"])
def test_an_adapter_loads_with_peft_alone_and_the_merged_model_with_transformers_alone(
    tmp_path: Path, name: str
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = templates.llama(tmp_path / "base", name)
    folder = _make(tmp_path / "run", model=str(base), lora_r=4, learning_rate=2e-2, num_train_epochs=12.0)
    end, _ = finish(folder)
    assert isinstance(end, Finished), end
    before = AutoModelForCausalLM.from_pretrained(base)
    ids = torch.tensor([[*range(5, 40)]])
    merged: Any = AutoModelForCausalLM.from_pretrained(folder.model)
    with torch.no_grad():
        start = before(input_ids=ids).logits
        ours = merged(input_ids=ids).logits
        beside = PeftModel.from_pretrained(before, str(folder.adapter))
        theirs = beside(input_ids=ids).logits
    torch.testing.assert_close(theirs, ours, atol=1e-4, rtol=1e-4)
    assert float((ours - start).abs().max()) > 0.1
    for place in (folder.model, folder.adapter):
        tokenizer = AutoTokenizer.from_pretrained(place)
        assert tokenizer.get_chat_template() == templates.read(name)
    end_of_answer = tokenizer.convert_tokens_to_ids(templates.TEMPLATES[name][0])
    assert end_of_answer in merged.generation_config.eos_token_id
    longer = merged.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=2, do_sample=False)
    assert longer.shape[1] > ids.shape[1]


def _kind(talks: list[list[dict[str, Any]]]) -> Kind:
    def made(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
        return [
            {"id": first_id + place, "messages": json.dumps(talk), "label": talk}
            for place, talk in enumerate((talks * count)[:count])
        ]

    return Kind(task="dialogue", rows=made, classes=())


LONG = [{"role": "user", "content": "the a my " * 100}, {"role": "assistant", "content": "some"}]
SILENT = [{"role": "user", "content": "the"}, {"role": "assistant", "content": " "}]
GOOD = rows(1)[0]["label"]


@pytest.mark.parametrize(
    ("talks", "values", "words"),
    [
        ([SILENT], {}, "None of the conversations has an answer to learn from; write the answers in Label."),
        ([LONG], {}, "All answers begin behind the 64 tokens that are read at once; raise “max_length” (the model can"),
    ],
    ids=["silent", "long"],
)
def test_where_nothing_can_be_learned_it_says_why(
    tmp_path: Path, talks: list[list[dict[str, Any]]], values: dict[str, Any], words: str
) -> None:
    end, _ = finish(_make(tmp_path, _kind(talks), max_steps=2, **values))
    assert isinstance(end, Failed)
    assert end.message.startswith(words)


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    leading = [{"role": "assistant", "content": "Hi"}, *GOOD]
    base = templates.llama(tmp_path / "base", "mistral")
    folder = _make(tmp_path / "run", _kind([GOOD, SILENT, LONG, leading]), max_steps=2, model=str(base))
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    said = " ".join(one.message for one in heard if isinstance(one, Noted))
    assert "24 conversations have only empty answers" in said
    assert "24 are left out, as all of their answers are behind that" in said
    assert "conversations are left out: The chat template of" in said
    assert "Roles must take turns" in said


@pytest.mark.parametrize("wrong", ["template", "tokenizer"])
def test_a_folder_that_cannot_be_taught_is_refused_in_a_sentence(tmp_path: Path, wrong: str) -> None:
    base = (
        templates.llama(tmp_path / "base", vocab_size=100)
        if wrong == "tokenizer"
        else templates.llama(tmp_path / "base")
    )
    if wrong == "template":
        (base / "chat_template.jinja").write_text(templates.read("blind"), encoding="utf-8")
    end, _ = finish(_make(tmp_path / "run", max_steps=2, model=str(base)))
    assert isinstance(end, Failed)
    words = "has no generation marker" if wrong == "template" else "they do not belong together"
    assert words in end.message
    assert end.message.count(". ") == 0


def test_more_than_the_model_can_read_is_refused(tmp_path: Path) -> None:
    folder = _make(tmp_path, max_steps=2)
    finish(folder)
    talk = json.dumps(LONG[:1])
    with pytest.raises(UserError, match=r"The conversation has \d+ tokens, and the model reads 64 at most; begin"):
        list(Generator(folder.model).write({"messages": talk}, GREEDY))
    with pytest.raises(UserError, match="nothing to answer"):
        list(Generator(folder.model).write({"messages": "[]"}, GREEDY))
    (said,) = Predictor(folder.model).predict([{"messages": talk}])
    assert "answer" not in said.label
    assert said.uncertainty == 1.0
