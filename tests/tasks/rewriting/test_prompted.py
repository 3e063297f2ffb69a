"""A tiny language model that makes one text of another by a prompt: learned, written, adapted, handed on, refused."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_llm.cli import main
from desktop_llm.engine.export import Order, export
from desktop_llm.engine.generator import Generator
from desktop_llm.engine.predict import Predictor
from desktop_llm.engine.shrink import Cut, shrink
from desktop_llm.errors import UserError
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.events import Event, Failed, Finished, Noted
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.formats import FORMATS
from desktop_llm.jobs.generation import Ending, Piece, Sampling, changed
from desktop_llm.nets.head_loss import IGNORED
from desktop_llm.serving.server import served_of
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.rewriting.labels import SAMPLING
from tests import run_folders
from tests.nets import templates
from tests.outside import Outside
from tests.run_ends import final_of, finish
from tests.run_folders import FILLER, TINY, Kind
from tests.tasks.rewriting.fixture import rows

TASK = TASKS["rewriting"]
SAY = "Next."
GREEDY = changed(SAMPLING, {"num_beams": 1})
BOTH = pytest.mark.parametrize("name", ["chatml", ""], ids=["template", "plain"])


def _next(text: str) -> str:
    """Each word becomes another."""
    return " ".join(FILLER[(FILLER.index(word) + 3) % len(FILLER)] for word in text.split())


def _words(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
    return [{**row, "label": _next(row["source"])} for row in rows(count, seed=seed, first_id=first_id)]


WORDS = Kind(task="rewriting", rows=_words, classes=())


def _make(path: Path, model: Path, kind: Kind = WORDS, **values: Any) -> RunFolder:
    told = {
        "max_length": 64,
        "eval_steps": 10_000,
        "per_device_train_batch_size": 4,
        "torch_compile": False,
        "instruction": SAY,
        "label_smoothing_factor": 0.0,
        **values,
    }
    return run_folders.make(path, kind=kind, model=str(model), **told)


def _text(folder: Path, text: str, sampling: Sampling = SAMPLING) -> str:
    *pieces, ending = Generator(folder).write({"source": text}, sampling)
    assert isinstance(ending, Ending)
    return "".join(one.text for one in pieces if not isinstance(one, Ending))


def _elsewhere(folder: Path, texts: Iterable[str]) -> list[str]:
    """What transformers alone makes of texts."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    told = []
    for text in texts:
        asked = [{"role": "user", "content": f"{SAY}\n\n{text}"}]
        given = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        made = model.generate(**given, do_sample=False)[0, given["input_ids"].shape[1] :]
        told.append(tokenizer.decode(made, skip_special_tokens=True).strip())
    return told


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, list[Event]]:
    """A run that has learned, by and large, which word becomes which."""
    path = tmp_path_factory.mktemp("prompted")
    base = templates.llama(path / "base")
    folder = _make(path / "run", base, count=200, learning_rate=6e-3, num_train_epochs=12.0)
    end, heard = finish(folder)
    assert isinstance(end, Finished), end
    return folder, heard


@BOTH
def test_only_the_answers_tokens_are_learned_and_measured_as_by_transformers(tmp_path: Path, name: str) -> None:
    from transformers import AutoModelForCausalLM

    base = templates.llama(tmp_path / "base", name)
    folder = _make(tmp_path / "run", base)
    learner: Any = TASK.open_learn().build(folder.job(), lambda _: [], None, lambda *_: None)
    told = _words(6)
    examples = learner.encode(told, lambda *_: None)
    tokenizer = learner.tokenizer
    end = tokenizer.convert_tokens_to_ids(templates.TEMPLATES[name][0] if name else "</s>")
    wanted = [[*tokenizer(row["label"], add_special_tokens=False)["input_ids"], end] for row in told]
    blocks = learner.pack(examples)
    labels = torch.cat([learner.collate(blocks, [place])["labels"].flatten() for place in range(len(blocks))])
    assert sorted(labels[labels != IGNORED].tolist()) == sorted(token for one in wanted for token in one)
    model: Any = AutoModelForCausalLM.from_pretrained(base)
    learner.model.train(False)
    for place, row in enumerate(told):
        batch = learner.collate(examples, [place])
        lines = batch["labels"][0]
        assert lines[lines != IGNORED].tolist() == wanted[place]
        asked = [{"role": "user", "content": f"{SAY}\n\n{row['source']}"}]
        text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        given = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids = torch.tensor([[*given, *wanted[place]]])
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, len(given) - 1 : -1]
        mean = torch.nn.functional.cross_entropy(logits, ids[0, len(given) :])
        output = learner.outputs(batch)[0]
        assert float(output[0]) == pytest.approx(float(mean), rel=1e-4)
        assert int(output[1]) == len(wanted[place])


