"""kill -9 of a training program at random moments: the project opens, no label is missing, the weights are the same.

Some of the moments lie inside the writing of a checkpoint; now and then a bit of what is on the disk is flipped, too.
The slow test kills fifty times, programs that begin as everybody's do: in the others they begin warm.

    python -m pytest -m slow tests/faults/test_kill_training.py
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from desktop_llm import atomic
from desktop_llm.engine import checkpoint
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.store.project import Project
from tests import projects
from tests.programs import Begin, Program

PATIENCE = 120.0


class Victim:
    """A project that trains in a program of its own."""

    def __init__(self, path: Path, epochs: int, program: Begin) -> None:
        """80 rows to train on, 10 steps an epoch, a checkpoint every 7."""
        self._program = program
        self.path = projects.make(path)
        self.folder = RunFolder(self.path / "runs" / "0001")
        self._settings = projects.settings(num_train_epochs=epochs, save_steps=7, eval_steps=20)
        self.begun = False

    def begin(self) -> Program:
        """Train, or go on."""
        verb: Sequence[str] = ("resume", str(self.path), "1") if self.begun else ("train", str(self.path))
        self.begun = True
        return self._program(*verb, *(self._settings if verb[0] == "train" else []))

    def finish(self) -> str:
        """Train to the end, undisturbed; the hash of the weights."""
        process = self.begin()
        assert process.wait(PATIENCE * 3) == 0, process.err
        return atomic.sha256(self.folder.model / "model.safetensors")

    def kill(self, lines: int, *, inside: bool) -> bool:
        """Kill the program when the run has said so many `lines`, or then `inside` the next write to the disk.

        False when the program ended before.
        """
        wanted = self._lines() + lines
        process = self.begin()
        alive = _until(lambda: self._lines() >= wanted, process)
        if alive and inside:
            alive = _until(self.writes, process)
        if alive:
            os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        return alive

    def flip(self, source: random.Random) -> None:
        """Flip a bit in a file of the newest checkpoint, where there is one before it."""
        kept = [path for path in checkpoint.steps(self.folder.checkpoints) if not atomic.damage(path)]
        if len(kept) > 1:
            file = source.choice(sorted(path for path in kept[0].iterdir() if path.suffix == ".safetensors"))
            content = bytearray(file.read_bytes())
            content[source.randrange(len(content))] ^= 1 << source.randrange(8)
            file.write_bytes(bytes(content))

    def labels(self) -> dict[int, object]:
        """The labels of the project, once it was found whole but for checkpoints, and free."""
        project = Project.open(self.path)
        try:
            assert not project.read_only
            assert [one for one in project.check() if "step-" not in one] == []
            return {row.id: row.value for row in project.items.labelled()}
        finally:
            project.close()

    def _lines(self) -> int:
        file = self.folder.events_file
        return file.read_bytes().count(b"\n") if file.exists() else 0

    def writes(self) -> bool:
        """Whether something is half written."""
        return any(self.folder.checkpoints.glob(".*.part"))


def _until(condition: object, process: Program) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the run says nothing"
        time.sleep(0.001)  # the condition decides; this only spares the processor
    return True


def _kill_often(tmp_path: Path, kills: int, epochs: int, seed: int, program: Begin) -> Counter[str]:
    """Kill a run so often, and compare it with one that nobody killed; how often in which way."""
    expected = Victim(tmp_path / "whole", epochs, program).finish()
    victim = Victim(tmp_path / "killed", epochs, program)
    source, done = random.Random(seed), Counter[str]()
    labels = victim.labels()
    for number in range(kills):
        inside = number % 3 == 2
        assert victim.kill(source.randint(1, 60), inside=inside), f"the run ended before kill {number + 1} of {kills}"
        done["inside a write" if inside else "anywhere"] += 1
        done["left half a checkpoint"] += victim.writes()
        assert victim.labels() == labels
        if number % 5 == 4:
            victim.flip(source)
            done["then a flipped bit"] += 1
    assert victim.finish() == expected
    assert victim.labels() == labels
    assert list(victim.folder.path.rglob(".*")) == []
    return done


@pytest.mark.timeout(290)
def test_killed_six_times_it_ends_with_the_weights_of_an_undisturbed_run(tmp_path: Path, warm: Begin) -> None:
    done = _kill_often(tmp_path, 6, epochs=40, seed=20, program=warm)
    assert done["inside a write"] == 2


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_killed_fifty_times_it_ends_with_the_weights_of_an_undisturbed_run(tmp_path: Path) -> None:
    done = _kill_often(tmp_path, 50, epochs=250, seed=5, program=Program)
    sys.stdout.write(f"\n{dict(done)}\n")
    assert done["left half a checkpoint"] > 0
