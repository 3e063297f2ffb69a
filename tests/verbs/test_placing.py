"""Labels of texts that were changed on one side lie on their words on the other, or are left out and counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.rows import Edit, Filter, ImportReport, Item
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import bundles, cleaning, importing, placing

TASK = next(task for task in TASKS.values() if task.move_label is not None)
RAW, CLEAN = "Anna   lives in   Rome", "Anna lives in Rome"
STEPS = [cleaning.step_named("whitespace")]
Copies = tuple[Project, Project]


def _file(path: Path, *words: str) -> Path:
    """The raw text, with spans on words of it."""
    spans = [{"start": RAW.index(word), "end": RAW.index(word) + len(word), "label": "LOC"} for word in words]
    path.write_text(json.dumps({"text": RAW, "spans": spans} if words else {"text": RAW}) + "\n", encoding="utf-8")
    return path


def _take(project: Project, file: Path, *, labels_only: bool = False) -> ImportReport:
    return importing.run(project, importing.plan(TASK, file), labels_only=labels_only)


def _row(project: Project) -> Item:
    return project.items.page(Filter(), 0, 1)[0]


def _words(project: Project) -> list[str] | None:
    """What the spans of the row lie on."""
    row = _row(project)
    return None if row.value is None else [row.content["text"][start:end] for start, end, _ in row.value]


def _mark(project: Project, word: str, who: str = "Ann") -> None:
    row = _row(project)
    start = row.content["text"].index(word)
    project.labels.set(row.id, [[start, start + len(word), next(iter(project.classes.names()))]], who)


def _write(project: Project, text: str) -> None:
    project.operations.apply("edit", "Written anew", [Edit(item=_row(project).id, content={"text": text})])


def _send(sender: Project, receiver: Project, folder: Path) -> bundles.Taken:
    file = folder / f"{len(list(folder.glob('*.dllm')))}.dllm"
    bundles.write(sender, file)
    return bundles.take(receiver, file)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Copies]:
    """Two copies with one raw text."""
    ann = Project.create(tmp_path / "Ann", TASK.name)
    ann.classes.ensure(["LOC"])
    _take(ann, _file(tmp_path / "raw.jsonl"))
    ben = Project.create(tmp_path / "Ben", TASK.name)
    _send(ann, ben, tmp_path)
    yield ann, ben
    ann.close()
    ben.close()


def test_a_label_from_a_copy_that_was_cleaned_lies_on_its_words(two: Copies, tmp_path: Path) -> None:
    ann, ben = two
    cleaning.apply(ann, STEPS)
    _mark(ann, "Rome")
    told = _send(ann, ben, tmp_path)
    assert (told.events, told.unfit) == (1, 0)
    assert (_row(ben).content["text"], _words(ben)) == (RAW, ["Rome"])


def test_a_label_from_a_raw_copy_lies_on_its_words_where_it_was_cleaned(two: Copies, tmp_path: Path) -> None:
    ann, ben = two
    _mark(ann, "Rome")
    cleaning.apply(ben, STEPS)
    assert _send(ann, ben, tmp_path).unfit == 0
    assert (_row(ben).content["text"], _words(ben)) == (CLEAN, ["Rome"])
    _mark(ann, "Anna")
    _send(ann, ben, tmp_path)
    assert _words(ben) == ["Anna"]


def test_the_same_words_marked_on_both_texts_are_no_dispute(two: Copies, tmp_path: Path) -> None:
    ann, ben = two
    _mark(ann, "Rome")
    cleaning.apply(ben, STEPS)
    _mark(ben, "Rome", "Ben")
    assert _send(ann, ben, tmp_path).disputed == 0
    assert _send(ben, ann, tmp_path).disputed == 0
    assert (_words(ann), _words(ben)) == (["Rome"], ["Rome"])


def test_what_was_moved_when_a_copy_was_cleaned_comes_as_it_stands(two: Copies, tmp_path: Path) -> None:
    ann, ben = two
    _mark(ann, "Rome")
    cleaning.apply(ann, STEPS)
    told = _send(ann, ben, tmp_path)
    assert (told.events, _words(ann), _words(ben)) == (2, ["Rome"], ["Rome"])
    again = _send(ann, ben, tmp_path)
    assert (again.events, again.unfit, _words(ben)) == (0, 0, ["Rome"])


def test_a_label_whose_words_are_gone_here_is_left_out_and_counted(two: Copies, tmp_path: Path) -> None:
    ann, ben = two
    _mark(ann, "Anna")
    _mark(ann, "Rome")
    _write(ben, "Anna   lives here")
    told = _send(ann, ben, tmp_path)
    assert (told.events, told.unfit, _words(ben)) == (0, 1, None)
    assert _send(ann, ben, tmp_path).unfit == 1
    assert placing.misplaced(ben) == []


def test_labels_that_came_with_a_text_are_brought_to_the_text_here(two: Copies, tmp_path: Path) -> None:
    _, ben = two
    third = Project.create(tmp_path / "Third", TASK.name)
    _take(third, _file(tmp_path / "labeled.jsonl", "Rome"))
    cleaning.apply(ben, STEPS)
    assert _send(third, ben, tmp_path).unfit == 0
    third.close()
    assert (_row(ben).content["text"], _words(ben)) == (CLEAN, ["Rome"])


@pytest.mark.parametrize("labels_only", [True, False])
def test_a_file_with_labels_of_the_raw_text_labels_the_cleaned_one(
    two: Copies, tmp_path: Path, labels_only: bool
) -> None:
    ann, _ = two
    cleaning.apply(ann, STEPS)
    report = _take(ann, _file(tmp_path / "labels.jsonl", "Rome"), labels_only=labels_only)
    assert (report.labeled, report.unfit, report.conflicts) == (1, 0, 0)
    assert _words(ann) == ["Rome"]
    again = _take(ann, _file(tmp_path / "labels.jsonl", "Rome"), labels_only=labels_only)
    assert (again.labeled, again.conflicts) == (0, 0)


def test_a_file_with_labels_of_words_that_are_gone_is_told_so(two: Copies, tmp_path: Path) -> None:
    ann, _ = two
    _write(ann, "Anna   lives here")
    report = _take(ann, _file(tmp_path / "labels.jsonl", "Anna", "Rome"), labels_only=True)
    assert (report.labeled, report.unfit, _words(ann)) == (0, 1, None)


def test_a_file_with_labels_of_a_text_in_the_bin_changes_nothing(two: Copies, tmp_path: Path) -> None:
    ann, _ = two
    cleaning.apply(ann, STEPS)
    told = ann.operations.apply("delete", "Delete", [Edit(item=_row(ann).id, to_bin=True)])
    report = _take(ann, _file(tmp_path / "labels.jsonl", "Rome"))
    assert (report.imported, report.labeled, report.unfit) == (0, 0, 0)
    ann.operations.undo(told.operation)
    assert _words(ann) is None


def test_spans_outside_of_their_text_are_found(two: Copies) -> None:
    ann, _ = two
    _mark(ann, "Rome")
    assert placing.misplaced(ann) == []
    ann.labels.set(_row(ann).id, [[0, len(RAW) + 1, next(iter(ann.classes.names()))]], "Ann")
    assert placing.misplaced(ann) == ["The spans of one row lie outside of the text (row 1); mark them anew."]
