"""What tests of pages stand on: a home of their own, a hub that is closed in the end, projects with rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS

TASK = next(iter(TASKS.values()))
Rows = Sequence[tuple[str, str | None]]


@pytest.fixture
def hub(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with default settings in a home of its own."""
    monkeypatch.setenv("DESKTOP_LLM_HOME", str(tmp_path / "home"))
    made = Hub()
    yield made
    made.close()


def fill(project: Project, rows: Rows, source: str = "given.csv") -> None:
    """Put (text, label or None) rows into a project."""
    items = [NewItem(content={"text": text}, label=label) for text, label in rows]
    project.items.insert(source, items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)


@pytest.fixture
def opened(qtbot: QtBot, hub: Hub, tmp_path: Path) -> Callable[[Rows], Project]:
    """Make a project with rows and open it in the hub."""

    def make(rows: Rows, name: str = "Tickets") -> Project:
        project = Project.create(tmp_path / name, TASK.name, name)
        fill(project, rows)
        project.close()
        with qtbot.waitSignal(hub.project_opened):
            hub.open_project(tmp_path / name)
        assert hub.project is not None
        return hub.project

    return make
