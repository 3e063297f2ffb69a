"""kill -9 of the window at random moments of labeling: all that it showed as done is there, in order, with history."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from tests import run_folders
from tests.faults import labeler

ROWS = 320
ROOT = Path(__file__).parents[2]
TASK = TASKS[run_folders.TASK]
Entry = list[Any]
"""A label in a row's history: its value, and whether it is undone."""


class Model:
    """What was done, undone and done again, in plain Python."""

    def __init__(self) -> None:
        self.histories: dict[int, list[Entry]] = {}
        self._done: list[list[Entry]] = []
        self._undone: list[list[Entry]] = []

    def take(self, told: dict[str, Any]) -> None:
        """A step that was begun has come to its end."""
        turn = told.get("turn")
        if turn is None:
            entries = []
            for item in told["items"]:
                entries.append([told["value"], False])
                self.histories.setdefault(item, []).append(entries[-1])
            self._done.append(entries)
            self._undone.clear()
        elif turn == "undo":
            self._undone.append(self._done.pop())
        else:
            self._done.append(self._undone.pop())
        for entry in (self._undone if turn == "undo" else self._done)[-1]:
            entry[1] = turn == "undo"

    def values(self) -> dict[int, int]:
        """The labels that stand."""
        standing = {item: [value for value, undone in told if not undone] for item, told in self.histories.items()}
        return {item: values[-1] for item, values in standing.items() if values}


class Found:
    """What a project holds after all."""

    def __init__(self, path: Path) -> None:
        project = Project.open(path)
        try:
            assert not project.read_only
            assert project.check() == []
            self.values = {row.id: row.value for row in project.items.labelled()}
            histories = {item: project.labels.history(item) for item in range(1, ROWS + 1)}
        finally:
            project.close()
        self.histories = {item: [[one.after, one.undone] for one in told] for item, told in histories.items() if told}

    def is_as(self, model: Model) -> bool:
        """Whether it holds what the model holds, in the same order."""
        return self.values == model.values() and self.histories == model.histories


def _make(path: Path) -> None:
    project = Project.create(path, TASK.name)
    project.classes.ensure(labeler.LABELS)
    items = [NewItem(content={"text": f"message {place}"}) for place in range(ROWS)]
    project.items.insert("rows.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    project.close()


def _work(path: Path, first: int, seconds_after: float | None, steps: int) -> tuple[list[dict[str, Any]], int]:
    """Let somebody label from step `first` on; kill after so many steps and a moment. What was said, and the end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    environment["DESKTOP_LLM_HOME"] = str(path.parent / "home")
    command = [sys.executable, "-m", "tests.faults.labeler", str(path), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        told: list[dict[str, Any]] = []
        for line in process.stdout:
            told.append(json.loads(line))
            if seconds_after is not None and len(told) >= steps:
                try:
                    process.wait(seconds_after)
                except subprocess.TimeoutExpired:
                    process.kill()
                break
        rest = process.stdout.read()  # what was said before the kill came
        told += [json.loads(line) for line in rest.splitlines() if line.endswith("}")]
    return told, process.returncode


def _kill_often(path: Path, kills: int, seed: int) -> None:
    drawn, model, first, killed = random.Random(seed), Model(), 0, 0
    whole = len(labeler.plan())
    _make(path)
    while first < whole:
        left = kills - killed
        steps = drawn.randint(1, max(2, 2 * 2 * (whole - first) // (left + 1))) if left > 0 else 0
        told, code = _work(path, first, drawn.random() * 0.02 if left > 0 else None, steps)
        killed += code < 0
        begun: dict[str, Any] | None = None
        for line in told:
            if "begin" in line:
                begun = line
            elif begun is not None and line["done"] == begun["begin"]:
                model.take(begun)
                first, begun = line["done"] + 1, None
        found = Found(path)
        if begun is not None and not found.is_as(model):
            model.take(begun)  # it was on disk, and not yet on the screen
            first = begun["begin"] + 1
        assert found.values == model.values()
        assert found.histories == model.histories
        assert code in (0, -9)
    assert killed == kills
    labels = sum(len(told) for told in model.histories.values())
    assert labels == labeler.SINGLE + labeler.TOGETHER * labeler.ROWS_TOGETHER


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_window_has_lost_no_label(tmp_path: Path, kills: int) -> None:
    _kill_often(tmp_path / "Tickets", kills, seed=kills)
