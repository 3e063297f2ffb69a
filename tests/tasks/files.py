"""A file into a project, and the project's rows into a file: what round trips of tasks share."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from desktop_llm.data.writers.writing import Format
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import importing, saving

Rows = list[dict[str, Any]]


def lines(path: Path, rows: Rows) -> Path:
    """Rows as JSON Lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path) -> Rows:
    """The rows of a JSON or JSON Lines file."""
    text = path.read_text(encoding="utf-8")
    rows: Rows = json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
    return rows


def project_of(task: str, file: Path, folder: Path, mapping: dict[str, str] | None = None) -> Path:
    """A project with the rows of a file, closed."""
    with closing(Project.create(folder, task, folder.name)) as project:
        importing.run(project, importing.plan(task_named(task), file, mapping=mapping))
    return folder


def stored(folder: Path) -> list[tuple[dict[str, str], Any]]:
    """Content and stored label of all rows."""
    with closing(Project.open(folder)) as project:
        return [(dict(item.content), item.value) for item in project.items.page(Filter(), 0, 10_000)]


def saved(folder: Path, form: Format, to: Path, show: Filter | None = None) -> Path:
    """All rows of a project as a file."""
    with closing(Project.open(folder)) as project:
        saving.save(project, show or Filter(), to, form)
    return to


def around(task: str, file: Path, form: Format, tmp_path: Path) -> tuple[Rows, Rows]:
    """What a file has, each row once, and what comes out of a project that has read it."""
    came = read(file)
    once = list({json.dumps(row, ensure_ascii=False, sort_keys=True): row for row in came}.values())
    out = saved(project_of(task, file, tmp_path / "project"), form, tmp_path / f"out{file.suffix}")
    return once, read(out)
