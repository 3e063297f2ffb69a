"""Figures of people on a small project, worked out by hand."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Filter
from desktop_llm.store import people
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import agreeing
from tests.store.conftest import insert

YES, NO = 1, 2


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "Two", next(iter(TASKS)))
    insert(made, [("first", "yes"), ("second", "no"), *[(f"text {place}", None) for place in range(6)]])
    return made


def test_blind_labels_are_counted_and_those_that_were_seen_are_not(project: Project) -> None:
    with_both = [(3, YES, YES), (4, YES, NO), (5, NO, NO), (6, NO, NO)]
    for item, first, second in with_both:
        project.labels.set(item, first, "Ann", seconds=2.0)
        project.labels.answer(item, second, "Ben", seconds=4.0)
    project.labels.set(7, YES, "Ann", "suggestion", seconds=3.0)
    project.labels.set(7, NO, "Ben")  # Ben saw it and thought better of it
    told = agreeing.report(project)
    assert told.overall.rows == 4
    assert told.overall.percent == 0.75
    assert told.overall.cohen == {("Ann", "Ben"): (0.5, 4)}
    ann, ben = told.labelers
    assert (ann.name, ann.given, ann.seconds, ann.agreement) == ("Ann", 5, 2.0, 0.75)
    assert (ann.changed, ann.suggested) == (0.2, 0.2)
    assert (ben.given, ben.seconds, ben.changed) == (5, 4.0, 0.0)
    yes, no = told.labels
    assert (yes.name, yes.given, yes.rows) == ("yes", 4, 2)
    assert yes.specific == pytest.approx(2 / 3)
    assert no.specific == pytest.approx(4 / 5)
    project.close()


def test_a_label_that_somebody_put_together_step_by_step_is_one(project: Project) -> None:
    for seconds, value in enumerate((YES, NO, None, YES), 2):
        project.labels.keep(3, value, "Ann", seconds=float(seconds))  # of one look, counted from its beginning
    project.labels.keep(4, YES, "Ann", seconds=1.0)
    project.labels.keep(4, None, "Ann", seconds=2.0)
    project.labels.set(3, NO, "Ben", seconds=3.0)
    project.labels.set(3, YES, "Ann", seconds=1.0)
    given = [(one.labeler, one.value, one.seconds, one.replaced_by) for one in project.people.given()]
    assert given == [("Ann", YES, 5.0, NO), ("Ben", NO, 3.0, YES), ("Ann", YES, 1.0, None)]
    assert project.people.labelers() == {"Ann": 2, "Ben": 1}
    assert [one.given for one in agreeing.report(project).labelers] == [2, 1]
    project.close()


def test_looks_at_a_row_are_added(project: Project) -> None:
    project.labels.set(3, YES, "Ann", seconds=0.0)
    project.labels.set(3, NO, "Ann", seconds=5.0)
    time.sleep(0.02)
    project.labels.set(3, YES, "Ann", seconds=0.01)  # it was shown anew since
    assert [one.seconds for one in project.people.given()] == [pytest.approx(5.01)]
    project.close()


def test_rows_to_be_labeled_twice_wait_for_whoever_was_not_first(project: Project) -> None:
    project.people.set_share(1.0)
    project.labels.set(3, YES, "Ann")
    assert project.items.page(Filter(show="second", labeler="Ann"), 0, 9) == []
    assert [one.id for one in project.items.page(Filter(show="second", labeler="Ben"), 0, 9)] == [3]
    assert (project.people.waiting("Ann"), project.people.waiting("Ben")) == (0, 1)
    project.labels.answer(3, NO, "Ben")
    assert project.people.waiting("Ben") == 0
    assert project.people.disputed() == 1
    assert project.labels.undo() == 3  # Ben's word is taken back
    assert (project.people.waiting("Ben"), project.people.disputed()) == (1, 0)
    assert project.labels.redo() == 3
    assert project.people.disputed() == 1
    project.people.set_share(0.0)
    project.labels.set(4, YES, "Ann")
    assert project.people.waiting("Ben") == 0
    project.close()


def test_a_share_chosen_later_finds_the_labels_that_are_there(project: Project) -> None:
    for item in range(3, 9):
        project.labels.set(item, YES, "Ann")
    assert project.people.waiting("Ben") == 0
    project.people.set_share(0.5)
    half = project.people.waiting("Ben")
    assert 0 < half < 6
    project.people.set_share(1.0)
    assert project.people.waiting("Ben") == 6
    project.close()


def test_a_row_in_the_bin_waits_for_nobody(project: Project) -> None:
    from desktop_llm.rows import Edit

    project.people.set_share(1.0)
    project.labels.set(3, YES, "Ann")
    project.labels.set(4, YES, "Ann")
    project.labels.answer(4, NO, "Ben")
    told = project.operations.apply("delete", "Delete", [Edit(item=3, to_bin=True), Edit(item=4, to_bin=True)])
    assert (project.people.waiting("Ben"), project.people.disputed()) == (0, 0)
    project.operations.undo(told.operation)
    assert (project.people.waiting("Ben"), project.people.disputed()) == (1, 1)
    project.close()


def test_who_could_not_tell_is_not_asked_again(project: Project) -> None:
    project.people.set_share(1.0)
    project.labels.set(3, YES, "Ann")
    project.labels.answer(3, None, "Ben")
    assert (project.people.waiting("Ben"), project.people.disputed()) == (0, 0)
    assert project.labels.undo() == 3
    assert project.people.waiting("Ben") == 1
    project.close()


def test_a_row_that_somebody_skipped_first_is_still_labeled_twice(project: Project) -> None:
    project.people.set_share(1.0)
    project.labels.skip(3, "Ann")
    project.labels.set(3, YES, "Ben")
    assert project.people.waiting("Ann") == 1
    project.labels.answer(3, NO, "Ann")
    assert (project.people.waiting("Ann"), project.people.disputed()) == (0, 1)
    assert agreeing.report(project).overall.rows == 1
    project.close()


def test_who_has_changed_a_label_is_not_asked_for_a_second_one(project: Project) -> None:
    project.people.set_share(1.0)
    project.labels.set(3, YES, "Ann")
    project.labels.set(3, NO, "Ben")
    assert (project.people.waiting("Ann"), project.people.waiting("Ben")) == (0, 0)
    assert project.labels.undo() == 3
    assert project.people.waiting("Ben") == 1
    project.close()


def test_ones_own_word_is_known_beside_the_label_that_stands(project: Project) -> None:
    project.labels.set(3, YES, "Ann")
    project.labels.answer(3, NO, "Ben")
    assert [project.people.own(3, name) for name in ("Ann", "Ben", "Carl")] == [YES, NO, None]
    row = project.items.get(3)
    assert row is not None
    assert row.value == YES
    project.close()


def test_a_share_that_was_broken_off_is_known_and_ends_the_next_time(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for item in range(3, 9):
        project.labels.set(item, YES, "Ann")
    monkeypatch.setattr(people, "AT_ONCE", 2)
    steps: list[float] = []
    with pytest.raises(Cancelled):
        project.people.set_share(1.0, should_stop=lambda: bool(steps), on_progress=steps.append)
    assert project.people.unfinished
    assert (project.people.share, project.people.waiting("Ben")) == (1.0, 2)
    with pytest.raises(Cancelled):
        project.people.set_share(0.0, should_stop=lambda: True)
    assert (project.people.share, project.people.waiting("Ben")) == (0.0, 2)
    project.people.set_share(0.0)
    assert (project.people.unfinished, project.people.waiting("Ben")) == (False, 0)
    project.people.set_share(1.0)
    assert project.people.waiting("Ben") == 6
    project.close()


def test_counting_says_how_far_it_is(project: Project) -> None:
    for item in range(3, 9):
        project.labels.set(item, YES, "Ann")
        project.labels.answer(item, NO, "Ben")
    told: list[float] = []
    agreeing.report(project, on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    with pytest.raises(Cancelled):
        agreeing.report(project, should_stop=lambda: True)
    project.close()


def test_nobody_gives_a_second_opinion_on_a_label_of_ones_own(project: Project) -> None:
    """Whoever answered blind may think better of it."""
    project.labels.set(3, YES, "Ann")
    with pytest.raises(UserError, match="row 3 is your own"):
        project.labels.answer(3, NO, "Ann")
    project.labels.answer(3, NO, "Ben")
    project.labels.answer(3, YES, "Ben")
    assert [one.labeler for one in project.labels.history(3)] == ["Ann", "Ben", "Ben"]
    assert project.people.disputed() == 0
    project.labels.undo()
    project.labels.undo()
    project.labels.undo()
    project.labels.answer(3, NO, "Ann")  # nobody has labeled it
    assert len(project.labels.history(3)) == 4
    project.close()
