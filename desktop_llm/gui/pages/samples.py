"""The sample projects that come with the program: which there are, and making one with its rows in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from desktop_llm import paths
from desktop_llm.tasks import TASKS
from desktop_llm.tasks import task as task_named


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sample: the project's name, the task it is for, the file its rows come from, and what these are."""

    name: str
    task: str
    file: Path
    words: str


def shipped() -> tuple[Sample, ...]:
    """The samples for the tasks there are; empty where the program came without its resources."""
    listed = paths.resource("samples", "samples.json")
    if not listed.is_file():
        return ()
    told = json.loads(listed.read_text(encoding="utf-8"))
    samples = (
        Sample(name=one["name"], task=one["task"], file=listed.parent / one["file"], words=one["words"]) for one in told
    )
    return tuple(one for one in samples if one.task in TASKS)


def make(sample: Sample, folder: Path, should_stop: Callable[[], bool] = lambda: False) -> Path:
    """The project of a sample below `folder`, made and filled unless it is there. Slow; raises UserError, Cancelled.

    What was begun and not ended is taken away again, so that nobody meets an empty sample.
    """
    from desktop_llm.store.project import Project, is_project
    from desktop_llm.verbs import importing

    path = folder / sample.name
    fresh = not path.exists()
    project = Project.open(path) if is_project(path) else Project.create(path, sample.task, sample.name)
    filled = False
    try:
        if not project.read_only and not project.items.counts().total:
            importing.run(project, importing.plan(task_named(sample.task), sample.file), should_stop=should_stop)
        filled = True
    finally:
        project.close()
        if fresh and not filled:
            shutil.rmtree(path, ignore_errors=True)
    return path
