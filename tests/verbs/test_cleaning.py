"""Cleaning a project: shown, applied as one operation, taken back; label variants and leaks likewise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.data.cleaning.filters import Length
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import cleaning

TASK = next(iter(TASKS.values()))
ROWS = [
    ("Where  is my   parcel?", None),
    ("where is my parcel?", "delivery"),
    ("<b>Broken</b> cup", "Damaged"),
    ("a fine day", "damaged"),
    ("a fine day indeed it is, is it not, my friend", "damaged"),
    ("x", "other"),
]
STEPS = [cleaning.step_named(name) for name in ("exact_duplicates", "whitespace", "html", "length")]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Six rows with everything that can be wrong."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    items = [NewItem(content={"text": text}, label=label) for text, label in ROWS]
    made.items.insert("a.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    yield made
    made.close()


def texts(project: Project) -> list[tuple[int, str]]:
    """Ids and texts."""
    return [(item.id, item.content["text"]) for item in project.items.page(Filter(), 0, 100)]


def test_what_would_happen_is_shown_and_nothing_done(project: Project) -> None:
    before = texts(project)
    seen = cleaning.look(project, STEPS)
    assert (seen.seen, seen.changed, seen.dropped) == (6, 1, 2)
    assert {one.id: (one.after, one.dropped != "") for one in seen.samples} == {
        1: ("", True),
        3: ("Broken cup", False),
        6: ("", True),
    }
    assert texts(project) == before


def test_all_rows_are_cleaned_as_one_operation_and_taken_back(project: Project) -> None:
    before = texts(project)
    told: list[float] = []
    done = cleaning.apply(project, STEPS, labeler="Ada", on_progress=told.append)
    assert done.changed == 3
    assert told[-1] == 1.0
    # of the two that say the same the labeled one stays
    assert texts(project) == [(2, "where is my parcel?"), (3, "Broken cup"), *before[3:5]]
    assert project.bin.count() == 2
    (listed,) = project.operations.all()
    assert listed.title == "Cleaned: HTML to text, White space, Length, Duplicates"
    assert [step["name"] for step in listed.details["steps"]] == ["html", "whitespace", "length", "exact_duplicates"]
    assert cleaning.look(project, STEPS).samples == ()
    project.operations.undo(done.operation)
    assert texts(project) == before


def test_stopped_nothing_has_changed(project: Project) -> None:
    before = texts(project)
    with pytest.raises(Cancelled):
        cleaning.apply(project, STEPS, should_stop=lambda: True)
    assert texts(project) == before


def test_spellings_of_a_label_become_one(project: Project) -> None:
    (merger,) = cleaning.variants(project)
    assert (merger.keep, merger.others) == ("damaged", ("Damaged",))
    done = cleaning.merge(project, [merger])
    assert done.changed == 1
    assert {one.name: one.count for one in project.classes.all()} == {
        "delivery": 1,
        "Damaged": 0,
        "damaged": 3,
        "other": 1,
    }
    assert cleaning.variants(project) == () or all(one.others != ("damaged",) for one in cleaning.variants(project))


def test_training_rows_that_are_held_out_go(project: Project) -> None:
    project.items.set_splits({1: "train", 2: "test", 3: "train", 4: "validation"})
    (leak,) = cleaning.leaks(project)
    assert (leak.id, leak.train_id, leak.split) == (2, 1, "test")
    assert cleaning.drop_leaks(project, [leak]).changed == 1
    assert cleaning.leaks(project) == ()


@pytest.mark.parametrize(
    ("step", "key", "value", "said"),
    [
        ("length", "least_characters", "many", "is no value"),
        ("length", "least_characters", "-1", "lies between"),
        ("length", "colour", "1", "has no “colour”"),
        ("empty", "signs", "perhaps", "is no value"),
    ],
)
def test_a_setting_that_is_none_says_so(step: str, key: str, value: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        cleaning.with_value(cleaning.step_named(step), key, value)


def test_settings_are_told_as_text() -> None:
    step = cleaning.with_value(cleaning.step_named("length"), "least_characters", "7")
    assert isinstance(step, Length)
    assert step.least_characters == 7
    with pytest.raises(UserError, match="There is no cleaning step “soap”"):
        cleaning.step_named("soap")
