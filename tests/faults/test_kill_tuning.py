"""kill -9 of a search at many moments: it goes on where it was, and ends as one that nobody killed.

Killed are the making of a run, its training, and the moment between a run's end and the word of it in the journal.
The slow test kills thirty times, programs that begin as everybody's do: in the other they begin warm.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.store.project import Project
from desktop_llm.verbs import tuning
from tests import projects
from tests.programs import Begin, Program

PATIENCE = 120.0
TRIALS = 4
OVER = ("--over", "learning_rate=1e-4..1e-2:log", "--over", "weight_decay=0.001..0.1:log")


class Victim:
    """A project in which a program of its own searches."""

    def __init__(self, path: Path, program: Begin) -> None:
        """80 rows to train on, 10 steps an epoch; nothing is ended early, so that all trials have one plan."""
        self._program = program
        self.path = projects.make(path)
        self.begun = False

    def begin(self) -> Program:
        """Search, or go on."""
        first = [*OVER, "--trials", str(TRIALS), "--pruner", "none"]
        first += projects.settings(num_train_epochs=2, eval_steps=5, save_steps=4)
        rest = ["--resume", "1"] if self.begun else first
        self.begun = True
        return self._program("tune", str(self.path), *rest, "--json")

    def finish(self) -> dict[str, Any]:
        """Search to the end, undisturbed; the last word."""
        process = self.begin()
        assert process.wait(PATIENCE * 3) == 0, process.err
        told: dict[str, Any] = json.loads(process.out.splitlines()[-1])
        return told

    def kill_after(self, size: int) -> bool:
        """Kill the program once its journal and the events of its runs have grown by so many bytes."""
        wanted = self._written() + size
        process = self.begin()
        deadline = time.monotonic() + PATIENCE
        while self._written() < wanted and process.poll() is None:
            assert time.monotonic() < deadline, "the search says nothing"
            time.sleep(0.001)  # the condition decides; this only spares the processor
        alive = process.poll() is None
        if alive:
            os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        return alive

    def _written(self) -> int:
        files = [*self.path.glob("searches/*/journal.log"), *self.path.glob("runs/*/events.jsonl")]
        return sum(file.stat().st_size for file in files)

    def trials(self) -> list[tuple[Any, ...]]:
        """What was tried and what came of it, once the project was found whole."""
        with closing(Project.open(self.path)) as project:
            assert not project.read_only
            assert [one for one in project.check() if "step-" not in one] == []
            return [
                (one.place, one.run, one.state, one.value, one.values) for one in tuning.standing(project, 1).trials
            ]


def _kill_often(tmp_path: Path, kills: int, seed: int, program: Begin) -> None:
    whole = Victim(tmp_path / "whole", program)
    expected = whole.finish()
    victim, source = Victim(tmp_path / "killed", program), random.Random(seed)
    while kills and victim.kill_after(source.randint(1, 9000)):
        kills -= 1
    told = victim.finish()
    assert victim.trials() == whole.trials()
    assert len(victim.trials()) == TRIALS
    for name in ("best", "before", "test", "metric"):
        assert _of_all(told[name]) == _of_all(expected[name])
    with closing(Project.open(victim.path)) as project:  # no run was made that is of no trial, or of one twice
        assert len(project.runs.all()) == TRIALS
        assert {run.state for run in project.runs.all()} == {"finished"}


def _of_all(told: Any) -> Any:
    return (
        {key: value for key, value in told.items() if key not in ("seconds", "run")} if isinstance(told, dict) else told
    )


@pytest.mark.timeout(290)
def test_killed_four_times_a_search_ends_as_one_that_nobody_killed(tmp_path: Path, warm: Begin) -> None:
    _kill_often(tmp_path, 4, seed=3, program=warm)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_thirty_times_a_search_ends_as_one_that_nobody_killed(tmp_path: Path) -> None:
    _kill_often(tmp_path, 30, seed=8, program=Program)
