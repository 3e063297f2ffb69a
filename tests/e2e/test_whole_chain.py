"""The whole chain by mouse and keyboard through the real window: project, import, labels, training, results, export."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.pages.train import TrainPage
from desktop_llm.gui.window import MainWindow
from tests import run_folders
from tests.windows import LONG, click, find

LABELED, UNLABELED = 60, 24
TINY = {
    "vocab_size": 400,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_length": 32,
    "num_train_epochs": 20.0,
    "learning_rate": 3e-3,
    "device": "cpu",
}
OUTSIDE = """
import json, sys
from transformers import AutoModelForSequenceClassification, AutoTokenizer
import torch
folder, text = sys.argv[1:]
model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
with torch.no_grad():
    logits = model(**tokenizer([text], return_tensors="pt")).logits
assert "desktop_llm" not in sys.modules
print(json.dumps({"labels": sorted(model.config.id2label.values()), "logits": logits[0].tolist()}))
"""


def _write_file(path: Path) -> Path:
    rows = run_folders.rows(LABELED + UNLABELED)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["message", "topic", "channel"])
        for place, row in enumerate(rows):
            writer.writerow([row["text"], row["label"] if place < LABELED else "", "chat"])
    return path


def _make_project(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.keyClicks(find(window, QLineEdit, "projects.name"), "Trips")
    click(qtbot, window, "projects.new")
    qtbot.waitUntil(lambda: window.hub.project is not None and window.page_name == "data", timeout=LONG)


def _import(qtbot: QtBot, window: MainWindow, file: Path) -> int:
    page = window.page("data")
    assert isinstance(page, DataPage)
    page.import_files([file])
    click(qtbot, window, "data.go")
    project = window.hub.project
    assert project is not None
    qtbot.waitUntil(lambda: project.items.counts().total > 0, timeout=LONG)
    click(qtbot, window, "data.done")
    return project.items.counts().total


def _label_by_key(qtbot: QtBot, window: MainWindow, count: int) -> None:
    """Twenty labels by their keys; each is in the store before the next text is shown."""
    click(qtbot, window, "rail.label")
    page, project = window.page("label"), window.hub.project
    assert isinstance(page, LabelPage)
    assert project is not None
    qtbot.waitUntil(lambda: page.item is not None, timeout=LONG)
    keys = {one.name: one.key for one in project.classes.all()}
    for _ in range(count):
        item = page.item
        assert item is not None
        food = any(word in item.content["text"].split() for word in run_folders.WORDS["food"])
        qtbot.keyClicks(page, keys["food" if food else "travel"])
        stored = project.items.get(item.id)
        assert stored is not None
        assert stored.value is not None
        assert page.item is None or page.item.id != item.id
    last = page.item
    qtbot.keyClick(page, Qt.Key.Key_Backspace)
    undone = page.item
    assert undone is not None
    assert undone.value is None
    assert last is None or undone.id != last.id
    qtbot.keyClick(page, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)


def _labeled(window: MainWindow) -> int:
    project = window.hub.project
    assert project is not None
    return project.items.counts().labeled


def _train(qtbot: QtBot, window: MainWindow) -> None:
    click(qtbot, window, "rail.train")
    page = window.page("train")
    assert isinstance(page, TrainPage)
    for key, value in TINY.items():
        page.setup.set_value(key, value)
    click(qtbot, window, "train.start")
    qtbot.waitUntil(lambda: page.live.plots["loss"].points("training") > 5, timeout=LONG)
    qtbot.waitUntil(lambda: not window.hub.is_training, timeout=LONG)
    assert page.live.plots["loss"].points("validation") > 0
    for name in ("learning_rate", "grad_norm", "tokens_per_second", "memory"):
        assert page.live.plots[name].points(name) == page.live.plots["loss"].points("training")


def _export(qtbot: QtBot, window: MainWindow, to: Path) -> None:
    click(qtbot, window, "results.export")
    qtbot.waitUntil(lambda: window.page_name == "export", timeout=LONG)
    folder = find(window, QLineEdit, "export.folder")
    qtbot.waitUntil(lambda: bool(folder.text()), timeout=LONG)
    folder.setText(str(to))
    click(qtbot, window, "export.go")
    result = find(window, QLabel, "export.result")
    qtbot.waitUntil(lambda: str(to) in result.text(), timeout=LONG)
    assert str(to) in result.text()


@pytest.mark.spawned
@pytest.mark.timeout(280)
def test_from_a_file_to_a_model_that_others_load(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    loaded = frozenset(sys.modules)
    _make_project(qtbot, window)
    assert _import(qtbot, window, _write_file(tmp_path / "messages.csv")) > 70
    before = _labeled(window)
    _label_by_key(qtbot, window, 20)
    assert _labeled(window) == before + 20
    _train(qtbot, window)
    assert not {"torch", "transformers", "sklearn"} & (set(sys.modules) - loaded)
    click(qtbot, window, "rail.results")
    qtbot.waitUntil(lambda: find(window, QPushButton, "results.export").isEnabled(), timeout=LONG)
    project = window.hub.project
    assert project is not None
    run = project.runs.get(1)
    assert run.state == "finished"
    assert run.metrics["test"]["accuracy"] >= 0.75
    _export(qtbot, window, tmp_path / "handed on")
    _ask(qtbot, window)
    told = _load_outside(tmp_path / "handed on", "a train and a ticket", tmp_path)
    assert told["labels"] == ["food", "travel"]


def _ask(qtbot: QtBot, window: MainWindow) -> None:
    click(qtbot, window, "rail.try")
    qtbot.waitUntil(lambda: window.findChild(QPlainTextEdit, "try.text") is not None, timeout=LONG)
    text = find(window, QPlainTextEdit, "try.text")
    qtbot.waitUntil(text.isVisible, timeout=LONG)
    qtbot.keyClicks(text, "soup and bread")
    answer = find(window, QLabel, "try.answer")
    qtbot.waitUntil(lambda: answer.text() in ("food", "travel"), timeout=LONG)


def _load_outside(folder: Path, text: str, elsewhere: Path) -> dict[str, list[object]]:
    """What transformers alone says of the export, in a process that cannot find our package."""
    done = subprocess.run(
        [sys.executable, "-c", OUTSIDE, str(folder), text], cwd=elsewhere, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, list[object]] = json.loads(done.stdout.splitlines()[-1])
    return told
