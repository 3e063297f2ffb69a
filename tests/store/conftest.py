"""Small real projects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desktop_llm.rows import NewItem
from desktop_llm.store.inserting import InsertCounts
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS

TASK = next(iter(TASKS.values()))
Rows = list[tuple[str, str | None]]
ROWS: Rows = [(f"text number {place}", ("yes", "no", None)[place % 3]) for place in range(30)]


def insert(project: Project, rows: Rows, source: str = "rows.csv", *, known_only: bool = False) -> InsertCounts:
    """Bring (text, label or None) rows in."""
    return project.items.insert(
        source,
        [NewItem(content={"text": text}, extra={"channel": "chat"}, label=label) for text, label in rows],
        to_value=TASK.labels.to_value,
        class_names=TASK.labels.names,
        known_only=known_only,
    )


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An open project with thirty rows: ten yes, ten no, ten without a label."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    insert(made, ROWS)
    yield made
    made.close()


@pytest.fixture
def reopened(project: Project) -> Callable[[], Project]:
    """Close the project and open it again."""

    def again() -> Project:
        project.close()
        return Project.open(project.path)

    return again
