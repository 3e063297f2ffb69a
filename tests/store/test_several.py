"""Labels that are lists: each class of them counts, whatever happens to the row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.rows import Edit, Filter, NewItem, NewLabel
from desktop_llm.store import schema
from desktop_llm.store.inserting import InsertCounts
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS

TASK = next(one for one in TASKS.values() if one.several)
ROWS: dict[str, list[str] | None] = {
    "one": ["a", "b"],
    "two": ["b"],
    "three": [],
    "four": None,
    "five": ["b", "a", "c"],
}


def _insert(project: Project, rows: Mapping[str, list[str] | None]) -> InsertCounts:
    return project.items.insert(
        "rows.csv",
        [NewItem(content={"text": text}, label=label) for text, label in rows.items()],
        to_value=TASK.labels.to_value,
        class_names=TASK.labels.names,
    )


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Five rows: two of a, three of b, one of c, one of none, one without a label. Classes 1 to 3."""
    made = Project.create(tmp_path / "Topics", TASK.name)
    _insert(made, ROWS)
    yield made
    made.close()


def _counts(project: Project) -> dict[str, int]:
    """How often each class counts; the index must be what the labels say."""
    counts = {one.name: one.count for one in project.classes.all()}
    names = project.classes.names()
    told = [row for part in project.items.ids(Filter()) for row in project.items.get_many(part)]
    for number, name in names.items():
        assert counts[name] == sum(number in (row.value or ()) for row in told)
        assert project.items.count(Filter(class_id=number)) == counts[name]
    return counts


def test_an_import_counts_each_class(project: Project) -> None:
    assert _counts(project) == {"a": 2, "b": 3, "c": 1}
    told = project.items.counts()
    assert (told.labeled, told.unlabeled) == (4, 1)
    assert [row.id for row in project.items.page(Filter(class_id=1), 0, 9)] == [1, 5]
    assert [row.id for row in project.items.page(Filter(class_id=2, without=1), 0, 9)] == [2]


def test_labels_for_texts_that_are_there_and_labels_that_conflict(project: Project) -> None:
    told = _insert(project, {"four": ["c"], "one": ["b", "a"], "two": ["a"], "six": None, "six ": ["c"]})
    assert (told.labeled, told.conflicts, told.imported) == (2, 1, 1)
    assert _counts(project) == {"a": 2, "b": 3, "c": 3}


