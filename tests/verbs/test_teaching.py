"""Rows without a label in a run that has a teacher: which ones it takes along, and where that is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs import snapshot
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import snapshots, training
from tests import projects, run_folders


@pytest.fixture
def opened(trained: Path) -> Iterator[Project]:
    """A project with a finished run, and rows that nobody has labeled."""
    project = Project.open(trained)
    yield project
    project.close()


def _unlabeled(project: Project, split: str, count: int, start: int) -> None:
    told = [
        NewItem(content={"text": f"a text {place} of nobody"}, split=split) for place in range(start, start + count)
    ]
    rules = TASKS[projects.TASK].labels
    project.items.insert(f"more{start}.csv", told, to_value=rules.to_value, class_names=rules.names)


def _recipe(**values: Any) -> recipes.Recipe:
    return recipes.changed(TASKS[projects.TASK].recipe, {**run_folders.TINY, "teacher": "1", **values})


def test_rows_that_are_not_held_out_are_taken_along(opened: Project) -> None:
    labeled = opened.items.counts().labeled
    _unlabeled(opened, "", 4, 0)
    _unlabeled(opened, "train", 3, 4)
    _unlabeled(opened, "test", 2, 7)
    number, folder = training.prepare(opened, _recipe(distillation_unlabeled=True))
    rows = list(snapshot.rows(folder.snapshot, snapshot.UNLABELED))
    assert [row["text"] for row in rows] == [f"a text {place} of nobody" for place in range(7)]
    assert all(row["label"] is None for row in rows)
    job = folder.job()
    assert job.snapshot[snapshot.UNLABELED] == 7
    assert sum(job.snapshot[split] for split in snapshot.SPLITS) == labeled
    assert snapshot.verify(folder.snapshot) == ""
    assert len(snapshot.Listed(folder.snapshot)) == job.snapshot["train"] + 7
    # who looks at what it learned from sees rows with a label
    assert snapshots.compare(opened, number).counts == {}
    path = folder.snapshot / f"{snapshot.UNLABELED}.jsonl"
    path.write_bytes(path.read_bytes().replace(b"nobody", b"anyone"))
    assert "was changed after the start" in snapshot.verify(folder.snapshot)


def test_without_the_wish_nothing_of_them_is_kept(opened: Project) -> None:
    _unlabeled(opened, "", 4, 0)
    _, folder = training.prepare(opened, _recipe())
    assert snapshot.UNLABELED not in folder.job().snapshot
    assert not (folder.snapshot / f"{snapshot.UNLABELED}.jsonl").exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"teacher": ""}, "Only a teacher can speak of texts without a label; name one"),
        ({"balance_by": "length"}, "Texts without a label cannot be balanced"),
    ],
)
def test_where_it_means_nothing_it_is_refused(opened: Project, values: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        training.check(opened, _recipe(distillation_unlabeled=True, **values))
