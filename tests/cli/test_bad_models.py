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


def _of_images(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "preprocessor_config.json").write_text("{}")


def _of_speech(folder: Path) -> None:
    from transformers import WhisperConfig

    WhisperConfig(vocab_size=400, d_model=16).save_pretrained(folder)


def _that_rewrites(folder: Path) -> None:
    from transformers import T5Config

    T5Config(vocab_size=400, d_model=16).save_pretrained(folder)


SPOILED: tuple[tuple[str, Callable[[Path], object], str], ...] = (
    ("no config", lambda one: (one / "config.json").unlink(), "config.json is missing"),
    ("half a config", lambda one: _cut(one / "config.json", 30), "config.json” cannot be read"),
    ("no type", lambda one: (one / "config.json").write_text("{}"), "does not describe a model of the type “unknown”"),
    ("odd config", lambda one: _configure(one, hidden_size="wide"), "does not describe a model of the type “bert”"),
    ("no weights", lambda one: (one / "model.safetensors").unlink(), "has no weights: model.safetensors is missing"),
    ("pickle", _only_a_pickle, "only as a pickle, which can run foreign code; convert them"),
    ("cut weights", lambda one: _cut(one / "model.safetensors", 20_000), "cannot be loaded (Error while deserializing"),
    ("empty weights", lambda one: _cut(one / "model.safetensors", 0), "cannot be loaded"),
    ("other sizes", lambda one: _configure(one, intermediate_size=64), "do not fit its config.json"),
    ("other model", lambda one: _configure(one, num_hidden_layers=3), "do not fit its config.json (16 of them"),
    ("no tokenizer", lambda one: (one / "tokenizer.json").unlink(), "has no tokenizer: tokenizer.json is missing"),
    ("half a tokenizer", lambda one: _cut(one / "tokenizer.json", 99), "The tokenizer in “"),
    ("foreign tokenizer", _tokenizer_of_a_larger_model, "makes tokens up to number 499, the model knows only 400"),
    ("images", _of_images, "is a model of images or sounds; choose a model of texts"),
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
    assert projects.counts(trained) == (104, 104)
    assert command("evaluate", trained, 1).code == 0


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
