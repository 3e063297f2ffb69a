"""Labels that speak of places in their text stay on their words, whatever is undone, and in whatever order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.rows import Edit, Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import cleaning, personal

TASK = next(task for task in TASKS.values() if task.move_label is not None)
RAW, CLEAN = "Anna   lives in   Rome", "Anna lives in Rome"
STEPS = [cleaning.step_named("whitespace")]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """One row that is to be cleaned, without a label."""
    made = Project.create(tmp_path / "Places", TASK.name)
    made.items.insert(
        "a.csv", [NewItem(content={"text": RAW})], to_value=TASK.labels.to_value, class_names=TASK.labels.names
    )
    made.classes.ensure(["LOC"])
    yield made
    made.close()


def text(project: Project) -> str:
    """The row's."""
    return project.items.page(Filter(), 0, 1)[0].content["text"]


def words(project: Project) -> list[str]:
    """What the spans of the row lie on."""
    return [text(project)[start:end] for start, end, _ in project.items.page(Filter(), 0, 1)[0].value or ()]


def mark(project: Project, word: str = "Rome") -> None:
    """As a person does: a label on a word of the text as it is."""
    start = text(project).index(word)
    project.labels.set(1, [[start, start + len(word), next(iter(project.classes.names()))]], "Ann")


def test_undoing_a_cleaning_leaves_a_row_that_was_marked_since(project: Project) -> None:
    done = cleaning.apply(project, STEPS)
    mark(project)
    undone = project.operations.undo(done.operation)
    assert (undone.changed, undone.left) == (0, 1)
    assert (text(project), words(project)) == (CLEAN, ["Rome"])


def test_undoing_a_masking_leaves_a_row_that_was_marked_since(project: Project) -> None:
    cleaning.apply(project, STEPS)
    project.operations.apply("edit", "Told more", [Edit(item=1, content={"text": "mail bob@example.com about Rome"})])
    done = personal.treat(project, {"email": "mask"})
    mark(project)
    project.operations.undo(done.operation)
    assert (text(project), words(project)) == ("mail [EMAIL] about Rome", ["Rome"])


def test_text_and_spans_are_undone_and_done_again_together(project: Project) -> None:
    mark(project)
    done = cleaning.apply(project, STEPS)
    for _ in range(2):
        assert (text(project), words(project)) == (CLEAN, ["Rome"])
        assert project.operations.undo(done.operation).changed == 1
        assert (text(project), words(project)) == (RAW, ["Rome"])
        assert project.operations.redo(done.operation).changed == 1


def test_a_span_that_the_cleaning_did_not_move_is_undone_with_it(project: Project) -> None:
    mark(project, "Anna")
    done = cleaning.apply(project, STEPS)
    assert project.operations.undo(done.operation).changed == 1
    assert (text(project), words(project)) == (RAW, ["Anna"])


def test_labels_by_key_are_not_undone_onto_another_text(project: Project) -> None:
    mark(project)
    project.labels.clear(1, "Ann")
    done = cleaning.apply(project, STEPS)
    assert project.labels.undo() is None
    project.operations.undo(done.operation)
    project.labels.undo()
    assert (text(project), words(project)) == (RAW, ["Rome"])
    assert project.operations.redo(done.operation).left == 1  # the row has a span now that it had not then
    assert words(project) == ["Rome"]


def test_what_was_marked_and_undone_since_is_not_done_again_on_the_old_text(project: Project) -> None:
    done = cleaning.apply(project, STEPS)
    mark(project)
    project.labels.undo()
    project.operations.undo(done.operation)
    assert text(project) == RAW
    assert project.labels.redo() is None


def test_what_was_marked_and_cleared_since_is_not_undone_onto_the_old_text(project: Project) -> None:
    done = cleaning.apply(project, STEPS)
    mark(project)
    project.labels.clear(1, "Ann")
    project.operations.undo(done.operation)
    assert text(project) == RAW
    assert project.labels.undo() is None
