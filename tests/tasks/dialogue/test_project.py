"""Conversations from a file to a model that answers, on the command line and in the window."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLineEdit, QPushButton, QSpinBox
from pytestqt.qtbot import QtBot

from desktop_llm.cli import main
from desktop_llm.errors import UserError
from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs.recipe import changed
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import adding, headless, training
from desktop_llm.widgets.answer_view import AnswerView
from desktop_llm.widgets.talk_trial import TalkTrial
from desktop_llm.widgets.told_text import ToldText
from desktop_llm.widgets.turn_list import TurnList
from tests.run_folders import FILLER, TINY
from tests.tasks.dialogue.fixture import rows
from tests.windows import LONG, click, find, open_in

TASK = TASKS["dialogue"]
VALUES = {**TINY, "max_length": 64, "vocab_size": 300, "torch_compile": False, "num_train_epochs": 60.0}


def _talks() -> list[list[dict[str, Any]]]:
    """One of each question, a number before it that makes it another row."""
    made = []
    for place, row in enumerate(rows(60)):
        asked, answer = row["label"]
        made.append([{**asked, "content": f"{asked['content']} {place}"}, answer])
    return made


def _file(path: Path) -> Path:
    path.write_text("".join(json.dumps({"messages": talk}) + "\n" for talk in _talks()), encoding="utf-8")
    return path


def _say(capsys: pytest.CaptureFixture[str], *words: object) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main([str(word) for word in words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_from_a_file_to_an_answer_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project, out = tmp_path / "project", tmp_path / "out"
    _say(capsys, "new", project, "--task", TASK.name)
    _say(capsys, "import", project, _file(tmp_path / "in.jsonl"))
    wishes = [word for key, value in {**VALUES, "max_steps": 6}.items() for word in ("--set", f"{key}={value}")]
    _say(capsys, "train", project, *wishes)
    (told,) = _say(capsys, "evaluate", project, 1, "--json")
    assert set(told["metrics"]) == {"perplexity", "token_f1", "exact_match", "loss"}
    asked = ("--max-new-tokens", 4, "--temperature", 0, "--json")
    (said,) = _say(capsys, "predict", project, 1, "the 5", *asked)
    assert said["messages"] == "the 5"
    assert said["tokens"] <= 4
    _say(capsys, "export", project, 1, "--to", out)
    assert _say(capsys, "predict", out, "the 5", *asked)[0]["continuation"] == said["continuation"]
    card = (out / "README.md").read_text(encoding="utf-8")
    assert '"role": "user"' in card
    assert (out / "chat_template.jinja").is_file()
    listed = _say(capsys, "predict", project, 1, tmp_path / "in.jsonl", *asked)
    assert len(listed) == 60


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a run that answers, and one conversation that waits for an answer."""
    path = tmp_path_factory.mktemp("talks") / "Talks"
    with closing(Project.create(path, TASK.name)) as project:
        items = [NewItem(content={"messages": json.dumps(talk)}, label=talk) for talk in _talks()]
        waiting = NewItem(content={"messages": json.dumps([{"role": "user", "content": f"{FILLER[3]} 61"}])})
        labels = TASK.labels
        project.items.insert("talks", [*items, waiting], to_value=labels.to_value, class_names=labels.names)
        number, _ = training.prepare(project, changed(TASK.recipe, VALUES))
        assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
    return path


def test_in_the_window_it_answers_and_what_was_said_becomes_a_row(
    qtbot: QtBot, window: MainWindow, trained: Path
) -> None:
    project = open_in(qtbot, window, trained, "try")
    view = find(window, TalkTrial, "try.view")
    qtbot.waitUntil(view.isVisible, timeout=LONG)
    find(window, QSpinBox, "try.sampling.max_new_tokens").setValue(8)
    find(window, QLineEdit, "try.sampling.temperature").setText("0")
    view.text.setPlainText("some 7")
    click(qtbot, window, "try.send")
    qtbot.waitUntil(lambda: find(window, QPushButton, "try.again").isEnabled(), timeout=LONG)
    answer = find(window, ToldText, "try.turn.1.2").toPlainText()
    assert answer
    before = project.items.counts()
    click(qtbot, window, "try.keep")
    qtbot.waitUntil(lambda: project.items.counts().total == before.total + 1, timeout=LONG)
    last = project.items.page(Filter(), 0, 1000)[-1]
    assert json.loads(last.content["messages"]) == [
        {"role": "user", "content": "some 7"},
        {"role": "assistant", "content": answer},
    ]
    assert project.items.counts().labeled == before.labeled
    with pytest.raises(UserError, match="has this row already"):
        adding.add(project, last.content)
    with pytest.raises(UserError, match="nothing to add"):
        adding.add(project, {"messages": " "})


def test_the_models_answer_is_offered_where_one_is_missing(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    project = open_in(qtbot, window, trained, "label")
    click(qtbot, window, "label.suggest")
    qtbot.waitUntil(project.predictions.has_any, timeout=LONG)
    talk = find(window, TurnList, "label.turns")
    draft = find(window, QPushButton, "label.draft")
    qtbot.waitUntil(draft.isVisible, timeout=LONG)
    before = talk.turns.messages()
    click(qtbot, window, "label.draft")
    after = talk.turns.messages()
    assert after[: len(before)] == before
    assert after[-1]["role"] == "assistant"
    assert after[-1]["content"]


def test_results_show_answers_beside_those_given(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    open_in(qtbot, window, trained, "results")
    view = window.findChild(AnswerView)
    assert isinstance(view, AnswerView)
    qtbot.waitUntil(lambda: view.table.rowCount() > 0, timeout=LONG)
    item = view.table.item(0, 1)
    assert item is not None
    assert item.text()
    with qtbot.waitSignal(view.these_asked):
        click(qtbot, window, "results.answers")
