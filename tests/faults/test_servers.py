"""Killed while a run is packed or taken back, at each moment that counts: tried again, it comes out whole."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_llm.verbs import packing, returning
from tests.servers import PROCESSOR, Away

ROOT = Path(__file__).parents[2]
KILLED = """
import os, signal, sys
from pathlib import Path
from desktop_llm.jobs.server import Server
from desktop_llm.store.project import Project
from desktop_llm.verbs import packing, returning

left = int(sys.argv[4])

def on(event, arguments):
    global left
    if event in ("os.rename", "shutil.rmtree"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

project = Project.open(Path(sys.argv[1]))
sys.addaudithook(on)
if sys.argv[2] == "take":
    returning.take(project, Path(sys.argv[3]))
else:
    packing.pack(project, 1, Path(sys.argv[3]), Server(gpus=0))
"""
"""Ends itself before the step of putting things in place that its last argument counts."""


def _killed(project: Path, what: str, file: Path, left: int) -> bool:
    """Whether it came to that step."""
    words = [sys.executable, "-c", KILLED, str(project), what, str(file), str(left)]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode != 0


@pytest.mark.parametrize("left", [0, 1, 3, 5, 7, 8, 30])
def test_a_run_that_was_being_taken_back_is_taken_back(away: Away, left: int) -> None:
    killed = _killed(away.project, "take", away.server, left)
    assert killed == (left < 30)
    with away.opened() as project:
        assert project.runs.get(1).state == ("on a server" if killed else "finished")
        assert returning.take(project, away.server).new == killed
        assert project.runs.get(1).state == "finished"
        assert [step for step, _ in project.runs.metrics(1)["loss"]] == list(range(1, 31))
        assert project.predictions.count(1) == 24
        assert project.check() == []
        folder = project.runs.folder(1)
        assert [one.name for one in folder.path.parent.iterdir()] == ["0001"]
        assert [one for one in folder.path.rglob(".*") if one.is_dir()] == []


def test_a_run_that_was_being_packed_can_be_called_back(away: Away, tmp_path: Path) -> None:
    with away.opened() as project:
        packing.call_back(project, 1)
    assert _killed(away.project, "pack", tmp_path / "pack.zip", 0)
    assert not (tmp_path / "pack.zip").exists()
    with away.opened() as project:
        assert project.runs.get(1).state == "on a server"
        packing.call_back(project, 1)
        packing.pack(project, 1, tmp_path / "pack.zip", PROCESSOR)
        assert returning.take(project, away.server).run.state == "finished"
