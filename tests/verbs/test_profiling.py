"""The profile of a project's rows, by the verb and by the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.cli import main
from desktop_llm.errors import Cancelled
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import profiling

TASK = next(iter(TASKS.values()))
ROWS = [
    ("Where is my parcel, please?", "a", "x"),
    ("WHERE is my  parcel, please?", "a", ""),
    ("我的包裹在哪里呢", None, "y"),
]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Three rows, two of which say the same."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    items = [NewItem(content={"text": text}, label=label, extra={"city": city}) for text, label, city in ROWS]
    made.items.insert("a.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    yield made
    made.close()


def test_all_rows_are_counted(project: Project) -> None:
    told: list[float] = []
    found = profiling.profile(project, on_progress=told.append)
    assert (found.rows, found.duplicates, told[-1]) == (3, 1, 1.0)
    assert (found.labels, found.missing) == ({"a": 2, "": 1}, {"city": 1})
    assert found.languages["zh"] == 1
    assert (found.characters.shortest, found.characters.longest) == (8, 28)


def test_it_can_be_stopped(project: Project) -> None:
    with pytest.raises(Cancelled):
        profiling.profile(project, should_stop=lambda: True)


def test_the_command_tells_it(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", str(project.path), "--json", "--no-languages"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"rows": 3, "repeats": 1}
    assert lines[4] == {"labels": {"a": 2, "": 1}}
    assert main(["profile", str(project.path)]) == 0
    assert "8 to 28" in capsys.readouterr().out
