"""A model that writes: the same tokens as transformers' own `generate`, where it stops, what is told of each token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_llm.engine.generator import Generator, _Gate
from desktop_llm.engine.predict import Predictor
from desktop_llm.engine.run import run
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Finished
from desktop_llm.jobs.generation import Ending, Piece, Sampling
from desktop_llm.nets.token_words import Reader
from tests import run_folders
from tests.tasks.language_modelling.fixture import FIXTURE

GREEDY = Sampling(temperature=0.0, repetition_penalty=1.0, top_p=1.0, top_k=0, max_new_tokens=12)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that has learned which word follows which, in blocks of 64."""
    folder = run_folders.make(
        tmp_path_factory.mktemp("writer"),
        kind=FIXTURE.kind,
        torch_compile=False,
        vocab_size=300,
        max_length=64,
        num_train_epochs=60.0,
        eval_steps=10_000,
    )
    assert isinstance(run(folder.path, lambda event: None, Control()), Finished)
    return folder.model


def _written(generator: Generator, text: str, told: Sampling, **more: Any) -> tuple[list[Piece], Ending]:
    said = list(generator.write({"text": text}, told, **more))
    ending = said.pop()
    assert isinstance(ending, Ending)
    pieces = [one for one in said if isinstance(one, Piece)]
    assert len(pieces) == len(said)
    return pieces, ending


def _text(pieces: list[Piece]) -> str:
    return "".join(one.text for one in pieces)


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": 0.0, "repetition_penalty": 1.0},
        {"temperature": 0.0, "repetition_penalty": 1.6},
        {"temperature": 0.8, "top_k": 7, "top_p": 0.8, "repetition_penalty": 1.2, "seed": 3},
        {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "repetition_penalty": 1.0, "seed": 11},
        {"temperature": 1.9, "top_k": 0, "top_p": 0.5, "repetition_penalty": 1.0, "seed": 4},
    ],
    ids=["greedy", "penalty", "all", "plain", "nucleus"],
)
def test_it_writes_what_generate_writes(trained: Path, values: dict[str, Any]) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    told = Sampling(max_new_tokens=12, **values)
    model: Any = AutoModelForCausalLM.from_pretrained(trained)
    model.train(False)
    tokenizer = AutoTokenizer.from_pretrained(trained)
    ids = torch.tensor([[tokenizer.eos_token_id, *tokenizer("the a my")["input_ids"]]])
    torch.manual_seed(told.seed or 0)
    chosen = {"temperature": told.temperature, "top_k": told.top_k, "top_p": told.top_p}
    with torch.no_grad():
        whole = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=12,
            do_sample=told.temperature > 0,
            repetition_penalty=told.repetition_penalty,
            pad_token_id=tokenizer.eos_token_id,
            **(chosen if told.temperature > 0 else {}),
        )[0, ids.shape[1] :]
    pieces, ending = _written(Generator(trained), "the a my", told)
    assert _text(pieces) == tokenizer.decode(whole, skip_special_tokens=True)
    assert ending.tokens == len(pieces) == int((whole != tokenizer.eos_token_id).sum())
    assert ending.reason == ("end" if tokenizer.eos_token_id in whole else "length")


def test_a_token_is_told_with_its_chance_and_its_rivals(trained: Path) -> None:
    pieces, ending = _written(Generator(trained), "the a my", GREEDY)
    assert _text(pieces).startswith(" some with near old new")
    first = pieces[0]
    word, chance = first.top[0]
    assert word == "␣some"
    assert chance == pytest.approx(first.probability)
    assert 0.5 < first.probability < 1.0
    assert [one for _, one in first.top] == sorted((one for _, one in first.top), reverse=True)
    assert len(first.top) == 5
    assert ending.prompt == 4
    assert ending.speed > 0


def test_the_same_seed_writes_the_same_and_none_another(trained: Path) -> None:
    generator = Generator(trained)
    free = Sampling(temperature=3.0, top_k=0, top_p=1.0, max_new_tokens=20, seed=5)
    once, again = (_text(_written(generator, "the", free)[0]) for _ in range(2))
    assert once == again
    unseeded = Sampling(temperature=3.0, top_k=0, top_p=1.0, max_new_tokens=20)
    assert len({_text(_written(generator, "the", unseeded)[0]) for _ in range(4)}) > 1


