"""A label that was renamed after a run: its figures, its suggestions and its confusions still mean the same texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import evaluating, naming
from tests import projects

LABELS = TASKS[projects.TASK].labels


@pytest.fixture
def opened(trained: Path) -> Iterator[Project]:
    """The trained project, open."""
    project = Project.open(trained)
    yield project
    project.close()


def _id(project: Project, name: str) -> int:
    return next(one.id for one in project.classes.all() if one.name == name)


def test_a_renamed_label_changes_no_figure(opened: Project) -> None:
    before = evaluating.evaluate(opened, 1).scores.metrics
    opened.classes.rename(_id(opened, "food"), "meals")
    again = evaluating.evaluate(opened, 1)
    assert again.scores.metrics == pytest.approx(before)
    assert again.left_out == 0
    # exchanged names are the same classes still
    opened.classes.rename(_id(opened, "travel"), "food")
    assert evaluating.evaluate(opened, 1).scores.metrics == pytest.approx(before)
    assert naming.renames(opened, 1) == {"food": "meals", "travel": "food"}


def test_a_suggestion_is_told_in_the_names_of_now(opened: Project) -> None:
    item = next(opened.items.labelled()).id
    told = Prediction(label="food", probability=0.75, uncertainty=0.5, top=(("food", 0.75), ("travel", 0.25)))
    opened.predictions.write(1, [(item, told)])
    opened.classes.rename(_id(opened, "food"), "meals")
    row = opened.items.get(item)
    assert row is not None
    assert row.prediction == told
    now = naming.in_names_of_now(opened, row, LABELS).prediction
    assert now is not None
    assert (now.label, now.top) == ("meals", (("meals", 0.75), ("travel", 0.25)))


def test_texts_of_a_label_that_the_run_never_learned_are_left_out_and_counted(opened: Project) -> None:
    before = evaluating.evaluate(opened, 1)
    opened.classes.add("weather")
    wrong = [row for row in opened.items.labelled() if row.split == "test"][:2]
    for row in wrong:
        opened.labels.set(row.id, _id(opened, "weather"))
    after = evaluating.evaluate(opened, 1)
    assert after.left_out == 2
    assert len(after.ids) == len(before.ids) - 2
    for row in opened.items.labelled():
        if row.split == "test":
            opened.labels.set(row.id, _id(opened, "weather"))
    with pytest.raises(UserError, match="never learned the labels of the 12 texts"):
        evaluating.measure(opened, 1, "test")


def test_a_label_made_anew_is_known_by_its_name(opened: Project) -> None:
    opened.classes.add("weather")
    for row in list(opened.items.labelled()):
        if row.value == _id(opened, "food"):
            opened.labels.set(row.id, _id(opened, "weather"))
    opened.classes.remove(_id(opened, "food"))
    opened.classes.add("food")
    assert naming.run_names(opened, 1) == {_id(opened, "travel"): "travel", _id(opened, "food"): "food"}
