"""kill -9 of a training program at random moments: the project opens, no label is missing, the weights are the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from desktop_llm import atomic
from desktop_llm.store.project import Project
from tests import projects

KILLS = 10
PATIENCE = 60.0
SETTINGS = projects.settings(num_train_epochs=60, save_steps=7, eval_steps=20)


def _train(path: Path, verb: Sequence[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "desktop_llm", verb[0], str(path), *verb[1:]]
    return subprocess.Popen(
        [*command, *(SETTINGS if verb[0] == "train" else [])],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def _wait_for_lines(process: subprocess.Popen[str], file: Path, more: int) -> bool:
    """Until the run has said `more` lines than now; False when the program ended before."""
    wanted = _lines(file) + more
    deadline = time.monotonic() + PATIENCE
    while _lines(file) < wanted:
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the run says nothing"
        time.sleep(0.002)  # the file's growth is the condition; this only spares the processor
    return True


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def _labels(path: Path) -> dict[int, object]:
    project = Project.open(path)
    try:
        assert not project.read_only
        assert project.check() == []
        return {row.id: row.value for row in project.items.labelled()}
    finally:
        project.close()


@pytest.mark.timeout(280)
def test_killed_ten_times_it_ends_with_the_weights_of_an_undisturbed_run(tmp_path: Path) -> None:
    whole = projects.make(tmp_path / "whole")
    process = _train(whole, ["train"])
    assert process.wait(timeout=PATIENCE * 2) == 0, process.stderr.read() if process.stderr else ""
    expected = atomic.sha256(whole / "runs" / "0001" / "model" / "model.safetensors")
    assert process.stderr is not None
    process.stderr.close()

    path = projects.make(tmp_path / "killed")
    labels = _labels(path)
    said = path / "runs" / "0001" / "events.jsonl"
    source = random.Random(20)
    kills, verb = 0, ["train"]
    while kills < KILLS:
        process = _train(path, verb)
        alive = _wait_for_lines(process, said, source.randint(1, 60))
        if alive:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait(timeout=PATIENCE)
        assert process.stderr is not None
        process.stderr.close()
        assert _labels(path) == labels
        if not alive:
            break
        verb = ["resume", "1"]
    process = _train(path, ["resume", "1"])
    assert process.stderr is not None
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=PATIENCE * 2) == 0, told
    assert kills == KILLS, "the run ended before it was killed ten times"
    assert _labels(path) == labels
    assert atomic.sha256(path / "runs" / "0001" / "model" / "model.safetensors") == expected
