"""Exports in every format: another process reads them back and finds the run's answers, or nothing is exported."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from desktop_llm.engine import export as engine
from desktop_llm.engine import gguf_file, gguf_words, ollama
from desktop_llm.engine.predict import Predictor
from desktop_llm.engine.run import run
from desktop_llm.errors import UserError
from desktop_llm.jobs import formats
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Finished
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.formats import FORMATS
from desktop_llm.nets import onnx_model
from desktop_llm.nets import tokenizer as tokenizers
from desktop_llm.store.project import Project
from desktop_llm.verbs import exporting
from desktop_llm.verbs.card import Papers
from tests import run_folders
from tests.tasks.language_modelling.fixture import FIXTURE as WRITER

TEXTS = ["soup and bread", "a train ticket to the sea, please", "x"]


@pytest.fixture
def project(trained: Path) -> Iterator[Project]:
    """A project with a trained classifier, open."""
    made = Project.open(trained)
    yield made
    made.close()


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The run of a tiny model that writes."""
    folder = run_folders.make(
        tmp_path_factory.mktemp("writer"),
        kind=WRITER.kind,
        torch_compile=False,
        vocab_size=300,
        hidden_size=64,
        num_attention_heads=2,
        num_hidden_layers=2,
        max_length=64,
        num_train_epochs=4.0,
        eval_steps=10_000,
    )
    assert isinstance(run(folder.path, lambda event: None, Control()), Finished)
    return folder


def _order(name: str, to: Path, **more: Any) -> engine.Order:
    return engine.Order(format=FORMATS[name], to=to, describe=lambda told: {"README.md": told.words()}, **more)


