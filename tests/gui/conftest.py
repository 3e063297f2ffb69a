"""What tests of the window stand on: a small project with a trained run, whose label and texts look like markup."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import projects

HOSTILE = "<b>food</b> & <img src=x>"
"""The label in place of “food”, and the beginning of every text that waits for a label."""
FOLDER = "R&D <i>tickets<i>"
WAITING = 6


@pytest.fixture(scope="session")
def _tickets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tickets") / FOLDER
    waiting = [f"{HOSTILE} {place}" for place in range(WAITING)]
    return projects.train(projects.make(path, called={"food": HOSTILE}, waiting=waiting))


@pytest.fixture
def tickets(_tickets: Path, tmp_path: Path) -> Path:
    """A copy of the project: labelled rows in three splits, six rows without a label, run 1 finished."""
    return shutil.copytree(_tickets, tmp_path / FOLDER)
