"""A class merged into another: one operation, undone as one, and no history is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import merging, naming
from tests import run_folders

TASK = TASKS[run_folders.TASK]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Six rows: two yes, two yep, one no, one without a label."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    rows = [("a", "yes"), ("b", "yep"), ("c", "no"), ("d", "yes"), ("e", "yep"), ("f", None)]
    items = [NewItem(content={"text": text}, label=label) for text, label in rows]
    made.items.insert("rows.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    yield made
    made.close()


def _named(project: Project) -> list[str | None]:
    names = project.classes.names()
    rows = project.items.get_many(range(1, 7))
    return [None if row.value is None else names[row.value] for row in rows]


def test_a_merge_is_one_operation_and_undone_as_one(project: Project) -> None:
    yes, yep, _ = project.classes.all()
    project.labels.set(6, yep.id, "Ann")
    before = _named(project)
    done = merging.merge(project, TASK.labels, yep.id, yes.id, labeler="Ann")
    assert done.changed == 3
    assert _named(project) == ["yes", "yes", "no", "yes", "yes", "yes"]
    gone = project.classes.all()[1]
    assert (gone.archived, gone.merged, gone.count, gone.key) == (True, yes.id, 0, "")
    assert [one.after for one in project.labels.history(6)] == [yep.id, yes.id]
    step = project.undoing.next_undo()
    assert step is not None
    assert (step.operation, step.title) == (done.operation, "Merged “yep” into “yes”")

    project.close()
    again = Project.open(project.path)
    again.operations.undo(done.operation)
    assert _named(again) == before
    back = again.classes.all()[1]
    assert (back.archived, back.merged, back.key) == (False, None, yep.key)
    assert again.labels.undo() == 6
    again.labels.redo()
    again.operations.redo(done.operation)
    assert again.classes.all()[1].merged == yes.id
    assert _named(again)[5] == "yes"
    again.close()


def test_a_class_without_labels_is_merged_too(project: Project) -> None:
    project.classes.add("empty")
    yes, *_, empty = project.classes.all()
    done = merging.merge(project, TASK.labels, empty.id, yes.id)
    assert done.changed == 0
    assert project.classes.all()[-1].merged == yes.id
    project.operations.undo(done.operation)
    assert project.classes.all()[-1].merged is None


def test_what_cannot_be_merged_is_said(project: Project) -> None:
    yes, yep, no = project.classes.all()
    with pytest.raises(UserError, match="two different"):
        merging.merge(project, TASK.labels, yes.id, yes.id)
    project.classes.archive(no.id)
    with pytest.raises(UserError, match="archived"):
        merging.merge(project, TASK.labels, yep.id, no.id)


def test_suggestions_of_a_merged_class_name_the_one_that_has_its_labels(project: Project) -> None:
    yes, yep, no = project.classes.all()
    schema = {"classes": ["yes", "yep", "no"], "class_ids": [yes.id, yep.id, no.id]}
    number = project.runs.create(TASK.recipe, model_title="tiny", snapshot={}, schema=schema)
    told = Prediction(label="yep", probability=0.9, uncertainty=0.1, top=(("yep", 0.9), ("no", 0.1)))
    project.predictions.write(number, [(6, told)])
    merging.merge(project, TASK.labels, yep.id, no.id)
    merging.merge(project, TASK.labels, no.id, yes.id)
    row = project.items.get(6)
    assert row is not None
    row = naming.in_names_of_now(project, row, TASK.labels)
    assert row.prediction is not None
    assert row.prediction.label == "yes"
