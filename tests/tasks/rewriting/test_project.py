"""Pairs of texts from a file to a model that writes, on the command line and in the window."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.cli import main
from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs.recipe import changed
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import headless, training
from desktop_llm.widgets.differences import Differences
from desktop_llm.widgets.told_text import ToldText
from desktop_llm.widgets.version_trial import VersionTrial
from desktop_llm.widgets.writing_field import WritingField
from desktop_llm.widgets.written_view import WrittenView
from tests.run_folders import FILLER, TINY
from tests.windows import LONG, click, find, open_in

TASK = TASKS["rewriting"]
VALUES = {**TINY, "max_length": 64, "vocab_size": 300, "num_train_epochs": 6.0, "eval_steps": 10_000}
PAIRS = [(f"{FILLER[at % 10]} {FILLER[at // 10]}", f"{FILLER[at // 10]} {FILLER[at % 10]}!") for at in range(60)]


def _file(path: Path) -> Path:
    rows = ["\t".join(("English", "Deutsch")), *("\t".join(pair) for pair in PAIRS)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def _say(capsys: pytest.CaptureFixture[str], *words: object) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main([str(word) for word in words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_from_a_file_to_a_text_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project, out = tmp_path / "project", tmp_path / "out"
    _say(capsys, "new", project, "--task", TASK.name)
    columns = ("--map", "source=English", "--map", "label=Deutsch")
    _say(capsys, "import", project, _file(tmp_path / "in.tsv"), *columns)
    wishes = [word for key, value in {**VALUES, "max_steps": 6}.items() for word in ("--set", f"{key}={value}")]
    _say(capsys, "train", project, *wishes)
    (told,) = _say(capsys, "evaluate", project, 1, "--json")
    assert set(told["metrics"]) == {one.name for one in TASK.metrics}
    (said,) = _say(capsys, "predict", project, 1, "the old", "--json")
    assert said["source"] == "the old"
    assert said["prompt_tokens"] > 2
    _say(capsys, "export", project, 1, "--to", out)
    (again,) = _say(capsys, "predict", out, "the old", "--json")
    assert again["continuation"] == said["continuation"]
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "AutoModelForSeq2SeqLM.from_pretrained" in card
    free = ("--temperature", 2, "--max-new-tokens", 3, "--json")
    seeds = [
        _say(capsys, "predict", out, "the old", *free, "--seed", seed)[0]["continuation"] for seed in (1, 1, 2, 3, 4)
    ]
    assert seeds[0] == seeds[1]
    assert len(set(seeds)) > 1
    assert main(["predict", str(out), "the old", "--num-beams", "0"]) == 2
    assert "num_beams" in capsys.readouterr().err


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a run that writes, and one text that waits."""
    path = tmp_path_factory.mktemp("texts") / "Texts"
    with closing(Project.create(path, TASK.name)) as project:
        items = [NewItem(content={"source": source}, label=target) for source, target in PAIRS]
        labels = TASK.labels
        waiting = NewItem(content={"source": "very old new"})
        project.items.insert("pairs", [*items, waiting], to_value=labels.to_value, class_names=labels.names)
        number, _ = training.prepare(project, changed(TASK.recipe, VALUES))
        assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
    return path


def test_in_the_window_a_text_becomes_another_and_a_row(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    project = open_in(qtbot, window, trained, "try")
    view = find(window, VersionTrial, "try.view")
    qtbot.waitUntil(view.isVisible, timeout=LONG)
    view.text.setPlainText("very very near")
    click(qtbot, window, "try.send")
    qtbot.waitUntil(lambda: find(window, QPushButton, "try.keep").isEnabled(), timeout=LONG)
    made = find(window, ToldText, "try.made.1").toPlainText()
    assert made
    click(qtbot, window, "try.changes")
    assert "near" in find(window, Differences, "try.changes.1").toPlainText()
    before = project.items.counts()
    click(qtbot, window, "try.keep")
    qtbot.waitUntil(lambda: project.items.counts().total == before.total + 1, timeout=LONG)
    last = project.items.page(Filter(), 0, 1000)[-1]
    assert dict(last.content) == {"source": "very very near", "draft": made.strip()}
    assert project.items.counts().labeled == before.labeled


def test_results_show_what_was_written_and_how_it_was_measured(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    open_in(qtbot, window, trained, "results")
    qtbot.waitUntil(lambda: bool(window.findChildren(WrittenView)), timeout=LONG)
    (view,) = window.findChildren(WrittenView)
    qtbot.waitUntil(lambda: view.table.rowCount() > 0, timeout=LONG)
    assert "bleu: nrefs:1|case:mixed|eff:no|tok:13a" in find(window, QLabel, "results.signatures").text()
    view.table.setCurrentCell(0, 1)
    assert "wanted above" in view.differences.toPlainText()
    click(qtbot, window, "results.written")
    qtbot.waitUntil(lambda: window.page_name == "label", timeout=LONG)


def test_what_a_run_suggests_is_a_draft_to_mend(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    project = open_in(qtbot, window, trained, "label")
    click(qtbot, window, "label.suggest")
    field = find(window, WritingField, "label.writing")
    qtbot.waitUntil(lambda: bool(field.text()), timeout=LONG)
    row = project.items.get(61)
    assert row is not None
    assert row.prediction is not None
    assert field.text() == row.prediction.label
