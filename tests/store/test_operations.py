"""Operations on many rows: together, undone together, whole or not at all; and the bin."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Counts, Edit, Filter, Item, NewLabel
from desktop_llm.store.project import Project
from tests.store.conftest import ROWS, insert


def rows(project: Project) -> list[Item]:
    return project.items.page(Filter(), 0, 1000)


def value(project: Project, item: int) -> Any:
    row = project.items.get(item)
    assert row is not None
    return row.value


def everything(project: Project) -> tuple[list[Item], Counts, int]:
    return rows(project), project.items.counts(), project.bin.count()


def shout(item: int) -> Edit:
    return Edit(item=item, content={"text": f"LOUD {item}"}, split="test", label=NewLabel(value=1))


KINDS: dict[str, Callable[[int], Edit]] = {
    "text": lambda item: Edit(item=item, content={"text": f"other {item}"}),
    "cells": lambda item: Edit(item=item, extra={"channel": f"other {item}", "number": 5}),
    "no cells": lambda item: Edit(item=item, extra={}),
    "split": lambda item: Edit(item=item, split="test"),
    "label": lambda item: Edit(item=item, label=NewLabel(value=2)),
    "no label": lambda item: Edit(item=item, label=NewLabel(value=None)),
    "skip": lambda item: Edit(item=item, label=NewLabel(value=None, skipped=True)),
    "bin": lambda item: Edit(item=item, to_bin=True),
    "all": shout,
    "all and bin": lambda item: Edit(
        item=item, content={"text": "x"}, extra={"a": "b"}, label=NewLabel(value=2), to_bin=True
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_done_together_is_undone_and_done_again_together(project: Project, kind: str) -> None:
    before = everything(project)
    done = project.operations.apply("try", "A try", (KINDS[kind](item) for item in range(3, 25)), labeler="Ann")
    after = everything(project)
    assert after != before
    assert done.changed + done.left == 22
    assert [(one.title, one.count, one.undone) for one in project.operations.all()] == [("A try", done.changed, False)]

    assert project.operations.undo(done.operation).changed == done.changed
    assert everything(project) == before
    assert project.operations.all()[0].undone
    assert project.operations.redo(done.operation).changed == done.changed
    assert everything(project) == after
    project.operations.undo(done.operation)
    assert everything(project) == before
    assert project.check() == []


def test_operations_are_undone_after_a_restart(project: Project, reopened: Callable[[], Project]) -> None:
    before = everything(project)
    number = project.operations.apply("try", "A try", map(shout, range(1, 31))).operation
    again = reopened()
    again.operations.undo(number)
    assert everything(again) == before
    again.close()


def test_what_was_changed_since_is_left_alone(project: Project) -> None:
    number = project.operations.apply("try", "A try", map(shout, range(1, 11))).operation
    project.labels.set(3, 2)
    project.operations.apply("move", "To training", [Edit(item=4, split="train")])
    outcome = project.operations.undo(number)
    assert (outcome.changed, outcome.left) == (8, 2)
    three, four, five = rows(project)[2:5]
    assert (three.value, three.content["text"]) == (2, "text number 2")
    assert (four.split, four.content["text"]) == ("train", "text number 3")
    assert (five.split, five.value, five.content["text"]) == ("", 2, "text number 4")


def test_a_label_by_key_is_not_undone_over_an_operation(project: Project) -> None:
    project.labels.set(3, 1)
    project.labels.set(4, 1)
    project.operations.apply("label", "All no", [Edit(item=3, label=NewLabel(value=2))], labeler="Ann")
    assert project.labels.undo() == 4
    assert project.labels.undo() is None
    assert [(one.origin, one.labeler, one.after) for one in project.labels.history(3)][-1] == ("bulk", "Ann", 2)


def test_nothing_to_change_is_no_operation(project: Project) -> None:
    outcome = project.operations.apply("move", "Nowhere", [Edit(item=1, split=""), Edit(item=999, split="test")])
    assert (outcome.changed, outcome.left) == (0, 2)
    assert project.operations.all() == []


def test_a_cancelled_operation_leaves_nothing(project: Project) -> None:
    before = everything(project)
    asked: list[int] = []

    def edits() -> Any:
        for item in range(1, 31):
            asked.append(item)
            yield shout(item)
        asked.append(0)

    with pytest.raises(Cancelled):
        project.operations.apply("try", "A try", edits(), should_stop=lambda: 0 in asked)
    assert everything(project) == before
    assert project.operations.all() == []

    number = project.operations.apply("try", "A try", map(shout, range(1, 31))).operation
    after = everything(project)
    with pytest.raises(Cancelled):
        project.operations.undo(number, should_stop=lambda: True)
    assert everything(project) == after
    assert not project.operations.all()[0].undone


def test_a_label_given_while_an_operation_ran_follows_what_was_there_before_it(project: Project) -> None:
    insert(project, [(f"more {place}", None) for place in range(1000)])
    item = project.items.page(Filter(show="unlabeled"), 0, 100)[50].id
    project.labels.set(item, 0, "Ann")
    project.labels.clear(item, "Ann")

    def edits() -> Iterator[Edit]:
        for place in range(1, 1001):
            if place == 900:  # the first piece is written by now
                project.labels.set(item, 1, "Ann")
            yield Edit(item=place, label=NewLabel(value=2))
        raise Cancelled

    with pytest.raises(Cancelled):
        project.operations.apply("label", "Label", edits(), labeler="Ben")
    assert value(project, item) == 1
    assert [(one.before, one.after) for one in project.labels.history(item)] == [(None, 0), (0, None), (None, 1)]
    project.labels.undo()
    assert value(project, item) is None
    project.labels.undo()
    assert value(project, item) == 0


def test_an_answer_given_while_an_operation_ran_stands_alone(project: Project) -> None:
    insert(project, [(f"more {place}", None) for place in range(1000)])
    item = project.items.page(Filter(show="unlabeled"), 0, 1)[0].id

    def edits() -> Iterator[Edit]:
        for place in range(1, 1001):
            if place == 900:
                project.labels.answer(item, 1, "Ann")
            yield Edit(item=place, label=NewLabel(value=2))
        raise Cancelled

    with pytest.raises(Cancelled):
        project.operations.apply("label", "Label", edits(), labeler="Ben")
    assert (value(project, item), project.people.disputed()) == (1, 0)


def test_a_failing_reader_of_edits_leaves_nothing(project: Project) -> None:
    before = everything(project)

    def edits() -> Any:
        yield from map(shout, range(1, 31))
        raise UserError("The model broke.")

    with pytest.raises(UserError, match="The model broke"):
        project.operations.apply("try", "A try", edits())
    assert everything(project) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from desktop_llm.rows import Edit
from desktop_llm.store import operations
from desktop_llm.store.project import Project

operations.EDITS_A_PIECE = 5
project = Project.open(Path(sys.argv[1]))

def edits():
    for item in range(1, 31):
        if item == 18:
            os.kill(os.getpid(), signal.SIGKILL)
        yield Edit(item=item, content={"text": f"LOUD {item}"}, split="test", to_bin=item % 3 == 0)

project.operations.apply("try", "A try", edits())
"""


