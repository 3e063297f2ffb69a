"""Rows: brought in once, found by key, and always by an index."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from desktop_llm.errors import Cancelled
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Filter, Guess, NewItem
from desktop_llm.store.project import Project
from tests.store.conftest import ROWS, TASK, insert


def _values(project: Project) -> dict[str, int]:
    return {one.name: one.id for one in project.classes.all()}


def test_counts_tell_what_was_brought_in(project: Project) -> None:
    counts = project.items.counts()
    assert (counts.total, counts.labeled, counts.unlabeled, counts.skipped) == (30, 20, 10, 0)
    assert counts.by_class == dict.fromkeys(_values(project).values(), 10)
    assert counts.by_source == {"rows.csv": 30}


def test_known_texts_are_not_inserted_again_but_bring_their_labels(project: Project) -> None:
    told = insert(
        project, [("text number 2", "yes"), ("  text number 0 ", "no"), ("text number 1", "no"), ("new", None)]
    )
    assert (told.imported, told.duplicates, told.labeled, told.conflicts) == (1, 3, 1, 1)
    assert project.items.counts().total == 31
    third = project.items.get(3)
    assert third is not None
    assert third.value == _values(project)["yes"]


def test_labels_alone_insert_no_text(project: Project) -> None:
    told = insert(project, [("text number 2", "yes"), ("never seen", "no")], known_only=True)
    assert (told.imported, told.labeled, told.unknown) == (0, 1, 1)
    assert project.items.counts().total == 30


def test_a_cancelled_import_leaves_nothing(project: Project) -> None:
    before = project.items.counts(), project.classes.all(), project.items.sources()
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        project.items.insert(
            "more.csv",
            (NewItem(content={"text": f"more {place}"}, label="other") for place in range(5000)),
            to_value=TASK.labels.to_value,
            class_names=TASK.labels.names,
            should_stop=lambda: next(asked),
        )
    assert (project.items.counts(), project.classes.all(), project.items.sources()) == before


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Filter(), list(range(1, 31))),
        (Filter(show="unlabeled"), list(range(3, 31, 3))),
        (Filter(show="labeled"), [place for place in range(1, 31) if place % 3]),
        (Filter(class_id=1), list(range(1, 31, 3))),
        (Filter(text="number 1"), [2, *range(11, 21)]),
        (Filter(text="%"), []),
        (Filter(source="rows.csv", text="29"), [30]),
        (Filter(split="test"), []),
    ],
)
def test_pages_places_and_counts_agree_with_a_plain_reading(
    project: Project, told: Filter, expected: list[int]
) -> None:
    assert project.items.count(told) == len(expected)
    assert [item.id for item in project.items.page(told, 0, 100)] == expected
    places = project.items.places(told)
    pages = [project.items.page(told, first, 4, skip) for first, skip in map(places.at, range(0, len(expected), 4))]
    assert [item.id for page in pages for item in page] == expected
    assert [number for part in project.items.ids(told) for number in part] == expected
    middle = expected[len(expected) // 2] if expected else 5
    before = project.items.before(told, middle)
    assert (before.id if before else None) == max((one for one in expected if one < middle), default=None)


def test_the_confusion_of_a_run_is_a_filter(project: Project) -> None:
    values = _values(project)
    number = project.runs.create(TASK.recipe, model_title="from scratch", snapshot={}, schema={})
    answers = [
        (item, Prediction(label="yes" if item % 2 else "no", probability=0.9, uncertainty=0.1)) for item in range(1, 31)
    ]
    project.predictions.write(number, answers)
    told = Filter(run=number, truth=values["no"], predicted="yes")
    expected = [place for place in range(1, 31) if ROWS[place - 1][1] == "no" and place % 2]
    assert [item.id for item in project.items.page(told, 0, 100)] == expected


def test_the_least_certain_come_first_and_go_when_they_are_labeled(project: Project) -> None:
    number = project.runs.create(TASK.recipe, model_title="from scratch", snapshot={}, schema={})
    answers = [
        (item, Prediction(label="no", probability=0.5, uncertainty=(item * 7 % 30) / 30)) for item in range(1, 31)
    ]
    project.predictions.write(number, answers)
    project.predictions.rebuild_uncertainty(number)
    expected = sorted(range(3, 31, 3), key=lambda item: (-(item * 7 % 30), item))
    queue = [item.id for item in project.items.queue(Filter(show="unlabeled"), "uncertain", None, 100)]
    assert queue == expected
    behind = project.items.queue(Filter(show="unlabeled"), "uncertain", expected[3], 100)
    assert [item.id for item in behind] == expected[4:]
    project.labels.set(expected[0], 1)
    assert project.items.queue(Filter(), "uncertain", None, 1)[0].id == expected[1]
    project.labels.undo()
    assert project.items.queue(Filter(), "uncertain", None, 1)[0].id == expected[0]


HOT: dict[str, Callable[[Project], object]] = {
    "page": lambda project: project.items.page(Filter(), 5, 10),
    "page of unlabeled": lambda project: project.items.page(Filter(show="unlabeled"), 5, 10),
    "page of labeled": lambda project: project.items.page(Filter(show="labeled"), 5, 10),
    "page of skipped": lambda project: project.items.page(Filter(show="skipped"), 5, 10),
    "page of a class": lambda project: project.items.page(Filter(class_id=1), 5, 10),
    "page of a split": lambda project: project.items.page(Filter(split="test"), 5, 10),
    "next unlabeled": lambda project: project.items.queue(Filter(show="unlabeled"), "file", 5, 10),
    "most uncertain": lambda project: project.items.queue(Filter(show="unlabeled"), "uncertain", None, 10),
    "next uncertain": lambda project: project.items.queue(Filter(show="unlabeled"), "uncertain", 6, 10),
    "most doubted": lambda project: project.items.queue(Filter(show="labeled"), "doubted", None, 10),
    "next doubted": lambda project: project.items.queue(Filter(show="labeled"), "doubted", 1, 10),
    "waiting": lambda project: project.suggestions.waiting(),
    "labels given": lambda project: project.suggestions.labeled(),
    "marked": lambda project: project.doubts.marked("hard"),
    "one before": lambda project: project.items.before(Filter(show="unlabeled"), 9),
    "counts": lambda project: project.items.counts(),
    "classes": lambda project: project.classes.all(),
    "can undo": lambda project: project.labels.can_undo(),
    "has any": lambda project: project.predictions.has_any(),
}


@pytest.mark.parametrize("name", HOT)
def test_hot_queries_sort_nothing(project: Project, name: str) -> None:
    number = project.runs.create(TASK.recipe, model_title="", snapshot={}, schema={})
    project.predictions.write(number, [(6, Prediction(label="no", probability=0.5, uncertainty=0.5))])
    project.predictions.rebuild_uncertainty(number)
    project.suggestions.write([Guess(item=9, value=1, probability=0.6, uncertainty=0.4)])
    project.doubts.replace([(1, 0.9), (2, 0.8)])
    said: list[str] = []
    with project._connections.reading() as connection:
        connection.set_trace_callback(said.append)
    HOT[name](project)
    connection.set_trace_callback(None)
    assert said
    for sql in said:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
        assert not any("TEMP B-TREE" in step for step in plan if "classes" not in sql), (sql, plan)
        # only the few classes and sources are read from end to end
        read_through = [step for step in plan if step.startswith("SCAN") and "USING" not in step]
        assert all(step in ("SCAN classes", "SCAN sources", "SCAN CONSTANT ROW") for step in read_through), (sql, plan)


def test_splits_are_kept(project: Project) -> None:
    project.items.set_splits({1: "test", 2: "validation"})
    assert project.items.counts().by_split == {"test": 1, "validation": 1}
    assert [item.id for item in project.items.page(Filter(split="test"), 0, 10)] == [1]
    assert {row.id: row.split for row in project.items.labelled()}[2] == "validation"
