"""Whatever a person does in whatever order, the store says what a plain list of operations says."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_llm.errors import UserError
from desktop_llm.store.project import Project
from tests.store.conftest import TASK, insert

TEXTS = 4
State = tuple[int | None, bool]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(1, TEXTS), st.integers(1, 2)),
        st.tuples(st.sampled_from(["skip", "clear"]), st.integers(1, TEXTS), st.just(0)),
        st.tuples(st.sampled_from(["undo", "redo", "reopen"]), st.just(0), st.just(0)),
    ),
    max_size=25,
)


class Model:
    """The same in plain Python: states, what was done, what was undone."""

    def __init__(self) -> None:
        self.states: dict[int, State] = dict.fromkeys(range(1, TEXTS + 1), (None, False))
        self.done: list[tuple[int, State, State]] = []
        self.undone: list[tuple[int, State, State]] = []

    def operate(self, item: int, state: State) -> None:
        self.done.append((item, self.states[item], state))
        self.undone.clear()
        self.states[item] = state

    def undo(self) -> int | None:
        if not self.done:
            return None
        self.undone.append(self.done.pop())
        item, before, _ = self.undone[-1]
        self.states[item] = before
        return item

    def redo(self) -> int | None:
        if not self.undone:
            return None
        self.done.append(self.undone.pop())
        item, _, after = self.done[-1]
        self.states[item] = after
        return item


def _states(project: Project) -> dict[int, State]:
    found = {}
    for item in range(1, TEXTS + 1):
        row = project.items.get(item)
        assert row is not None
        found[item] = (row.value, row.skipped)
    return found


def _step(project: Project, model: Model, step: tuple[str, int, int]) -> Project:
    name, item, value = step
    turns: dict[str, tuple[Callable[[], int | None], Callable[[], int | None]]] = {
        "undo": (project.labels.undo, model.undo),
        "redo": (project.labels.redo, model.redo),
    }
    if name == "reopen":
        project.close()
        return Project.open(project.path)
    if name in turns:
        real, plain = turns[name]
        assert real() == plain()
    elif name == "set":
        project.labels.set(item, value)
        model.operate(item, (value, False))
    elif name == "skip":
        project.labels.skip(item)
        model.operate(item, (None, True))
    else:
        project.labels.clear(item)
        model.operate(item, (None, False))
    return project


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_any_order_of_operations(told: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(Path(folder) / "Tickets", TASK.name)
        try:
            insert(project, [(f"text {place}", None) for place in range(TEXTS)])
            project.classes.ensure(["yes", "no"])
            model = Model()
            for step in told:
                project = _step(project, model, step)
                assert _states(project) == model.states
                assert project.labels.can_undo() == bool(model.done)
            counts = project.items.counts()
            assert counts.labeled == sum(value is not None for value, _ in model.states.values())
            assert counts.skipped == sum(skipped for _, skipped in model.states.values())
            waiting = {item for item, state in model.states.items() if state == (None, False)}
            rows = project._connections.rows("SELECT item FROM unlabeled WHERE skipped = 0")
            assert {row[0] for row in rows} == waiting
        finally:
            project.close()


def test_undo_never_takes_a_label_that_an_import_brought(project: Project) -> None:
    project.labels.skip(3, "Ada")
    project.labels.set(6, 1, "Ada")
    insert(project, [("text number 2", "no")])
    row = project.items.get(3)
    assert row is not None
    assert (row.value, row.skipped) == (2, False)
    assert project.labels.undo() == 6
    assert not project.labels.can_undo()
    row = project.items.get(3)
    assert row is not None
    assert row.value == 2
    assert [(one.before, one.after, one.origin) for one in project.labels.history(3)] == [
        (None, None, "person"),
        (None, 2, "import"),
    ]


def test_a_removed_class_never_comes_back_through_undo_or_by_its_number(project: Project) -> None:
    project.classes.add("perhaps")
    gone = project.classes.all()[-1].id
    project.labels.set(3, gone)
    with pytest.raises(UserError, match="1 text"):
        project.classes.remove(gone)
    project.labels.clear(3)
    project.classes.remove(gone)
    assert project.labels.undo() is None
    project.classes.add("another")
    assert project.classes.all()[-1].id > gone
    row = project.items.get(3)
    assert row is not None
    assert row.value is None
