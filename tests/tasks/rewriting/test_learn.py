"""A tiny model that makes one text of another, from its first step to a folder: learned, written, adapted, refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_llm.engine import flops
from desktop_llm.engine.generator import Generator
from desktop_llm.engine.predict import Predictor
from desktop_llm.errors import UserError
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.events import Event, Failed, Finished, Interrupted, Noted, Sampled
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.generation import Ending, Piece, Sampling, changed
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.recipe import changed as changed_recipe
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.rewriting.labels import SAMPLING
from desktop_llm.verbs import sizing
from tests import run_folders
from tests.exported import handed_on
from tests.nets import seq2seq
from tests.outside import Outside
from tests.run_ends import final_of, finish
from tests.run_folders import FILLER, Kind
from tests.tasks.rewriting.fixture import rows

OUTSIDE = """
import json, sys
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
model = AutoModelForSeq2SeqLM.from_pretrained(sys.argv[1])
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
made = [model.generate(**tokenizer(text, return_tensors="pt"))[0] for text in json.loads(sys.argv[2])]
print(json.dumps([tokenizer.decode(ids, skip_special_tokens=True) for ids in made]))
"""
FOLDERS = pytest.mark.parametrize("layout", [seq2seq.marian, seq2seq.bart, seq2seq.t5], ids=["marian", "bart", "t5"])


def _next(text: str) -> str:
    """Each word becomes another."""
    return " ".join(FILLER[(FILLER.index(word) + 3) % len(FILLER)] for word in text.split())


def _words(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
    return [{**row, "label": _next(row["source"])} for row in rows(count, seed=seed, first_id=first_id)]


WORDS = Kind(task="rewriting", rows=_words, classes=())


def _make(path: Path, kind: Kind = WORDS, **values: Any) -> RunFolder:
    told = {"vocab_size": 300, "max_length": 64, "eval_steps": 10_000, "hidden_dropout_prob": 0.0, **values}
    return run_folders.make(path, kind=kind, **told)


def _told(folder: Path, text: str, sampling: Sampling = SAMPLING) -> tuple[list[Piece], Ending]:
    *pieces, ending = Generator(folder).write({"source": text}, sampling)
    assert isinstance(ending, Ending)
    return [one for one in pieces if isinstance(one, Piece)], ending


def _text(folder: Path, text: str, sampling: Sampling = SAMPLING) -> str:
    return "".join(one.text for one in _told(folder, text, sampling)[0])


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, list[Event]]:
    """A run from scratch that has learned which word becomes which."""
    folder = _make(tmp_path_factory.mktemp("words"), count=300, num_train_epochs=12.0, learning_rate=5e-3)
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    return folder, heard


def test_it_learns_to_write(learned: tuple[RunFolder, list[Event]]) -> None:
    folder, heard = learned
    told = final_of(heard, "test")
    assert told.metrics["chrf"] > 70
    assert told.metrics["rouge_l"] > 0.8
    assert told.details["compared"] == told.details["texts"] == 16
    assert "tok:13a" in told.details["signatures"]["bleu"]
    assert len(told.details["rows"]["written"]) == 16
    sampled = [one for one in heard if isinstance(one, Sampled)]
    assert sampled[-1].samples[0]["truth"] == _next(sampled[-1].samples[0]["text"])
    assert _text(folder.model, "the old") == _next("the old")


def test_an_export_writes_the_same_with_transformers_alone(
    learned: tuple[RunFolder, list[Event]], tmp_path: Path, outside: Outside
) -> None:
    folder, _ = learned
    handed_on(folder, tmp_path / "out")
    texts = [str(row["source"]) for row in snapshot.rows(folder.snapshot, "test")]
    said = outside(OUTSIDE, str(tmp_path / "out"), json.dumps(texts), folder=tmp_path)
    ours = [str(one.label) for one in Predictor(folder.model).predict([{"source": text} for text in texts])]
    assert json.loads(said.splitlines()[-1]) == ours
    # one by one, by beams, as somebody who tries it has them
    assert [_text(folder.model, text) for text in texts[:4]] == ours[:4]


def test_what_was_written_is_told_with_its_chances(learned: tuple[RunFolder, list[Event]]) -> None:
    folder, _ = learned
    pieces, ending = _told(folder.model, "new some")
    assert ending.reason == "end"
    assert ending.tokens == len(pieces) > 0
    assert all(one.top[0][1] >= one.probability > 0 for one in pieces)
    (said,) = Predictor(folder.model).predict([{"source": "new some"}])
    assert said.label == _next("new some")
    assert 0.3 < said.probability < 1.0
    assert said.uncertainty < 0.3


def test_beams_of_one_are_read_as_they_are_written_and_chance_has_a_seed(
    learned: tuple[RunFolder, list[Event]],
) -> None:
    folder, _ = learned
    greedy = changed(SAMPLING, {"num_beams": 1})
    assert _text(folder.model, "near my", greedy) == _next("near my")
    free = changed(SAMPLING, {"num_beams": 1, "temperature": 3.0, "seed": 7, "max_new_tokens": 12})
    again = changed(free, {"seed": 8})
    assert _text(folder.model, "near my", free) == _text(folder.model, "near my", free)
    assert _text(folder.model, "near my", free) != _text(folder.model, "near my", again)
    cut, ending = _told(folder.model, "near my", changed(SAMPLING, {"max_new_tokens": 1}))
    assert (len(cut), ending.reason) == (1, "length")


def test_who_stops_beams_gets_no_more(learned: tuple[RunFolder, list[Event]]) -> None:
    folder, _ = learned
    *_, ending = Generator(folder.model).write({"source": "near my"}, SAMPLING, lambda: True)
    assert isinstance(ending, Ending)
    assert ending.reason == "cancelled"


def test_figures_are_those_of_texts_one_by_one(tmp_path: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    folder = _make(tmp_path, max_steps=6)
    _, heard = finish(folder)
    model: Any = AutoModelForSeq2SeqLM.from_pretrained(folder.model)
    model.train(False)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder.model)
    nats, tokens = 0.0, 0
    for row in snapshot.rows(folder.snapshot, "test"):
        labels = tokenizer(text_target=row["label"], return_tensors="pt")["input_ids"]
        with torch.no_grad():
            nats += float(model(**tokenizer(row["source"], return_tensors="pt"), labels=labels).loss) * labels.shape[1]
        tokens += labels.shape[1]
    assert final_of(heard, "test").metrics["loss"] == pytest.approx(nats / tokens, rel=1e-4)


@pytest.mark.parametrize("from_folder", [False, True], ids=["scratch", "marian"])
def test_a_run_that_was_killed_ends_with_the_same_weights(tmp_path: Path, from_folder: bool) -> None:
    from safetensors.torch import load_file

    model = str(seq2seq.marian(tmp_path / "base")) if from_folder else "scratch"
    whole, broken = (
        _make(tmp_path / name, max_steps=8, save_steps=4, model=model, hidden_dropout_prob=0.1)
        for name in ("whole", "broken")
    )
    assert isinstance(finish(whole)[0], Finished)
    assert isinstance(finish(broken, leave_at=4)[0], Interrupted)
    assert isinstance(finish(broken)[0], Finished)
    one, other = (load_file(folder.model / "model.safetensors") for folder in (whole, broken))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
@FOLDERS
def test_a_folder_is_taught(tmp_path: Path, layout: Callable[[Path], Path]) -> None:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    base = layout(tmp_path / "base")
    folder = _make(tmp_path / "run", count=200, model=str(base), learning_rate=5e-3, num_train_epochs=6.0)
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    assert final_of(heard, "test").metrics["chrf"] > 30
    model: Any = AutoModelForSeq2SeqLM.from_pretrained(folder.model)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder.model)
    told = []
    for text in ("the old", "my new some"):
        (said,) = Predictor(folder.model).predict([{"source": text}])
        theirs = model.generate(**tokenizer(text, return_tensors="pt"))[0]
        assert said.label == tokenizer.decode(theirs, skip_special_tokens=True)
        told.append(said.label)
    assert all(told)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
@FOLDERS
def test_an_adapter_loads_with_peft_alone(tmp_path: Path, layout: Callable[[Path], Path]) -> None:
    from peft import PeftModel
    from transformers import AutoModelForSeq2SeqLM

    base = layout(tmp_path / "base")
    folder = _make(tmp_path / "run", model=str(base), lora_r=4, learning_rate=2e-2, max_steps=12)
    end, _ = finish(folder)
    assert isinstance(end, Finished), end
    before: Any = AutoModelForSeq2SeqLM.from_pretrained(base)
    merged: Any = AutoModelForSeq2SeqLM.from_pretrained(folder.model)
    ids, begun = torch.tensor([[*range(5, 15)]]), torch.tensor([[*range(3, 9)]])
    with torch.no_grad():
        start = before(input_ids=ids, decoder_input_ids=begun).logits
        ours = merged(input_ids=ids, decoder_input_ids=begun).logits
        theirs = PeftModel.from_pretrained(before, str(folder.adapter))(input_ids=ids, decoder_input_ids=begun).logits
    torch.testing.assert_close(theirs, ours, atol=1e-4, rtol=1e-4)
    assert float((ours - start).abs().max()) > 0.05


def test_its_size_and_work_are_reckoned_as_they_are() -> None:
    """Sinusoids take no learning; a token passes one half of the layers, and only what is written the head."""
    recipe = changed_recipe(TASKS["rewriting"].recipe, {"vocab_size": 300})
    job = Job(number=1, project="", task="rewriting", recipe=recipe, schema={}, snapshot={}, created="")
    learner: Any = TASKS["rewriting"].open_learn().build(job, lambda _: _words(90), None, lambda *_: None)
    learned = {name: one for name, one in learner.model.named_parameters() if one.requires_grad}
    size = sum(one.numel() for one in learned.values())
    wanted = changed_recipe(recipe, {"vocab_size": len(learner.tokenizer) if len(learner.tokenizer) > 257 else 257})
    assert sizing.parameters(wanted, TASKS["rewriting"]) == pytest.approx(size, rel=0.02)
    table = learned["model.shared.weight"].numel()
    matrices = sum(one.numel() for one in learned.values() if one.ndim == 2) - table
    assert flops.of(learner).token == pytest.approx(6 * (matrices / 2 + table / 2), rel=0.01)


def _told_kind(source: str, label: str) -> Kind:
    def made(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
        plain = _words(count, seed=seed, first_id=first_id)
        odd = [{"id": first_id + count, "source": source, "label": label}]
        return [*plain, *odd] if label else [{**row, "label": " "} for row in plain]

    return Kind(task="rewriting", rows=made, classes=())


def test_where_nothing_is_to_be_learned_it_says_so(tmp_path: Path) -> None:
    end, _ = finish(_make(tmp_path, _told_kind("", ""), max_steps=2))
    assert isinstance(end, Failed)
    assert end.message.startswith("None of the texts becomes anything: what they become is empty; write it in Label.")


def test_what_is_too_long_is_told(tmp_path: Path) -> None:
    folder = _make(tmp_path, _told_kind("the a my " * 60, "some"), max_steps=2)
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    said = [one.message for one in heard if isinstance(one, Noted)]
    assert "1 texts and 0 of what they become are longer than 64 tokens, and are read up to there" in said[0]
    with pytest.raises(UserError, match=r"The text has \d+ tokens, and the model reads 64 at most; shorten it"):
        _told(folder.model, "the a my " * 60)
    with pytest.raises(UserError, match="nothing to write from"):
        _told(folder.model, " ")


@pytest.mark.parametrize("wrong", ["encoder", "tokenizer", "vocabulary"])
def test_a_folder_that_cannot_be_taught_is_refused_in_a_sentence(tmp_path: Path, wrong: str) -> None:
    base = seq2seq.bart(tmp_path / "base", **({"vocab_size": 100} if wrong == "vocabulary" else {}))
    if wrong == "encoder":
        from transformers import BertConfig, BertForMaskedLM

        sizes: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
        BertForMaskedLM(BertConfig(vocab_size=300, num_attention_heads=2, **sizes)).save_pretrained(base)
    if wrong == "tokenizer":
        (base / "tokenizer.json").unlink()
    end, _ = finish(_make(tmp_path / "run", max_steps=2, model=str(base)))
    assert isinstance(end, Failed)
    words = {
        "encoder": "is of the type “bert”, which does not read one text and write another; choose an encoder-decoder",
        "tokenizer": "has no tokenizer",
        "vocabulary": "they do not belong together",
    }
    assert words[wrong] in end.message
    assert end.message.count(". ") == 0


def test_chinese_is_written_whole(tmp_path: Path) -> None:
    def made(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
        pairs = [("我要一杯茶😀", "我想要一杯茶！"), ("明月几时有", "把酒问青天\n不知天上宫阙")]
        return [{"id": first_id + at, "source": pairs[at % 2][0], "label": pairs[at % 2][1]} for at in range(count)]

    kind = Kind(task="rewriting", rows=made, classes=())
    folder = _make(tmp_path, kind, num_train_epochs=8.0, learning_rate=5e-3)
    _, heard = finish(folder)
    told = final_of(heard, "test")
    assert told.metrics["exact_match"] == 1.0
    assert told.metrics["bleu"] == pytest.approx(100.0)
    assert "tok:zh" in told.details["signatures"]["bleu"]
    assert _text(folder.model, "明月几时有", changed(SAMPLING, {"num_beams": 1})) == "把酒问青天\n不知天上宫阙"
