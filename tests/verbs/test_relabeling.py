"""Labels of somebody who has another name now: taken along, undone, done again; nobody else's change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Edit, Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import relabeling

TASK = TASKS["text_classification"]
YES, NO = 1, 2


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Ann has labeled rows 1 to 3, Ben has put another in the place of hers in row 3 and labeled row 4; 5 came so."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    items = [NewItem(content={"text": str(place)}, label="yes" if place == 5 else None) for place in range(1, 6)]
    made.items.insert("a.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    made.classes.ensure(["yes", "no"])
    for item in (1, 2, 3):
        made.labels.set(item, YES, "Ann", seconds=2.0)
    made.labels.set(3, NO, "Ben")
    made.labels.set(4, NO, "Ben")
    yield made
    made.close()


def by(project: Project) -> dict[int, list[str]]:
    """Who said something about each row, in order."""
    return {item: [one.labeler for one in project.labels.history(item)] for item in range(1, 6)}


def standing(project: Project) -> dict[int, list[tuple[str, object]]]:
    """Whose label stands on each row."""
    return {item: [(one.labeler, one.value) for one in project.people.said(item)] for item in range(1, 6)}


BEFORE = {1: ["Ann"], 2: ["Ann"], 3: ["Ann", "Ben"], 4: ["Ben"], 5: [""]}
AFTER = {1: ["Ann Lee"], 2: ["Ann Lee"], 3: ["Ann Lee", "Ben"], 4: ["Ben"], 5: [""]}


def test_labels_and_their_history_go_along_and_come_back(project: Project) -> None:
    first = standing(project)
    done = relabeling.rename(project, "Ann", "Ann Lee")
    assert (done.changed, done.left) == (3, 0)
    assert by(project) == AFTER
    assert standing(project)[1] == [("Ann Lee", YES)]
    assert standing(project)[3] == [("Ben", NO)]
    assert project.people.labelers() == {"Ann Lee": 3, "Ben": 2}
    one = project.operations.all()[0]
    assert (one.title, one.count, one.labeler) == ("Labels by “Ann” are by “Ann Lee”", 3, "Ann Lee")
    project.operations.undo(done.operation)
    assert by(project) == BEFORE
    assert standing(project) == first
    project.operations.redo(done.operation)
    assert by(project) == AFTER


def test_what_the_new_name_had_said_already_stays_its_own_when_it_is_undone(project: Project) -> None:
    done = relabeling.rename(project, "Ann", "Ben")
    assert by(project)[3] == ["Ben", "Ben"]
    project.labels.set(1, NO, "Ben")
    assert (project.operations.undo(done.operation).changed, by(project)[1]) == (3, ["Ann", "Ben"])
    assert by(project)[3] == ["Ann", "Ben"]


def test_rows_are_no_longer_offered_to_who_labeled_them_under_the_old_name(project: Project) -> None:
    project.people.set_share(1.0)
    assert project.items.count(Filter(show="second", labeler="Ann Lee")) == 3
    done = relabeling.rename(project, "Ann", "Ann Lee")
    assert project.items.count(Filter(show="second", labeler="Ann Lee")) == 1
    project.operations.undo(done.operation)
    assert project.items.count(Filter(show="second", labeler="Ann Lee")) == 3


def test_what_lies_in_the_bin_goes_along(project: Project) -> None:
    binned = project.operations.apply("delete", "delete", [Edit(item=2, to_bin=True)])
    assert relabeling.rename(project, "Ann", "Ann Lee").changed == 3
    project.operations.undo(binned.operation)
    assert standing(project)[2] == [("Ann Lee", YES)]


def test_labels_given_without_a_name_go_along_and_imported_ones_do_not(project: Project) -> None:
    project.labels.set(1, NO)
    assert relabeling.rename(project, "", "Ann").changed == 1
    assert by(project)[1] == ["Ann", "Ann"]
    assert by(project)[5] == [""]


def test_drafts_go_along(project: Project) -> None:
    project.drafts.put("Ann", {("second", 4): YES, ("disputed", 3): YES})
    project.drafts.put("Ann Lee", {("second", 4): NO})
    relabeling.rename(project, "Ann", "Ann Lee")
    assert project.drafts.of("Ann") == {}
    assert project.drafts.of("Ann Lee") == {("second", 4): NO, ("disputed", 3): YES}


def test_stopped_or_refused_nothing_has_changed(project: Project) -> None:
    with pytest.raises(Cancelled):
        relabeling.rename(project, "Ann", "Ann Lee", should_stop=lambda: True)
    with pytest.raises(UserError, match="another name"):
        relabeling.rename(project, "Ann", " ")
    other = Project.open(project.path)
    with pytest.raises(UserError, match="can only be read now"):
        relabeling.rename(other, "Ann", "Ann Lee")
    other.close()
    assert by(project) == BEFORE


def test_labels_can_be_undone_one_by_one_afterwards(project: Project) -> None:
    relabeling.rename(project, "Ann", "Ann Lee")
    assert project.labels.undo() == 4
    assert project.labels.undo() == 3
    assert standing(project)[3] == [("Ann Lee", YES)]