@pytest.mark.parametrize(
    ("stop", "left"), [("with", " some "), ("th near|zebra", " some wi"), ("m", " so"), ("zebra", None)]
)
def test_it_ends_before_a_stop_string(trained: Path, stop: str, left: str | None) -> None:
    plain = _text(_written(Generator(trained), "the a my", GREEDY)[0])
    told = Sampling(temperature=0.0, repetition_penalty=1.0, max_new_tokens=12, stop=stop)
    pieces, ending = _written(Generator(trained), "the a my", told)
    assert _text(pieces) == (plain if left is None else left)
    assert (ending.reason == "stop") == (left is not None)


def test_what_may_be_a_stop_string_waits() -> None:
    gate = _Gate(("\nUser:",))
    told = [[one.text for one in gate.take(Piece(text=text, probability=1.0))] for text in ("hi", "\n", "Us", "ual")]
    assert told == [["hi"], [], [], ["\n", "Us", "ual"]]
    assert [one.text for part in ("\nUser", ":") for one in gate.take(Piece(text=part, probability=1.0))] == []
    assert gate.closed


def test_it_stops_when_it_is_told_and_when_it_can_read_no_more(trained: Path) -> None:
    generator = Generator(trained)
    seen: list[int] = []

    def enough() -> bool:
        seen.append(1)
        return len(seen) > 3

    free = Sampling(temperature=2.0, top_k=0, top_p=1.0, seed=1, max_new_tokens=500)
    pieces, ending = _written(generator, "the", free, should_stop=enough)
    assert (len(pieces), ending.reason) == (3, "cancelled")
    never_ends = Sampling(temperature=8.0, top_k=0, top_p=1.0, seed=2, max_new_tokens=500)
    pieces, ending = _written(generator, "the a my", never_ends)
    assert ending.reason in ("context", "end")
    assert ending.prompt + ending.tokens <= 64


def test_of_a_long_text_the_end_is_read(trained: Path) -> None:
    generator = Generator(trained)
    _, ending = _written(generator, "the a my " * 200, GREEDY)
    assert ending.prompt == 64 - 12
    assert ending.tokens <= 12


def test_characters_of_several_tokens_come_whole(trained: Path) -> None:
    tokenizer = Generator(trained)._learner.tokenizer
    text = "好 🙂 naïve"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    reader = Reader(tokenizer)
    told = [reader.read(one) for one in ids]
    assert len(ids) > len(text)
    assert "".join(told) == text
    assert all(len(one) <= 1 for one in told)


def _looked(generator: Generator, text: str) -> tuple[list[Piece], Ending]:
    *said, ending = generator.look({"text": text})
    assert isinstance(ending, Ending)
    return [one for one in said if isinstance(one, Piece)], ending


def test_each_token_of_a_text_is_told_as_transformers_foretells_it(trained: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    pieces, ending = _looked(Generator(trained), "the a my soup")
    model: Any = AutoModelForCausalLM.from_pretrained(trained)
    model.train(False)
    tokenizer = AutoTokenizer.from_pretrained(trained)
    end = tokenizer.eos_token_id
    whole = [end, *tokenizer("the a my soup")["input_ids"], end]
    with torch.no_grad():
        chances = torch.softmax(model(torch.tensor([whole])).logits[0], dim=-1)
    wanted = [float(chances[place, token]) for place, token in enumerate(whole[1:])]
    assert [one.probability for one in pieces] == pytest.approx(wanted, rel=1e-3, abs=1e-7)
    assert _text(pieces) == "the a my soup"
    assert pieces[-1].text == ""  # its end
    assert all(one.top[0][1] == pytest.approx(float(chances[place].max())) for place, one in enumerate(pieces))
    assert (ending.tokens, ending.reason) == (len(whole) - 1, "end")


@pytest.mark.parametrize("text", ["好 🙂 naïve\n\n</s> the <|endoftext|>", "the a my " * 60, "👩‍👩‍👧é"])
def test_what_is_told_of_tokens_adds_up_to_what_a_text_took(trained: Path, text: str) -> None:
    pieces, ending = _looked(Generator(trained), text)
    (said,) = Predictor(trained).predict([{"text": text}])
    assert _text(pieces) == text
    assert ending.tokens == said.label["tokens"] >= len(pieces)
    assert sum(one.nats for one in pieces) == pytest.approx(said.label["nats"], rel=1e-3)
    assert all(one.text for one in pieces[:-1])


def test_looking_at_a_text_can_be_stopped(trained: Path) -> None:
    *pieces, ending = Generator(trained).look({"text": "the a my " * 60}, lambda: True)
    assert isinstance(ending, Ending)
    assert (len(pieces), ending.reason) == (1, "cancelled")
