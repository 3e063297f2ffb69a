"""Runs that wait: in the order they were made, gone without a trace when taken away."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import queueing
from tests import projects, run_folders

RECIPE = recipes.changed(TASKS[run_folders.TASK].recipe, run_folders.TINY)


def test_what_waits_comes_in_its_order_and_can_be_taken_away(tmp_path: Path) -> None:
    with closing(Project.open(projects.make(tmp_path / "Tickets"))) as project:
        assert [queueing.add(project, RECIPE) for _ in range(3)] == [1, 2, 3]
        assert queueing.remove(project, 2).runs
        assert [run.number for run in project.runs.queued()] == [1, 3]
        assert not project.runs.folder(2).path.exists()
        assert project.runs.replay_left() == []  # what waits was not left in the middle
    with closing(Project.open(tmp_path / "Tickets")) as project:
        assert [run.state for run in project.runs.all()] == ["queued", "queued"]


def test_only_what_waits_can_be_taken_away(tmp_path: Path) -> None:
    with closing(Project.open(projects.train(projects.make(tmp_path / "Tickets")))) as project:
        with pytest.raises(UserError, match="Run 1 has begun"):
            queueing.remove(project, 1)
        with pytest.raises(UserError, match="Run 1 has begun already"):
            project.runs.enqueue(1)
        assert project.runs.folder(1).model.is_dir()
