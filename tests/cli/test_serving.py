"""`serve` on the command line: says where it answers, answers, and ends by Ctrl+C with what it has done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_llm.jobs import formats, recipe_prompt
from desktop_llm.jobs.formats import FORMATS
from desktop_llm.jobs.model_note import NOTE
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import serving
from tests.cli.conftest import Command
from tests.serving.requests import ask

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")


@pytest.mark.loopback
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_served_export_answers_until_it_is_interrupted(trained: Path) -> None:
    model = trained / "runs" / "0001" / "model"
    words = [sys.executable, "-m", "desktop_llm", "serve", str(model), "--port", "0", "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["address"].startswith("http://127.0.0.1:")
        assert told["curl"].endswith(f"{told['address']}/predict")
        assert ask(told["address"], "/predict", {"text": "soup and bread"})[0] == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["requests"] == 1


@pytest.mark.parametrize(
    ("name", "said"), [("model.gguf", "is a GGUF export"), ("adapter_model.safetensors", "is an adapter")]
)
@pytest.mark.parametrize("verb", ["serve", "predict"])
def test_exports_for_other_programs_are_told_from_foreign_folders(
    command: Command, tmp_path: Path, name: str, said: str, verb: str
) -> None:
    (tmp_path / name).write_bytes(b"")
    told = command(verb, tmp_path, *(["soup"] if verb == "predict" else []))
    assert told.code == 1
    assert said in told.err
    assert "export the run as a Hugging Face folder or as ONNX" in told.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("MODEL --host 0.0.0.0", 2, "token of at least 16"),
        ("MODEL --port 99999", 2, "between 1 and 65535"),
        ("PROJECT", 1, "is a project"),
        ("NOWHERE", 1, "no folder"),
    ],
)
def test_what_cannot_be_served_is_told_before_anything_listens(
    command: Command, trained: Path, words: str, code: int, said: str
) -> None:
    places = {"MODEL": trained / "runs" / "0001" / "model", "PROJECT": trained, "NOWHERE": trained / "nowhere"}
    told = command("serve", *(places.get(word, word) for word in words.split()))
    assert (told.code, told.err.count("\n")) == (code, 1)
    assert said in told.err


@pytest.mark.parametrize("task", [one.name for one in TASKS.values() if recipe_prompt.GROUP in one.groups])
def test_a_model_that_is_asked_by_a_prompt_is_served_from_its_folder_alone(
    tmp_path: Path, command: Command, task: str
) -> None:
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "instruction": "Which is it?"}
    for name, told in ((NOTE, {"task": task}), ("config.json", config)):
        (tmp_path / name).write_text(json.dumps(told), encoding="utf-8")
    (tmp_path / "model.onnx").write_bytes(b"")
    refused = command("serve", tmp_path)
    assert refused.code == 1
    assert "are served from a Hugging Face folder; export the run as one." in refused.err
    assert "from a Hugging Face folder alone" in formats.note(FORMATS["onnx"], config), "it is said beforehand"
    assert formats.note(FORMATS["huggingface"], config) == ""
    assert formats.note(FORMATS["onnx"], {"architectures": ["BertForSequenceClassification"]}) == ""
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert serving.unfit(tmp_path) == ""