def test_a_text_twice_in_a_file_has_its_label_once(project: Project) -> None:
    items = [NewItem(content={"text": "new"}, label=label) for label in (None, ["a", "c"], ["b"])]
    told = project.items.insert("more.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    assert (told.imported, told.labeled, told.conflicts) == (1, 1, 1)
    assert _counts(project) == {"a": 3, "b": 3, "c": 2}


def test_every_change_is_counted_and_can_be_undone(project: Project) -> None:
    project.labels.set(4, [1, 3])
    project.labels.set(1, [2, 3])
    assert _counts(project) == {"a": 2, "b": 3, "c": 3}
    project.labels.set(1, [])
    project.labels.clear(2)
    assert _counts(project) == {"a": 2, "b": 1, "c": 2}
    assert [project.labels.undo() for _ in range(4)] == [2, 1, 1, 4]
    assert _counts(project) == {"a": 2, "b": 3, "c": 1}
    done = project.operations.apply("label", "All", [Edit(item=n, label=NewLabel(value=[3])) for n in range(1, 6)])
    assert _counts(project) == {"a": 0, "b": 0, "c": 5}
    project.operations.undo(done.operation)
    assert _counts(project) == {"a": 2, "b": 3, "c": 1}


def test_the_bin_keeps_a_class_that_it_needs(project: Project) -> None:
    gone = project.operations.apply("delete", "Delete", [Edit(item=5, to_bin=True)])
    assert _counts(project) == {"a": 1, "b": 2, "c": 0}
    with pytest.raises(UserError, match="in the bin"):
        project.classes.remove(3)
    project.operations.undo(gone.operation)
    with pytest.raises(UserError, match="1 texts have this label"):
        project.classes.remove(3)


def test_what_a_removed_class_was_given_by_cannot_come_back(project: Project) -> None:
    project.labels.set(4, [1, 3])
    project.labels.set(4, [1])
    project.labels.set(5, [1, 2])
    project.classes.remove(3)
    assert project.labels.undo() is None
    assert _counts(project) == {"a": 3, "b": 3}


def test_predictions_that_have_a_class_and_those_that_disagree(project: Project) -> None:
    classes = {"classes": ["a", "b", "c"], "class_ids": [1, 2, 3]}
    run = project.runs.create(Recipe(), model_title="x", snapshot={}, schema=classes)
    told: list[list[str]] = [["b", "a"], ["b", "c"], [], ["a"], ["a", "b"]]
    answers = [(n, Prediction(label=label, probability=1, uncertainty=0)) for n, label in enumerate(told, 1)]
    project.predictions.write(run, answers)
    found = [[row.id for row in project.items.page(one, 0, 9)] for one in (
        Filter(disagrees=True), Filter(predicted="a"), Filter(predicted="c"), Filter(predicted="d"),
        Filter(run=run, truth=2, predicted="c", without=3), Filter(text="o", disagrees=True),
    )]  # fmt: skip
    assert found == [[2, 5], [1, 4, 5], [2], [], [2], [2]]
    project.classes.rename(1, "A")  # the run goes on speaking of “a”
    assert [row.id for row in project.items.page(Filter(disagrees=True), 0, 9)] == [2, 5]
    project.classes.add("d")
    project.labels.set(1, [1, 2, 4])  # the run knows nothing of “d”
    assert [row.id for row in project.items.page(Filter(disagrees=True), 0, 9)] == [2, 5]


def test_stretches_count_for_their_classes(project: Project) -> None:
    project.labels.set(4, [[0, 2, 1], [3, 4, 3], [5, 6, 1]])
    told = {one.name: one.count for one in project.classes.all()}
    assert told == {"a": 3, "b": 3, "c": 2}
    project.labels.set(4, [[0, 2, 3]])
    told = {one.name: one.count for one in project.classes.all()}
    assert told == {"a": 2, "b": 3, "c": 2}


def test_a_project_of_an_older_version_counts_its_lists(project: Project, tmp_path: Path) -> None:
    path = project.path
    project.close()
    connection = sqlite3.connect(path / "project.db")
    with connection:
        names = "'labels_of_several_classes', 'classes_of_spans', 'labels_come_without_trigger'"
        connection.execute(f"DELETE FROM _sqlite_migrations WHERE name IN ({names})")
        for name in ("label_came", "label_changed", "label_went"):
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
            connection.execute(f"CREATE TRIGGER {name} AFTER INSERT ON labels BEGIN SELECT 1; END")
        connection.execute("DELETE FROM class_items")
        connection.execute(f"PRAGMA user_version = {schema.VERSION - 1}")
    connection.close()
    again = Project.open(path)
    try:
        assert _counts(again) == {"a": 2, "b": 3, "c": 1}
        again.labels.set(4, [1])
        assert _counts(again) == {"a": 3, "b": 3, "c": 1}
    finally:
        again.close()


def _names(project: Project) -> list[tuple[str, str]]:
    return [(one.name, one.key) for one in project.classes.all()]


@pytest.mark.parametrize(
    ("came", "order"),
    [
        (["5", "10", "1"], ["1", "5", "10"]),
        (["3 stars", "1 star", "2 stars"], ["1 star", "2 stars", "3 stars"]),
        (["0", "-1", "0.5"], ["-1", "0", "0.5"]),
        (["2", "good", "1"], ["2", "good", "1"]),
        (["2", "1", "2 "], ["1", "2"]),
        (["1b", "1a"], ["1b", "1a"]),
    ],
)
def test_numbers_are_put_in_order(tmp_path: Path, came: list[str], order: list[str]) -> None:
    made = Project.create(tmp_path / "Stars", TASK.name)
    try:
        made.classes.ensure(dict.fromkeys(one.strip() for one in came))
        made.classes.order_by_number()
        assert [name for name, _ in _names(made)] == order
    finally:
        made.close()


def test_levels_have_the_keys_that_they_are_called_by(tmp_path: Path) -> None:
    made = Project.create(tmp_path / "Stars", TASK.name)
    try:
        made.classes.ensure(["10", "2", "1", "0 (never)", "11"])
        assert dict(_names(made)) == {"10": "1", "2": "2", "1": "3", "0 (never)": "0", "11": "4"}
        made.classes.set_key(5, "z")
        made.classes.order_by_number()
        assert _names(made) == [("0 (never)", "0"), ("1", "1"), ("2", "2"), ("10", "3"), ("11", "z")]
    finally:
        made.close()


def test_what_is_called_by_a_digit_has_its_key(tmp_path: Path) -> None:
    made = Project.create(tmp_path / "Stars", TASK.name)
    try:
        made.classes.ensure(["5 stars", "0", "new", "1", "12 monkeys"])
        assert _names(made) == [("5 stars", "5"), ("0", "0"), ("new", "1"), ("1", "2"), ("12 monkeys", "3")]
    finally:
        made.close()