@pytest.mark.skipif(os.name == "nt", reason="kills as only POSIX does")
def test_a_killed_operation_is_taken_back(project: Project, reopened: Callable[[], Project]) -> None:
    before = everything(project)
    project.close()
    ended = subprocess.run([sys.executable, "-c", KILLED, str(project.path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    again = reopened()
    assert everything(again) == before
    assert again.operations.all() == []
    assert again.check() == []
    again.close()


def test_rows_in_the_bin_are_nowhere_else(project: Project) -> None:
    project.operations.apply("delete", "Delete 2 rows", [Edit(item=1, to_bin=True), Edit(item=3, to_bin=True)])
    counts = project.items.counts()
    assert (counts.total, counts.labeled, counts.unlabeled) == (28, 19, 9)
    assert project.items.get(1) is None
    assert [item for item, _ in project.items.unlabelled(0, 2)] == [6, 9]
    assert [(item, text) for item, text, _ in project.bin.page(0, 10)] == [(1, "text number 0"), (3, "text number 2")]
    with pytest.raises(UserError, match="bin"):
        project.labels.set(1, 2)


def test_a_file_brings_back_neither_what_lies_in_the_bin_nor_what_was_cleaned(project: Project) -> None:
    project.operations.apply("delete", "Delete", [Edit(item=3, to_bin=True)])
    project.operations.apply("clean", "Clean", [Edit(item=6, content={"text": "clean text"})])
    told = insert(project, [(text, "yes") for text, _ in ROWS])
    assert (told.imported, told.duplicates, told.labeled) == (0, 30, 9)
    assert insert(project, [("clean text", None)]).imported == 0
    assert project.items.counts().total == 29


def test_an_undone_text_is_known_by_its_own_words_only(project: Project) -> None:
    number = project.operations.apply("clean", "Clean", [Edit(item=6, content={"text": "clean text"})]).operation
    project.operations.undo(number)
    assert insert(project, [("clean text", None), ("text number 5", None)]).imported == 1


def test_emptying_the_bin_is_for_ever(project: Project) -> None:
    project.operations.apply("clean", "Clean", [Edit(item=3, content={"text": "clean text"})])
    number = project.operations.apply("delete", "Delete", [Edit(item=3, to_bin=True)]).operation
    assert project.bin.empty() == 1
    outcome = project.operations.undo(number)
    assert outcome.changed == 0
    assert project.items.counts().total == 29
    assert insert(project, [("clean text", None), ("text number 2", None)]).imported == 2
    assert project.check() == []


def test_a_class_that_the_bin_needs_is_kept(project: Project) -> None:
    label_all = [Edit(item=item, label=NewLabel(value=1)) for item in range(1, 31)]
    project.operations.apply("delete", "Delete", [Edit(item=2, to_bin=True)])
    project.operations.apply("label", "All yes", label_all)
    with pytest.raises(UserError, match="in the bin"):
        project.classes.remove(2)


def test_read_only_projects_take_no_operation(project: Project) -> None:
    second = Project.open(project.path)
    assert second.read_only
    with pytest.raises(UserError, match="read-only"):
        second.operations.apply("try", "A try", map(shout, range(1, 31)))
    second.close()
