"""Model folders and places to export to that are not what they should be: one sentence, and nothing lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import projects
from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]
FULL = """
import resource, sys
from pathlib import Path
from desktop_llm.cli import main
room = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture
def model(command: Command, trained: Path, tmp_path: Path) -> Path:
    """A whole folder of a tiny BERT that tells food from travel, to be spoiled."""
    from transformers import BertConfig, BertForSequenceClassification

    to = tmp_path / "model"
    assert command("export", trained, 1, "--to", to).code == 0
    (to / "MANIFEST.json").unlink(missing_ok=True)  # else any change is told as damage
    config = BertConfig(
        vocab_size=400,
        hidden_size=16,
        intermediate_size=32,
        max_position_embeddings=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        id2label={0: "food", 1: "travel"},
        pad_token_id=0,
    )
    BertForSequenceClassification(config).save_pretrained(to)
    assert command("predict", to, "soup and bread").code == 0
    return to


def _configure(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def _cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def _only_a_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _tokenizer_of_a_larger_model(folder: Path) -> None:
    """As when tokenizer.json was copied from another folder."""
    path = folder / "tokenizer.json"
    told = json.loads(path.read_text())
    told["model"]["vocab"] |= {f"more{number}": number for number in range(400, 500)}
    path.write_text(json.dumps(told))


def _a_shard_is_lost(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    told = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(told))


def _an_adapter(folder: Path) -> None:
    """As peft writes it: weights and a config of its own."""
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    (folder / "config.json").rename(folder / "adapter_config.json")


def _of_own_code(folder: Path) -> None:
    """It would write a file if it was run."""
    ran = f"open({str(folder / 'ran')!r}, 'w').close()"
    for name in ("configuration_own", "modeling_own"):
        (folder / f"{name}.py").write_text(ran)
    told = {"AutoConfig": "configuration_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"}
    _configure(folder, model_type="own", auto_map=told)


def _marks_beyond_the_model(folder: Path) -> None:
    """As when a chat tokenizer brings marks along for which the model was not made larger."""
    path = folder / "tokenizer.json"
    told = json.loads(path.read_text())
    told["added_tokens"].append({**told["added_tokens"][0], "id": 400, "content": "<|im_end|>"})
    path.write_text(json.dumps(told))


def _of_images(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "preprocessor_config.json").write_text("{}")


def _of_speech(folder: Path) -> None:
    from transformers import WhisperConfig

    WhisperConfig(vocab_size=400, d_model=16, pad_token_id=0, decoder_start_token_id=1).save_pretrained(folder)


def _that_rewrites(folder: Path) -> None:
    from transformers import T5Config

    T5Config(vocab_size=400, d_model=16).save_pretrained(folder)


SPOILED: tuple[tuple[str, Callable[[Path], object], str], ...] = (
    ("no config", lambda one: (one / "config.json").unlink(), "config.json is missing"),
    ("half a config", lambda one: _cut(one / "config.json", 30), "config.json” cannot be read"),
    ("no type", lambda one: (one / "config.json").write_text("{}"), "does not describe a model of the type “unknown”"),
    ("odd config", lambda one: _configure(one, hidden_size="wide"), "does not describe a model of the type “bert”"),
    ("no weights", lambda one: (one / "model.safetensors").unlink(), "has no weights: model.safetensors is missing"),
    ("pickle", _only_a_pickle, "only as a pickle, which can run foreign code; convert them to model.safetensors first"),
    ("cut weights", lambda one: _cut(one / "model.safetensors", 20_000), "are damaged (it has 20,000 bytes instead of"),
    ("empty weights", lambda one: _cut(one / "model.safetensors", 0), "are damaged (it does not begin as safetensors"),
    ("garbage", lambda one: (one / "model.safetensors").write_bytes(b"<html>404</html>" * 99), "are damaged"),
    ("lost shard", _a_shard_is_lost, "model-00002-of-00002.safetensors”, is missing"),
    ("adapter", _an_adapter, "is an adapter, not a whole model; choose the folder of the merged model"),
    ("other sizes", lambda one: _configure(one, intermediate_size=64), "do not fit its config.json"),
    ("other model", lambda one: _configure(one, num_hidden_layers=3), "do not fit its config.json (16 of them"),
    ("no tokenizer", lambda one: (one / "tokenizer.json").unlink(), "has no tokenizer: tokenizer.json is missing"),
    ("half a tokenizer", lambda one: _cut(one / "tokenizer.json", 99), "The tokenizer in “"),
    ("foreign tokenizer", _tokenizer_of_a_larger_model, "makes tokens up to number 499, the model knows only 400"),
    ("images", _of_images, "is a model of images or sounds; choose a model of texts"),
    ("padding", lambda one: _configure(one, pad_token_id=400), "names the token number 400 (pad_token_id), the model"),
    ("start", lambda one: _configure(one, decoder_start_token_id=9999), "number 9,999 (decoder_start_token_id)"),
    ("marks", _marks_beyond_the_model, "makes tokens up to number 400, the model knows only 400"),
    ("own code", _of_own_code, "needs code of its own (auto_map in config.json), which is never run here; choose"),
    ("unknown type", lambda one: _configure(one, model_type="bort9"), "a model of the type “bort9” that can be loaded"),
    ("speech", _of_speech, "of the type “whisper”, which cannot be trained to classify here; choose an encoder"),
    ("rewriting", _that_rewrites, "of the type “t5”, which cannot be trained to classify here"),
)


@pytest.mark.parametrize(("spoil", "told"), [one[1:] for one in SPOILED], ids=[one[0] for one in SPOILED])
def test_a_spoiled_model_folder(
    command: Command, trained: Path, model: Path, spoil: Callable[[Path], object], told: str
) -> None:
    spoil(model)
    for words in (
        ("train", trained, *projects.settings(model=model)),
        ("train", trained, *projects.settings(model=model), "--estimate"),
        ("predict", model, "soup and bread"),
    ):
        said = command(*words)
        assert said.code == 1
        assert told in said.err
        assert str(model) in said.err
        assert said.err.rstrip().endswith(".")
        assert not (model / "ran").exists()
    assert projects.counts(trained) == (104, 104)
    assert command("evaluate", trained, 1).code == 0


def test_a_pickle_is_told_how_to_convert(command: Command, trained: Path, model: Path) -> None:
    from transformers import BertForSequenceClassification

    pickle = model / "pytorch_model.bin"
    made = BertForSequenceClassification.from_pretrained(model)
    (model / "model.safetensors").unlink()
    pickle.write_bytes(b"\x80\x02cos\nsystem\n.")
    said = command("train", trained, *projects.settings(model=model))
    assert "load it with transformers’ from_pretrained and write it with save_pretrained into a new folder" in said.err
    made.save_pretrained(model)
    assert command("train", trained, *projects.settings(model=model, max_steps=2)).code == 0


def test_more_is_asked_for_at_once_than_the_model_reads(command: Command, trained: Path, model: Path) -> None:
    said = command("train", trained, *projects.settings(model=model, max_length=200, max_steps=2))
    assert said.code == 0
    assert "reads at most 32 tokens at once" in said.out
    said = command("train", trained, *projects.settings(model=model, max_length=32, max_steps=2))
    assert "reads at most" not in said.out


def test_a_row_of_a_hundred_thousand_tokens(command: Command, trained: Path, tmp_path: Path) -> None:
    file = projects.write_csv(tmp_path / "long.csv", [{"text": "soup and bread " * 34_000, "label": "food"}])
    assert command("import", trained, file, "--split", "train").code == 0
    said = command("train", trained, *projects.settings(max_steps=2))
    assert said.code == 0
    assert "1 texts are far longer than the 32 tokens that are read of each" in said.out


def test_a_model_for_another_task_gives_its_body(command: Command, trained: Path, model: Path) -> None:
    """What is missing above the body is learned anew: here a head of other classes and the pooler."""
    from safetensors.torch import load_file, save_file

    weights = load_file(model / "model.safetensors")
    body = {name: value for name, value in weights.items() if "pooler" not in name and "classifier" not in name}
    save_file(body, model / "model.safetensors", metadata={"format": "pt"})
    assert command("train", trained, *projects.settings(model=model, max_steps=2)).code == 0


def test_a_model_that_writes_text_can_be_trained(command: Command, trained: Path, model: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    (model / "model.safetensors").unlink()
    config = GPT2Config(vocab_size=400, n_embd=16, n_layer=1, n_head=2, n_positions=32)
    GPT2LMHeadModel(config).save_pretrained(model)
    to = model.with_name("again")
    assert command("train", trained, *projects.settings(model=model, max_steps=2)).code == 0
    assert command("export", trained, 2, "--to", to).code == 0
    assert command("predict", to, "soup").code == 0
    card = (to / "README.md").read_text(encoding="utf-8")
    assert "Started from `model`" in card
    assert str(model) not in card


def test_an_export_never_covers_what_is_there(command: Command, trained: Path, tmp_path: Path) -> None:
    full, file, empty = tmp_path / "full", tmp_path / "notes.txt", tmp_path / "empty"
    full.mkdir()
    empty.mkdir()
    (full / "thesis.txt").write_text("years of work")
    file.write_text("more work")
    for to, told in (
        (full, "is there already and not empty; choose a new folder"),
        (file, "is a file; choose a new folder"),
        (file / "below", "is there already; choose another place"),
        (trained, "is there already and not empty"),
        (trained / "runs" / "0001" / "model", "is there already and not empty"),
    ):
        said = command("export", trained, 1, "--to", to)
        assert said.code == 1
        assert f"“{to}”" in said.err
        assert told in said.err
    assert [one.name for one in full.iterdir()] == ["thesis.txt"]
    assert file.read_text() == "more work"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["Tickets", "empty", "full", "notes.txt"]
    assert command("export", trained, 1, "--to", empty).code == 0
    assert command("check", trained).code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
def test_a_full_disk_leaves_no_part_of_an_export(trained: Path, tmp_path: Path) -> None:
    weights = (trained / "runs" / "0001" / "model" / "model.safetensors").stat().st_size
    words = ["export", str(trained), "1", "--to", str(tmp_path / "handed on")]
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(weights - 1), *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1
    assert f"Could not export to “{tmp_path / 'handed on'}”" in done.stderr
    assert sorted(one.name for one in tmp_path.iterdir()) == ["Tickets"]
    assert projects.counts(trained) == (104, 104)


def test_a_damaged_run_is_not_exported(command: Command, trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / "project.db", trained / "runs" / "0001" / "model" / "model.safetensors")
    said = command("export", trained, 1, "--to", tmp_path / "handed on")
    assert said.code == 1
    assert "has no whole model (model.safetensors has" in said.err
    assert not (tmp_path / "handed on").exists()
