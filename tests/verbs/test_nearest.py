"""The training rows that a run holds nearest: exact by its own vectors, made once, gone with the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import snapshot
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import deleting, nearest
from tests import run_folders

TASK = TASKS[run_folders.TASK]


@pytest.fixture
def project(trained: Path) -> Iterator[Project]:
    one = Project.open(trained)
    yield one
    one.close()


class Asked:
    """The run's encoder, which counts the texts it is asked about."""

    def __init__(self, project: Project) -> None:
        self.embed = nearest.here(project.runs.folder(1).model)
        self.count = 0

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.count += len(texts)
        return self.embed(texts).astype("float16")


def test_they_are_the_nearest_of_all_and_their_vectors_are_made_once(project: Project) -> None:
    asked, text = Asked(project), "bread and soup"
    found = nearest.of(project, 1, text, asked, count=7)
    rows = list(snapshot.rows(project.runs.folder(1).snapshot, "train"))
    assert asked.count == len({row["text"] for row in rows}) + 1
    vectors = asked.embed([row["text"] for row in rows])
    cosines = vectors @ asked.embed([text])[0]
    wanted = np.sort(cosines)[::-1][:7]
    assert [one.similarity for one in found] == pytest.approx(wanted.tolist(), abs=2e-3)
    by_id = {int(row["id"]): row for row in rows}
    for one in found:
        assert one.text == by_id[one.item]["text"]
        assert one.label == by_id[one.item]["label"] == one.now
    before = asked.count
    itself = nearest.of(project, 1, rows[5]["text"], asked, count=1)[0]
    assert asked.count == before + 1
    assert (itself.text, round(itself.similarity, 2)) == (rows[5]["text"], 1.0)
    stored = next(project.runs.folder(1).vectors.rglob("vectors.f16"))
    assert stored.stat().st_size == 2 * vectors.shape[1] * len({row["text"] for row in rows})


def test_labels_are_told_as_they_were_learned_and_as_they_are(project: Project) -> None:
    asked = Asked(project)
    one = nearest.of(project, 1, "bread and soup", asked, count=1)[0]
    names = {told.name: told.id for told in project.classes.all()}
    project.labels.set(one.item, TASK.labels.to_value("travel", names))
    project.classes.rename(names["food"], "meals")
    again = nearest.of(project, 1, "bread and soup", asked, count=1)[0]
    assert (again.label, again.now, again.relabeled) == ("meals", "travel", True)


def test_vectors_of_another_model_go_and_all_go_with_the_run(project: Project) -> None:
    asked, folder = Asked(project), project.runs.folder(1)
    old = folder.vectors / "0123"
    old.mkdir(parents=True)
    nearest.of(project, 1, "soup", asked)
    assert not old.exists()
    deleting.delete(project, 1)
    assert not folder.path.exists()


def test_who_may_only_read_takes_nothing_away(project: Project) -> None:
    asked, folder = Asked(project), project.runs.folder(1)
    nearest.of(project, 1, "soup", asked)
    old = folder.vectors / "0123"
    old.mkdir()
    with closing(Project.watch(project.path)) as watched:
        assert len(nearest.of(watched, 1, "soup", asked, count=3)) == 3
    assert old.exists()


def test_it_stops_when_it_is_told(project: Project) -> None:
    with pytest.raises(Cancelled):
        nearest.of(project, 1, "soup", Asked(project), should_stop=lambda: True)


def test_a_run_without_a_model_says_so(project: Project) -> None:
    with pytest.raises(UserError, match="no run 7"):
        nearest.of(project, 7, "soup", Asked(project))
