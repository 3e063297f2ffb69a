"""A label that is written bit by bit: each bit on disk, all of a visit one entry and one step to undo."""

from __future__ import annotations

from collections.abc import Callable

from desktop_llm.rows import Edit, NewLabel
from desktop_llm.store.project import Project


def _value(project: Project, item: int) -> object:
    row = project.items.get(item)
    assert row is not None
    return row.value


def _told(project: Project, item: int) -> list[tuple[object, object]]:
    return [(one.before, one.after) for one in project.labels.history(item) if not one.undone]


def test_what_is_written_in_one_go_is_one_entry_on_disk(project: Project, reopened: Callable[[], Project]) -> None:
    uid = ""
    for text in ("G", "Good", "Good day"):
        uid = project.labels.keep(3, text, "Ada", again=uid, seconds=1.5)
    again = reopened()
    try:
        assert _value(again, 3) == "Good day"
        assert _told(again, 3) == [(None, "Good day")]
        assert again.labels.undo() == 3
        assert _value(again, 3) is None
        assert again.labels.redo() == 3
        assert _value(again, 3) == "Good day"
        assert again.check() == []
    finally:
        again.close()


def test_what_was_there_before_is_what_undo_brings_back(project: Project) -> None:
    project.labels.set(3, "Hello", "Bob")
    uid = project.labels.keep(3, "Hell", "Ada")
    project.labels.keep(3, None, "Ada", again=uid)
    assert _told(project, 3) == [(None, "Hello"), ("Hello", None)]
    assert project.items.counts().unlabeled == 10
    assert project.labels.undo() == 3
    assert _value(project, 3) == "Hello"


def test_an_entry_that_something_came_after_is_left_alone(project: Project) -> None:
    uid = project.labels.keep(3, "one", "Ada")
    project.labels.set(6, "other", "Ada")
    fresh = project.labels.keep(3, "two", "Ada", again=uid)
    assert fresh != uid
    assert _told(project, 3) == [(None, "one"), ("one", "two")]
    third = project.labels.keep(3, "three", "Bob", again=fresh)  # somebody else sits there now
    assert len(_told(project, 3)) == 3
    project.operations.apply("label", "Label", [Edit(item=9, label=NewLabel(value="x"))])
    project.labels.keep(3, "four", "Bob", again=third)
    assert len(_told(project, 3)) == 4
    assert [project.labels.undo() for _ in range(2)] == [3, 3]
    assert _value(project, 3) == "two"


def test_what_was_undone_is_not_written_over(project: Project) -> None:
    uid = project.labels.keep(3, "one", "Ada")
    project.labels.undo()
    project.labels.keep(3, "two", "Ada", again=uid)
    assert _told(project, 3) == [(None, "two")]
    assert project.labels.redo() is None
