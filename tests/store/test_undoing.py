"""One line of undoing for single labels and operations on many: whatever the order, it says what plain Python says."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_llm.errors import UserError
from desktop_llm.rows import Edit, NewLabel
from desktop_llm.store.project import Project
from tests.store.conftest import TASK, insert

TEXTS = 5
States = dict[int, int | None]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("one"), st.integers(1, TEXTS), st.integers(1, 2), st.just(0)),
        st.tuples(st.just("many"), st.integers(1, TEXTS), st.integers(1, 2), st.integers(1, TEXTS)),
        st.tuples(st.sampled_from(["undo", "undo", "redo", "redo", "reopen"]), st.just(0), st.just(0), st.just(0)),
    ),
    max_size=30,
)


class Model:
    """The same in plain Python: all states before and after each thing done."""

    def __init__(self) -> None:
        self.states: States = dict.fromkeys(range(1, TEXTS + 1))
        self.done: list[tuple[States, States]] = []
        self.undone: list[tuple[States, States]] = []

    def give(self, items: range, value: int) -> None:
        after = {**self.states, **dict.fromkeys(items, value)}
        if after == self.states and len(items) > 1:
            return  # an operation that changes nothing is none
        self.done.append((self.states, after))
        self.undone.clear()
        self.states = after

    def undo(self) -> bool:
        if self.done:
            self.undone.append(self.done.pop())
            self.states = self.undone[-1][0]
            return True
        return False

    def redo(self) -> bool:
        if self.undone:
            self.done.append(self.undone.pop())
            self.states = self.done[-1][1]
            return True
        return False


def states(project: Project) -> States:
    return {row.id: row.value for row in project.items.get_many(range(1, TEXTS + 1))}


def turn(project: Project, *, undo: bool) -> bool:
    step = project.undoing.next_undo() if undo else project.undoing.next_redo()
    if step is None:
        return False
    if step.operation is None:
        assert (project.labels.undo() if undo else project.labels.redo()) == step.item
    elif undo:
        assert project.operations.undo(step.operation).left == 0
    else:
        assert project.operations.redo(step.operation).left == 0
    return True


def give_many(project: Project, items: range, value: int) -> int:
    edits = [Edit(item=item, label=NewLabel(value=value)) for item in items]
    return project.operations.apply("label", "Together", edits).operation


def _step(project: Project, model: Model, step: tuple[str, int, int, int]) -> Project:
    name, first, value, last = step
    if name == "reopen":
        project.close()
        return Project.open(project.path)
    if name == "one":
        project.labels.set(first, value)
        model.give(range(first, first + 1), value)
    elif name == "many":
        items = range(min(first, last), max(first, last) + 2)
        items = range(items.start, min(items.stop, TEXTS + 1))
        items = items if len(items) > 1 else range(1, TEXTS + 1)
        give_many(project, items, value)
        model.give(items, value)
    else:
        assert turn(project, undo=name == "undo") == (model.undo() if name == "undo" else model.redo())
    return project


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_any_order_of_single_labels_and_operations(told: list[tuple[str, int, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(Path(folder) / "Tickets", TASK.name)
        try:
            insert(project, [(f"text {place}", None) for place in range(TEXTS)])
            project.classes.ensure(["yes", "no"])
            model = Model()
            for step in told:
                project = _step(project, model, step)
                assert states(project) == model.states
                assert (project.undoing.next_undo() is None) == (not model.done)
                assert (project.undoing.next_redo() is None) == (not model.undone)
            while model.undo():
                assert turn(project, undo=True)
                assert states(project) == model.states
        finally:
            project.close()


def test_an_operation_undone_elsewhere_gives_back_what_it_covered(project: Project) -> None:
    project.labels.set(3, 1)
    number = give_many(project, range(3, 6), 2)
    project.labels.set(6, 1)
    project.operations.undo(number)
    assert project.items.get_many([3])[0].value == 1
    assert [turn(project, undo=True) for _ in range(3)] == [True, True, False]
    assert [row.value for row in project.items.get_many([3, 6])] == [None, None]


def test_other_operations_are_not_undone_by_key(project: Project) -> None:
    project.labels.set(3, 1)
    project.operations.apply("move", "To training", [Edit(item=1, split="train")])
    step = project.undoing.next_undo()
    assert step is not None
    assert (step.item, step.operation) == (3, None)


def test_a_class_that_is_gone_does_not_come_back_through_an_operation_undone(project: Project) -> None:
    project.classes.add("perhaps")
    gone = project.classes.all()[-1].id
    project.labels.set(3, gone)
    number = give_many(project, range(3, 5), 1)
    project.classes.remove(gone)
    project.operations.undo(number)
    assert gone not in {row.value for row in project.items.get_many([3, 4])}
    step = project.undoing.next_undo()
    assert step is None or step.item != 3


def test_seconds_are_kept_with_a_label(project: Project, reopened: Callable[[], Project]) -> None:
    project.labels.set(3, 1, "Ann", seconds=2.5)
    project.labels.skip(6)
    again = reopened()
    assert again.labels.history(3)[-1].seconds == 2.5
    assert again.labels.history(6)[-1].seconds is None
    again.close()


def test_the_guideline_keeps_every_version(project: Project, reopened: Callable[[], Project]) -> None:
    assert (project.guidelines.current(), project.guidelines.get().text) == (0, "")
    project.guidelines.write("Yes means yes.", "Ann")
    project.guidelines.write("Yes means yes.", "Ben")  # the same again is nothing new
    first = project.classes.all()[0].id
    project.guidelines.describe(first, "Agrees.\nFor example: “Sure!”", "Ben")
    again = reopened()
    assert again.guidelines.current() == 2
    told = again.guidelines.get()
    assert (told.text, told.descriptions, told.labeler) == (
        "Yes means yes.",
        {first: "Agrees.\nFor example: “Sure!”"},
        "Ben",
    )
    assert (again.guidelines.get(1).descriptions, [one.version for one in again.guidelines.all()]) == ({}, [2, 1])
    assert again.classes.all()[0].description.startswith("Agrees.")
    with pytest.raises(UserError, match="version 9"):
        again.guidelines.get(9)
    again.close()


def test_an_archived_class_keeps_its_labels_and_frees_its_key(project: Project) -> None:
    yes = project.classes.all()[0]
    project.classes.archive(yes.id)
    archived = project.classes.all()[0]
    assert (archived.archived, archived.key, archived.count) == (True, "", 10)
    project.classes.add("new")
    assert project.classes.all()[-1].key == yes.key
    project.classes.restore(yes.id)
    back = project.classes.all()[0]
    assert not back.archived
    assert back.key not in ("", yes.key)