def test_it_learns_to_write_and_is_asked_elsewhere_as_here(learned: tuple[RunFolder, list[Event]]) -> None:
    folder, heard = learned
    told = final_of(heard, "test")
    assert told.metrics["chrf"] > 55
    assert told.metrics["loss"] < 1.0
    assert told.details["compared"] == told.details["texts"] == 16
    texts = [str(row["source"]) for row in snapshot.rows(folder.snapshot, "test")][:4]
    said = Predictor(folder.model).predict([{"source": text} for text in texts])
    assert [one.label for one in said] == _elsewhere(folder.model, texts)
    assert all(0.0 < one.probability <= 1.0 for one in said)
    assert [_text(folder.model, text, GREEDY).strip() for text in texts] == [one.label for one in said]
    config = json.loads((folder.model / "config.json").read_text(encoding="utf-8"))
    assert config["instruction"] == SAY


def test_beams_find_what_is_at_least_as_likely(learned: tuple[RunFolder, list[Event]]) -> None:
    folder, _ = learned
    *pieces, ending = Generator(folder.model).write({"source": "the old"}, SAMPLING)
    assert isinstance(ending, Ending)
    assert ending.reason == "end"
    assert ending.prompt > len(pieces) > 0
    free = changed(GREEDY, {"temperature": 3.0, "seed": 7, "max_new_tokens": 12})
    again = changed(free, {"seed": 8})
    assert _text(folder.model, "near my", free) == _text(folder.model, "near my", free)
    assert _text(folder.model, "near my", free) != _text(folder.model, "near my", again)


@pytest.mark.parametrize("name", ["huggingface", "gguf-f16"])
def test_it_is_handed_on_with_its_prompt(
    learned: tuple[RunFolder, list[Event]], tmp_path: Path, name: str, outside: Outside
) -> None:
    from desktop_llm.verbs import export_example

    folder, _ = learned
    kind = FORMATS[name]
    config = json.loads((folder.model / "config.json").read_text(encoding="utf-8"))
    script = export_example.script(TASK, folder.job().recipe, kind, config)
    out = tmp_path / "out"
    told = export(folder, Order(format=kind, to=out, describe=lambda _: {"example.py": script}))
    assert told.same >= 0.98 * told.answers > 0
    if name != "huggingface":
        assert f"#   {SAY}\n#\n#   {{text}}" in (out / "Modelfile").read_text(encoding="utf-8")
    shown = outside(Path("example.py"), "the old", folder=out)
    (said,) = Predictor(folder.model).predict([{"source": "the old"}])
    assert shown.splitlines()[-1] == said.label
    if name == "huggingface":
        served = served_of(out)
        assert served.write is not None
        pieces = list(served.write({"source": "the old"}, GREEDY, lambda: False))
        assert "".join(one.text for one in pieces if isinstance(one, Piece)).strip() == said.label


@pytest.mark.parametrize("known", [True, False], ids=["with answers", "without"])
def test_without_unused_tokens_it_is_asked_as_before(
    learned: tuple[RunFolder, list[Event]], tmp_path: Path, known: bool
) -> None:
    given = [row if known else {**row, "label": None} for row in _words(40)]
    model = learned[0].model
    told = shrink(model, TASK.name, Cut(tokens=True), tmp_path / "own", texts=lambda: given, held_out=[])
    assert told.tokens < told.tokens_before
    read = [_read(path, given[0]) for path in (tmp_path / "own", model)]
    assert read[0] == read[1]
    assert SAY in read[0]
    if known:
        assert _text(tmp_path / "own", given[0]["source"], GREEDY) == _text(model, given[0]["source"], GREEDY)


def _read(folder: Path, row: dict[str, Any]) -> str:
    """What a model is given for a row."""
    learner: Any = Predictor(folder).learner
    return str(learner.tokenizer.decode(learner.opening(row, 1)))


