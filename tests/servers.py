"""A run that went to a server and trained there: packed, unpacked elsewhere, begun by the one line that came with it.

Made once for all tests, in a process that knows nothing but the unpacked copy. Loaded by conftest.py for its fixture.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.events import StepDone
from desktop_llm.jobs.folder import RunFolder
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.jobs.server import Server
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import packing
from tests import projects, run_folders

PROCESSOR = Server(gpus=0, hours=1)
RECIPE: Recipe = recipes.changed(
    TASKS[run_folders.TASK].recipe, {**run_folders.TINY, "save_steps": 10, "save_kept_steps": 10}
)
STEPS = 30


@dataclass(frozen=True, slots=True)
class Away:
    """A project whose run 1 is on a server, the file that it was packed into, and the unpacked folder after its end."""

    project: Path
    pack: Path
    server: Path

    @property
    def run(self) -> RunFolder:
        """The run on the server."""
        return RunFolder(self.server / "run")

    @contextmanager
    def opened(self) -> Iterator[Project]:
        """The project."""
        project = Project.open(self.project)
        try:
            yield project
        finally:
            project.close()


def environment(home: Path) -> dict[str, str]:
    """What a process on a server has: a way to Python, and nothing of ours."""
    found = os.pathsep.join((str(Path(sys.executable).parent), os.defpath))
    return {"PATH": found, "HOME": str(home), "LANG": "C"}


def unpack(pack: Path, to: Path) -> Path:
    """Unpack as a person does; the folder that it has become."""
    with zipfile.ZipFile(pack) as packed:
        packed.extractall(to)
    (made,) = to.iterdir()
    return made


def until(away: Away, step: int, to: Path, *, torn: bool = True) -> RunFolder:
    """A copy of the run as it was after `step`, whose checkpoint is written, perhaps in the middle of a line."""
    folder = RunFolder(shutil.copytree(away.run.path, to))
    lines = folder.events_file.read_bytes().splitlines(keepends=True)
    events = list(folder.read_events())
    assert len(lines) == len(events)
    place = next(at for at, one in enumerate(events) if isinstance(one, StepDone) and one.step == step)
    folder.events_file.write_bytes(b"".join(lines[: place + 1]) + (lines[place + 1][:20] if torn else b""))
    for part in (folder.model, folder.predictions, folder.dynamics / "summary"):
        shutil.rmtree(part)
    for path in (*folder.checkpoints.iterdir(), *folder.dynamics.iterdir()):
        if not path.name.endswith("best") and int(path.name.partition("-")[2]) > step:
            shutil.rmtree(path)
    return folder


@pytest.fixture(scope="session")
def _away(tmp_path_factory: pytest.TempPathFactory) -> Away:
    """Only copied, never used."""
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    path = projects.make(here / "Tickets")
    project = Project.open(path)
    try:
        packing.pack_new(project, RECIPE, here / "pack.zip", PROCESSOR)
    finally:
        project.close()
    server = unpack(here / "pack.zip", there)
    told = subprocess.run(
        ["sh", f"{server.name}/run.sh"], cwd=there, env=environment(there), capture_output=True, text=True, timeout=120
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return Away(path, here / "pack.zip", server)


@pytest.fixture
def away(_away: Away, tmp_path: Path) -> Away:
    """Copies of a project whose run 1 is on a server, and of what the server made of it."""
    return replace(
        _away,
        project=shutil.copytree(_away.project, tmp_path / "Tickets"),
        server=shutil.copytree(_away.server, tmp_path / "server" / _away.server.name),
    )
