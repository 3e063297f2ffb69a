"""Tasks without a model on the command line: they are labeled, saved and exchanged; what is not there says so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_llm.tasks import TASKS
from desktop_llm.tasks.task import no_learn_room, no_score
from tests.cli.conftest import Command

WITHOUT = "preference"
ROW = {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]}


@pytest.fixture(autouse=True)
def _one_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever tasks have a model by now, here one has none."""
    bare = replace(TASKS[WITHOUT], open_learn=no_learn_room, open_score=no_score, metrics=())
    monkeypatch.setitem(TASKS, WITHOUT, bare)


def test_the_list_of_tasks_says_which_have_a_model(command: Command) -> None:
    told = {one["name"]: one["trains"] for one in command("tasks", "--json").objects}
    assert told == {name: task.learns for name, task in TASKS.items()}
    lines = {line.split()[0]: line for line in command("tasks").out.splitlines()}
    assert {name for name, line in lines.items() if "no model to train" in line} == {
        name for name, trains in told.items() if not trains
    }
    assert not told[WITHOUT]


@pytest.mark.parametrize(
    "words",
    [
        "train PROJECT",
        "train PROJECT --estimate",
        "resume PROJECT 1",
        "runs PROJECT",
        "evaluate PROJECT 1",
        "predict PROJECT 1 hello",
        "export PROJECT 1 --to OUT",
        "snapshot PROJECT",
    ],
)
def test_what_needs_a_model_says_that_there_is_none(command: Command, tmp_path: Path, words: str) -> None:
    assert command("new", tmp_path / "project", "--task", WITHOUT).code == 0
    places = {"PROJECT": tmp_path / "project", "OUT": tmp_path / "out"}
    said = command(*(places.get(word, word) for word in words.split()))
    assert said.code == 1
    assert "there is no model to train for them yet" in said.err
    assert not (tmp_path / "out").exists()


def test_rows_go_in_and_out(command: Command, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps(ROW) + "\n", encoding="utf-8")
    project, out = tmp_path / "project", tmp_path / "out.json"
    command("new", project, "--task", "dialogue")
    said = command("import", project, tmp_path / "in.jsonl")
    assert "1 rows imported, 1 labels" in said.out
    assert command("rows", project, "--show", "labeled", "--to", out, "--format", "sharegpt").code == 0
    turns = [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "Because."}]
    assert json.loads(out.read_text(encoding="utf-8")) == [{"conversations": turns}]
    for words in ("check", "profile", "history", "agreement"):
        assert command(words, project).code == 0