def test_without_any_text_no_token_can_be_left_out(learned: tuple[RunFolder, list[Event]], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There are no texts whose tokens could be kept"):
        shrink(learned[0].model, TASK.name, Cut(tokens=True), tmp_path / "own", texts=lambda: [], held_out=[])
    assert not (tmp_path / "own").exists()


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_an_adapter_loads_with_peft_alone_and_the_merged_model_says_the_same(tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = templates.llama(tmp_path / "base", "")
    folder = _make(tmp_path / "run", base, lora_r=4, learning_rate=2e-2, max_steps=12)
    end, _ = finish(folder)
    assert isinstance(end, Finished), end
    ids = torch.tensor([[*range(5, 40)]])
    before = AutoModelForCausalLM.from_pretrained(base)
    merged: Any = AutoModelForCausalLM.from_pretrained(folder.model)
    with torch.no_grad():
        start = before(input_ids=ids).logits
        ours = merged(input_ids=ids).logits
        theirs = PeftModel.from_pretrained(before, str(folder.adapter))(input_ids=ids).logits
    torch.testing.assert_close(theirs, ours, atol=1e-4, rtol=1e-4)
    assert float((ours - start).abs().max()) > 0.05
    texts = ["the old", "my new some"]
    assert [one.label for one in Predictor(folder.model).predict([{"source": text} for text in texts])] == _elsewhere(
        folder.model, texts
    )


def _odd(source: str, label: str) -> Kind:
    def made(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
        plain = _words(count, seed=seed, first_id=first_id)
        return [*plain, {"id": first_id + count, "source": source, "label": label}]

    return Kind(task="rewriting", rows=made, classes=())


def test_what_is_cut_and_what_is_left_out_is_told(tmp_path: Path) -> None:
    base = templates.llama(tmp_path / "base")
    for name, kind, words in (
        ("cut", _odd("the a my " * 60, "some"), "1 texts are cut, as they are longer with their prompt"),
        ("out", _odd("the", "some a my " * 60), "1 texts are left out: what they become has no room beside the prompt"),
    ):
        end, heard = finish(_make(tmp_path / name, base, kind, max_steps=2))
        assert isinstance(end, Finished), end
        said = [one.message for one in heard if isinstance(one, Noted)]
        assert any(one.startswith(words) and "(the model can read 128)" in one for one in said), said
    with pytest.raises(UserError, match=r"The text has \d+ tokens, and the model reads 128 at most; shorten it"):
        _text(tmp_path / "cut" / "model", "the a my " * 60)
    with pytest.raises(UserError, match="nothing to write from"):
        _text(tmp_path / "cut" / "model", " ")


@pytest.mark.parametrize("wrong", ["instruction", "length", "template"])
def test_what_cannot_be_taught_is_refused_in_a_sentence(tmp_path: Path, wrong: str) -> None:
    base = templates.llama(tmp_path / "base")
    wishes: dict[str, dict[str, Any]] = {"instruction": {"instruction": "the a my " * 90}, "length": {"max_length": 16}}
    values = wishes.get(wrong, {})
    if wrong == "template":
        (base / "chat_template.jinja").write_text(templates.read("blind"), encoding="utf-8")
    end, _ = finish(_make(tmp_path / "run", base, max_steps=2, **values))
    assert isinstance(end, Failed)
    words = {
        "instruction": "and the model reads 128 at most; shorten “instruction”",
        "length": "No text fits with its prompt and what it becomes into the 16 tokens",
        "template": "has no generation marker",
    }
    assert words[wrong] in end.message
    assert end.message.count(". ") == 0


def test_from_a_file_to_a_text_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def say(*words: object) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert main([str(word) for word in words]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]

    project, out = tmp_path / "project", tmp_path / "out"
    file = tmp_path / "in.jsonl"
    file.write_text(
        "".join(json.dumps({"source": f"{one} {at}", "target": one}) + "\n" for at, one in enumerate(FILLER * 4))
    )
    base = templates.llama(tmp_path / "base")
    say("new", project, "--task", TASK.name)
    say("import", project, file)
    values = {key: value for key, value in TINY.items() if key not in run_folders.SIZES}
    wishes = {**values, "max_length": 64, "model": base, "instruction": SAY, "max_steps": 3, "torch_compile": "false"}
    told = [word for key, value in wishes.items() for word in ("--set", f"{key}={value}")]
    say("train", project, *told)
    (said,) = say("predict", project, 1, "the 5", "--max-new-tokens", 4, "--json")
    say("export", project, 1, "--to", out)
    (again,) = say("predict", out, "the 5", "--max-new-tokens", 4, "--json")
    assert again["continuation"] == said["continuation"]
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "pipeline_tag: text-generation" in card
    assert f'PROMPT = "{SAY}\\n\\n{{text}}"' in card
    assert f"| `instruction` | {SAY} |" in card
