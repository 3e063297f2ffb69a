"""One thing done to many rows: by filter, by places of it, undone as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import bulk
from desktop_llm.verbs.bulk import Rows

TASK = next(iter(TASKS.values()))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Sixty rows: every third without a label."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    items = [NewItem(content={"text": f"text {place}"}, label=("yes", "no", None)[place % 3]) for place in range(60)]
    made.items.insert("a.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    yield made
    made.close()


def state(project: Project) -> list[tuple[int, object, str]]:
    """Rows with label and split."""
    return [(item.id, item.value, item.split) for item in project.items.page(Filter(), 0, 1000)]


def test_all_rows_of_a_filter_are_labeled_though_they_leave_it(project: Project) -> None:
    before = state(project)
    done = bulk.label(project, Rows(told=Filter(show="unlabeled")), 1, "yes", labeler="Ada")
    assert done.changed == 20
    assert project.items.counts().unlabeled == 0
    assert project.labels.history(3)[-1].labeler == "Ada"
    assert project.operations.all()[0].title == "Labeled “yes”"
    assert project.operations.undo(done.operation).changed == 20
    assert state(project) == before


def test_rows_at_places_of_a_filter_are_moved_and_no_others(project: Project) -> None:
    told = Filter(show="unlabeled")
    places = project.items.places(told)
    bulk.move(project, Rows(told=told, ranges=[(4, 6), (0, 0), (19, 19)], places=places), "test")
    assert [item.id for item in project.items.page(Filter(split="test"), 0, 100)] == [3, 15, 18, 21, 60]
    bulk.move(project, Rows(told=Filter(split="test")), "")
    assert project.items.count(Filter(split="test")) == 0


def test_places_stay_the_same_rows_while_rows_go(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PAGE", 2)
    places = project.items.places(Filter())
    done = bulk.delete(project, Rows(told=Filter(), ranges=[(1, 9), (30, 33)], places=places))
    assert done.changed == 13
    gone = {*range(2, 11), *range(31, 35)}
    assert [row[0] for row in state(project)] == [number for number in range(1, 61) if number not in gone]
    assert project.bin.count() == 13


def test_a_label_is_taken_away(project: Project) -> None:
    assert bulk.label(project, Rows(told=Filter(class_id=1)), None, "").changed == 20
    assert project.items.count(Filter(class_id=1)) == 0


def test_stopped_nothing_has_changed(project: Project) -> None:
    before = state(project)
    with pytest.raises(Cancelled):
        bulk.delete(project, Rows(told=Filter()), should_stop=lambda: True)
    assert state(project) == before


def test_a_project_that_is_open_elsewhere_says_so(project: Project) -> None:
    other = Project.open(project.path)
    with pytest.raises(UserError, match="can only be read now"):
        bulk.delete(other, Rows(told=Filter()))
    other.close()
