"""Pairs from a file to a model that prefers the better answer, on the command line and in the window."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QSpinBox
from pytestqt.qtbot import QtBot

from desktop_llm.cli import main
from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs.recipe import changed
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import headless, training
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.pair_view import PairView
from desktop_llm.widgets.talk_trial import TalkTrial
from tests.nets import templates
from tests.run_folders import SIZES, TINY
from tests.tasks.preference.fixture import rows
from tests.windows import LONG, click, find, open_in, press

TASK = TASKS["preference"]
VALUES = {
    **{key: value for key, value in TINY.items() if key not in SIZES},
    "max_length": 64,
    "torch_compile": False,
    "max_steps": 12,
}


def _pairs() -> list[dict[str, Any]]:
    """Each prompt with a number that makes it another row."""
    return [{**row, "prompt": f"{row['prompt']} {place}"} for place, row in enumerate(rows(60))]


def _say(capsys: pytest.CaptureFixture[str], *words: object) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main([str(word) for word in words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_from_a_file_to_an_answer_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project, out, file = tmp_path / "project", tmp_path / "out", tmp_path / "in.jsonl"
    told = [{"prompt": one["prompt"], "chosen": one["a"], "rejected": one["b"]} for one in _pairs()]
    file.write_text("".join(json.dumps(one) + "\n" for one in told), encoding="utf-8")
    _say(capsys, "new", project, "--task", TASK.name)
    _say(capsys, "import", project, file)
    wishes = [word for key, value in VALUES.items() for word in ("--set", f"{key}={value}")]
    model = templates.llama(tmp_path / "base")
    _say(capsys, "train", project, "--set", f"model={model}", "--set", "beta=0.2", *wishes)
    (told_metrics,) = _say(capsys, "evaluate", project, 1, "--json")
    assert set(told_metrics["metrics"]) == {one.name for one in TASK.metrics}
    asked = ("--max-new-tokens", 4, "--temperature", 0, "--json")
    (said,) = _say(capsys, "predict", project, 1, "the 5", *asked)
    assert (said["prompt"], said["tokens"] <= 4) == ("the 5", True)
    _say(capsys, "export", project, 1, "--to", out)
    assert _say(capsys, "predict", out, "the 5", *asked)[0]["continuation"] == said["continuation"]
    judged = _say(capsys, "predict", out, file, "--measure", "--json")
    assert len(judged) == 60
    assert {one["label"] for one in judged} <= {"a", "b"}
    assert "| `beta` | 0.2 |" in (out / "README.md").read_text(encoding="utf-8")


def test_what_only_some_tasks_have_is_refused_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / "talks"
    assert main(["new", str(project), "--task", "dialogue"]) == 0
    assert main(["train", str(project), "--set", "beta=0.2"]) == 2
    assert "“beta” has no part in a run of this task; leave it out." in capsys.readouterr().err


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a run that was trained a little from a folder, and a pair that waits for a choice."""
    path = tmp_path_factory.mktemp("pairs") / "Pairs"
    model = templates.llama(tmp_path_factory.mktemp("base") / "base")
    with closing(Project.create(path, TASK.name)) as project:
        items = [
            NewItem(content={name: one[name] for name in ("prompt", "a", "b")}, label=one["label"]) for one in _pairs()
        ]
        items.append(NewItem(content={"prompt": "the 61", "a": "the please", "b": "the now"}))
        labels = TASK.labels
        project.items.insert("pairs", items, to_value=labels.to_value, class_names=labels.names)
        number, _ = training.prepare(project, changed(TASK.folder_recipe, {**VALUES, "model": str(model)}))
        assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
    return path


def test_results_show_how_far_the_answers_are_apart(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    open_in(qtbot, window, trained, "results")
    view = window.findChild(PairView)
    assert isinstance(view, PairView)
    qtbot.waitUntil(lambda: view.table.rowCount() == 5, timeout=LONG)
    assert "preferred in" in view.lengths.text() or not view.lengths.isVisible()
    with qtbot.waitSignal(view.these_asked):
        click(qtbot, window, "results.near")


def test_the_model_suggests_which_is_better(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    project = open_in(qtbot, window, trained, "label")
    click(qtbot, window, "label.suggest")
    qtbot.waitUntil(project.predictions.has_any, timeout=LONG)
    qtbot.waitUntil(
        lambda: any("answer" in one.text() for one in window.findChildren(QLabel) if one.property("role") == "chip"),
        timeout=LONG,
    )


def test_setup_shows_what_only_some_tasks_have(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    open_in(qtbot, window, trained, "train")
    assert find(window, Choice, "train.loss_type").isVisibleTo(window)


def _set_beside(qtbot: QtBot, window: MainWindow) -> None:
    """What the run began with, beside it."""
    beside = find(window, Choice, "try.beside")
    qtbot.waitUntil(lambda: beside.count() == 2, timeout=LONG)
    beside.setCurrentIndex(1)
    beside.activated.emit(1)


def test_two_models_are_judged_without_their_names(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    project = open_in(qtbot, window, trained, "try")
    view = find(window, TalkTrial, "try.view")
    qtbot.waitUntil(view.isVisible, timeout=LONG)
    find(window, QSpinBox, "try.sampling.max_new_tokens").setValue(4)
    find(window, QLineEdit, "try.sampling.temperature").setText("0")
    judge = find(window, QPushButton, "try.judge")
    assert not judge.isEnabled()
    _set_beside(qtbot, window)
    click(qtbot, window, "try.judge")
    choice = find(window, QPushButton, "judge.choice.left")
    qtbot.waitUntil(choice.isEnabled, timeout=LONG)
    left, right = (find(window, QLabel, f"judge.{side}.text").text() for side in ("left", "right"))
    assert left != right
    press(qtbot, window, "1")
    qtbot.waitUntil(lambda: find(window, QLabel, "judge.progress").text().startswith("1 of "), timeout=LONG)
    qtbot.waitUntil(choice.isEnabled, timeout=LONG)
    click(qtbot, window, "judge.result")
    assert "wins" in find(window, QLabel, "judge.standing").text()
    before = project.items.counts().total
    click(qtbot, window, "judge.rows")
    qtbot.waitUntil(lambda: project.items.counts().total == before + 1, timeout=LONG)
    new = project.items.page(Filter(), 0, 1000)[-1]
    assert new.content[str(new.value)] == left
    click(qtbot, window, "judge.end")
    assert view.isVisible()
    click(qtbot, window, "try.judge")
    qtbot.waitUntil(lambda: find(window, QLabel, "judge.progress").text().startswith("1 of "), timeout=LONG)
    qtbot.waitUntil(choice.isEnabled, timeout=LONG)
    click(qtbot, window, "judge.undo")
    qtbot.waitUntil(lambda: find(window, QLabel, "judge.progress").text().startswith("0 of "), timeout=LONG)
    qtbot.waitUntil(choice.isEnabled, timeout=LONG)
    assert find(window, QLabel, "judge.left.text").text() == left
    click(qtbot, window, "judge.end")