def test_onnx_answers_as_the_run_does_and_its_example_needs_no_torch(project: Project, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    to = tmp_path / "handed on"
    told = exporting.export(project, 1, exporting.Wish(format_name="onnx", to=to))
    assert told.same == told.answers == told.rows == 104
    assert 0 < told.difference < 1e-4
    assert not (to / "model.safetensors").exists()
    rows = [{"text": text} for text in TEXTS]
    run_says = Predictor(project.runs.folder(1).model).predict(rows)
    assert [one.label for one in Predictor(to).predict(rows)] == [one.label for one in run_says]
    words = [sys.executable, "-c", _WITHOUT_TORCH, str(to / "example.py"), *TEXTS]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == [one.label for one in run_says]
    smaller = tmp_path / "smaller"
    smaller.mkdir()
    onnx_model.quantise(to / "model.onnx", smaller / "model.onnx")
    for file in ("config.json", "tokenizer.json", "tokenizer_config.json", "desktop_llm.json"):
        (smaller / file).write_bytes((to / file).read_bytes())
    outputs, exact = Predictor(smaller).outputs(rows), Predictor(to).outputs(rows)
    assert isinstance(outputs, torch.Tensor)
    assert isinstance(exact, torch.Tensor)
    assert not torch.equal(outputs, exact)
    assert torch.equal(outputs.argmax(-1), exact.argmax(-1))


_WITHOUT_TORCH = """
import runpy, sys
sys.modules["torch"] = sys.modules["transformers"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize(("name", "least"), [("gguf-f16", 0.98), ("gguf-q4_0", 0.5)])
def test_a_writer_as_gguf_is_read_by_transformers(writer: RunFolder, tmp_path: Path, name: str, least: float) -> None:
    pytest.importorskip("gguf")
    told = engine.export(writer, _order(name, tmp_path / "out"))
    assert told.share >= least
    assert 0 < told.difference < (0.05 if name == "gguf-f16" else 5)
    assert told.size < told.size_before
    assert "FROM ./model.gguf" in (tmp_path / "out" / "Modelfile").read_text(encoding="utf-8")
    assert {one.name for one in (tmp_path / "out").iterdir()} == {
        "model.gguf",
        "Modelfile",
        "README.md",
        "MANIFEST.json",
    }


def _bert() -> tuple[BertForSequenceClassification, PreTrainedTokenizerFast]:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "soup", "tr", "##ain", "bread"]
    made = Tokenizer(models.WordPiece({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
    config = BertConfig(
        vocab_size=12, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        id2label=dict(enumerate("xyz")), max_position_embeddings=16, architectures=["BertForSequenceClassification"],
    )  # fmt: skip
    torch.manual_seed(3)
    return BertForSequenceClassification(config).train(False), tokenizer


def test_a_classifier_as_gguf_keeps_all_of_it(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    model, tokenizer = _bert()
    file = tmp_path / gguf_file.NAME
    gguf_file.write(model, tokenizer, file, "Q8_0", "trial", lambda done, total: None)
    other = BertForSequenceClassification(model.config).train(False)
    gguf_file.fill(other, file)
    ids = torch.tensor([[2, 5, 6, 7, 3]])
    with torch.inference_mode():
        difference = float((model(input_ids=ids).logits - other(input_ids=ids).logits).abs().max())
    assert 0 < difference < 0.02
    reader = gguf.GGUFReader(str(file))
    told = reader.fields["tokenizer.ggml.tokens"]
    tokens = [bytes(told.parts[at]).decode() for at in told.data]
    assert tokens[2:9] == ["[CLS]", "[SEP]", "[MASK]", "▁soup", "▁tr", "ain", "▁bread"]
    kinds = {one.name: one.tensor_type.name for one in reader.tensors}
    assert (kinds["blk.0.attn_q.weight"], kinds["cls.weight"], kinds["blk.0.attn_q.bias"]) == ("Q8_0", "F32", "F32")


def test_a_tokenizer_that_gguf_would_read_otherwise_is_refused(writer: RunFolder, tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    model, tokenizer = _bert()
    backend: Any = tokenizer.backend_tokenizer
    backend.normalizer = normalizers.BertNormalizer(lowercase=False)
    with pytest.raises(UserError, match="capital letters"):
        gguf_file.write(model, tokenizer, tmp_path / "a.gguf", "F16", "", lambda done, total: None)
    with pytest.raises(UserError, match="no name"):
        gguf_words._cutting({"normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "ByteLevel"}})
    writes, _ = engine._loaded(writer.model)
    for characters in (tokenizers.train_characters(TEXTS, 300), tokenizers.train_characters(["▁ ▁"], 300)):
        with pytest.raises(UserError, match="spaces"):
            gguf_file.write(writes, characters, tmp_path / "b.gguf", "F16", "", lambda done, total: None)


def test_an_export_that_answers_otherwise_never_appears(
    writer: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(run: RunFolder, order: engine.Order, filling: Path) -> None:
        engine._folder(run, order, filling)
        state = load_file(filling / "model.safetensors")
        name = next(name for name in state if "q_proj" in name)
        state[name] = state[name] + 0.05
        save_file(state, filling / "model.safetensors", metadata={"format": "pt"})

    monkeypatch.setattr(engine, "FILLERS", {**engine.FILLERS, "folder": spoilt})
    with pytest.raises(UserError, match="answers differently"):
        engine.export(writer, _order("huggingface", tmp_path / "place" / "out"))
    assert list((tmp_path / "place").iterdir()) == []


def test_an_export_that_cannot_be_loaded_never_appears(
    writer: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def empty(run: RunFolder, order: engine.Order, filling: Path) -> None:
        (filling / "config.json").write_text("{}")

    monkeypatch.setattr(engine, "FILLERS", {**engine.FILLERS, "folder": empty})
    with pytest.raises(UserError, match="cannot be loaded again"):
        engine.export(writer, _order("huggingface", tmp_path / "place" / "out"))
    assert list((tmp_path / "place").iterdir()) == []


def test_one_file_holds_card_lock_and_example(project: Project, tmp_path: Path) -> None:
    to = tmp_path / "model.zip"
    papers = Papers(licence="apache-2.0", data_licence="our own", language="en, zh")
    told = exporting.export(project, 1, exporting.Wish(to=to, zipped=True, papers=papers))
    assert told.difference == 0
    with zipfile.ZipFile(to) as packed:
        assert packed.testzip() is None
        files = {name.removeprefix("model/"): packed.read(name) for name in packed.namelist()}
    assert {"model.safetensors", "README.md", "example.py", "requirements.txt", "MANIFEST.json"} <= set(files)
    card = files["README.md"].decode()
    _, head, body = card.split("---\n", 2)
    metadata = yaml.safe_load(head)
    assert (metadata["license"], metadata["language"]) == ("apache-2.0", ["en", "zh"])
    assert metadata["model-index"][0]["results"][0]["metrics"][0]["type"] == "accuracy"
    assert "its data: our own" in body
    assert "all 104 answers are the same" in body
    assert files["example.py"].decode() in body
    assert any(line.startswith("torch==") for line in files["requirements.txt"].decode().splitlines())
    assert list(tmp_path.glob(".*")) == []
    with pytest.raises(UserError, match="there already"):
        exporting.export(project, 1, exporting.Wish(to=to, zipped=True))


def test_what_a_run_cannot_have_is_said_before_anything_is_done(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {one.format.name: one for one in exporting.choices(project, 1)}
    assert "no adapter" in told["adapter"].unfit
    assert "GGUF is written for" in told["gguf-f16"].unfit
    assert told["huggingface"].unfit == told["onnx"].unfit == ""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="-m pip install onnx onnxscript onnxruntime"):
        exporting.export(project, 1, exporting.Wish(format_name="onnx", to=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("platform", "python", "written"),
    [
        (
            "win32",
            r"C:\Program Files\Python\python.exe",
            r'"C:\Program Files\Python\python.exe" -m pip install no_such',
        ),
        ("linux", "/home/a b/python", "'/home/a b/python' -m pip install no_such"),
    ],
)
def test_a_command_is_quoted_as_its_system_reads_it(
    monkeypatch: pytest.MonkeyPatch, platform: str, python: str, written: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(sys, "executable", python)
    assert formats.command(("no_such", "json")) == written


def test_a_comparison_counts_what_it_says() -> None:
    told = formats.Compared(rows=10, answers=10, same=8, difference=0.5, figures={"Accuracy": (0.9, 0.8)})
    assert "answers differently" in told.refusal(FORMATS["onnx"])
    assert "8 of 10 answers" in told.refusal(FORMATS["onnx-int8"])
    assert told.refusal(FORMATS["gguf-q5_0"]) == ""
    assert formats.Compared(rows=1, answers=1, same=1, difference=float("inf")).refusal(FORMATS["onnx"])
    assert "on these rows, of which the run may have learned: 0.9000 before, 0.8000 now" in told.words()
    assert json.dumps(formats.to_json(told))


DEFAULT = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}<s>be kind</s>{% endif %}"
    "<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
LAST_ONLY = "{% for m in messages %}{% if loop.last %}[{{ m['content'] }}]{% endif %}{% endfor %}"


def test_a_chat_template_becomes_one_of_ollama_only_where_it_says_the_same() -> None:
    _, tokenizer = _bert()
    tokenizer.chat_template = DEFAULT
    parts = ollama.parts_of(tokenizer)
    assert parts is not None
    assert (parts.lead, parts.asks, parts.around["user"]) == ("<s>be kind</s>", "<assistant>", ("<user>", "\n"))
    text = ollama.modelfile(tokenizer, "model.gguf", ["<|end|>"], 64)
    assert 'PARAMETER stop "<|end|>"' in text
    assert '{{ else if eq .Role "assistant" }}<assistant>{{ .Content }}\n{{ end }}{{ end }}<assistant>"""' in text
    tokenizer.chat_template = LAST_ONLY
    assert ollama.parts_of(tokenizer) is None
    assert 'TEMPLATE "' not in ollama.modelfile(tokenizer, "model.gguf", [], 64)
