"""Tiny models that compare answers: the runs that make them, and what those said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from desktop_llm.jobs.folder import RunFolder
from desktop_llm.tasks import TASKS
from tests import run_folders
from tests.run_folders import Kind
from tests.tasks.preference.fixture import FIXTURE

LEARN = TASKS["preference"].open_learn()


def make(path: Path, kind: Kind = FIXTURE.kind, **values: Any) -> RunFolder:
    """A run folder of the tiny recipe with `values`."""
    told = {"torch_compile": False, "vocab_size": 300, "max_length": 64, "eval_steps": 10_000, **values}
    return run_folders.make(path, kind=kind, **told)


def kind_of(made: list[dict[str, Any]]) -> Kind:
    """The task with these rows over and over."""

    def of(count: int, *, seed: int = 0, first_id: int = 1) -> list[dict[str, Any]]:
        return [{**row, "id": first_id + place} for place, row in enumerate((made * count)[:count])]

    return Kind(task="preference", rows=of, classes=())
