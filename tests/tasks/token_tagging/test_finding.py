"""Rows found by their spans: of a class, as a model sees them, where it sees something else, and by their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.data.cleaning.label_variants import Merger
from desktop_llm.errors import UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from desktop_llm.verbs import cleaning
from tests.tasks.token_tagging import texts
from tests.tasks.token_tagging.texts import TASK, span

ROWS = [
    ("Anna in Berlin and Anna", [span(0, 4, "person"), span(8, 14, "place"), span(19, 23, "person")]),
    ("Bob", [span(0, 3, "person")]),
    ("nothing", []),
    ("not yet", None),
    ("Paris", [span(0, 5, "place")]),
]
SAID: list[list[dict[str, Any]]] = [
    [span(0, 4, "person"), span(8, 14, "place"), span(19, 23, "person")],
    [span(0, 3, "place")],
    [],
    [span(0, 3, "person")],
    [],
]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Texts of which a run has said something."""
    made = texts.make(tmp_path / "Names", ROWS)
    classes = made.classes.all()
    schema = {"classes": [one.name for one in classes], "class_ids": [one.id for one in classes]}
    made.runs.create(TASK.recipe, model_title="a model", snapshot={"train": 4}, schema=schema, number=1)
    told = [(number, Prediction(label=label, probability=0.5, uncertainty=0.5)) for number, label in enumerate(SAID, 1)]
    made.predictions.write(1, told)
    yield made
    made.close()


def _found(project: Project, **told: Any) -> list[int]:
    return [item.id for item in project.items.page(Filter(**told), 0, 100)]


def test_rows_are_found_by_what_their_spans_are(project: Project) -> None:
    numbers = {one.name: one.id for one in project.classes.all()}
    assert {one.name: one.count for one in project.classes.all() if one.count} == {"person": 2, "place": 2}
    assert _found(project, class_id=numbers["person"]) == [1, 2]
    assert _found(project, class_id=numbers["place"]) == [1, 5]
    assert _found(project, predicted="place") == [1, 2]
    assert _found(project, run=1, truth=numbers["person"], predicted="place") == [1, 2]
    assert _found(project, disagrees=True) == [2, 5]


def test_a_renamed_class_is_no_other_answer(project: Project) -> None:
    person = next(one for one in project.classes.all() if one.name == "person")
    project.classes.rename(person.id, "somebody")
    assert _found(project, disagrees=True) == [2, 5]


def test_a_class_in_use_stays(project: Project) -> None:
    numbers = {one.name: one.id for one in project.classes.all()}
    with pytest.raises(UserError, match="2 texts have this label"):
        project.classes.remove(numbers["person"])
    for item in _found(project, class_id=numbers["person"]):
        project.labels.set(item, [])
    project.classes.remove(numbers["person"])
    assert "person" not in project.classes.names().values()


def test_merged_labels_are_one_in_every_span(project: Project) -> None:
    done = cleaning.merge(project, [Merger(keep="person", others=("place",), kind="spelling")])
    assert done.changed == 2
    assert texts.held(project)["Anna in Berlin and Anna"] == [
        span(0, 4, "person"),
        span(8, 14, "person"),
        span(19, 23, "person"),
    ]
    project.operations.undo(done.operation)
    assert texts.held(project) == dict(ROWS)
