"""Importing: once is enough, labels alone when asked for, all of a file or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from desktop_llm.data.readers import quick
from desktop_llm.data.writers.writing import FORMATS, Format, write
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import ImportProgress, ImportReport
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import importing, merging, shaping
from tests import projects, run_folders

TASK = TASKS[projects.TASK]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Project]:
    """An open project without rows."""
    made = Project.create(tmp_path / "Trips", TASK.name)
    yield made
    made.close()


def _take(project: Project, file: Path, *, labels_only: bool = False) -> ImportReport:
    return importing.run(project, importing.plan(TASK, file), labels_only=labels_only)


def _labels(project: Project) -> dict[str, str]:
    names = {one.id: one.name for one in project.classes.all()}
    return {row.content["text"]: TASK.labels.to_named(row.value, names) for row in project.items.labelled()}


def test_the_same_file_again_brings_nothing_new(empty: Project, tmp_path: Path) -> None:
    file = projects.write_csv(tmp_path / "rows.csv", run_folders.rows(30))
    first = _take(empty, file)
    assert (first.imported, first.labeled, first.duplicates) == (30, 30, 0)
    before = _labels(empty)
    again = _take(empty, file)
    assert (again.imported, again.labeled, again.duplicates, again.conflicts) == (0, 0, 30, 0)
    assert empty.items.counts().total == 30
    assert _labels(empty) == before


@pytest.mark.parametrize("form", ["excel", "parquet", "arrow", "fasttext", "tsv", "json"])
def test_a_file_of_any_kind_is_imported_with_its_labels(empty: Project, tmp_path: Path, form: Format) -> None:
    rows = [{"text": row["text"], "label": row["label"]} for row in run_folders.rows(30)]
    file = tmp_path / f"rows{FORMATS[form].ending}"
    write(file, rows, form)
    report = _take(empty, file)
    assert (report.imported, report.labeled, report.rejected_count) == (30, 30, 0)
    assert _labels(empty) == {row["text"]: row["label"] for row in rows}


def test_a_folder_is_imported_with_its_splits(empty: Project, tmp_path: Path) -> None:
    rows = run_folders.rows(30)
    projects.write_csv(tmp_path / "train.csv", rows[:20])
    projects.write_csv(tmp_path / "test.csv", rows[20:])
    assert _take(empty, tmp_path).imported == 30
    assert empty.items.counts().by_split == {"train": 20, "test": 10}


def test_labels_alone_reach_known_texts_and_keep_what_a_person_said(empty: Project, tmp_path: Path) -> None:
    rows = run_folders.rows(6)
    _take(empty, projects.write_csv(tmp_path / "texts.csv", rows, ("text",)))
    empty.classes.add("mine")
    empty.labels.set(1, empty.classes.all()[0].id)
    stranger = {"text": "never seen before", "label": "food"}
    report = _take(empty, projects.write_csv(tmp_path / "labels.csv", [*rows[:3], stranger]), labels_only=True)
    assert (report.imported, report.labeled, report.conflicts, report.unknown) == (0, 2, 1, 1)
    assert empty.items.counts().total == 6
    assert _labels(empty) == {rows[0]["text"]: "mine", rows[1]["text"]: "travel", rows[2]["text"]: "food"}


def test_an_import_that_is_stopped_leaves_nothing(empty: Project, tmp_path: Path) -> None:
    file = projects.write_csv(tmp_path / "rows.csv", run_folders.rows(5000))
    heard: list[ImportProgress] = []
    with pytest.raises(Cancelled):
        importing.run(
            empty,
            importing.plan(TASK, file),
            on_progress=heard.append,
            should_stop=lambda: bool(heard),
        )
    assert heard
    assert empty.items.counts().total == 0
    assert empty.classes.all() == []


def test_what_became_of_the_rows_is_told_while_they_come_in(
    empty: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "BLOCK", 1 << 14)
    rows = [{"text": f"trip number {place}", "label": "travel"} for place in range(20_000)]
    _take(empty, projects.write_csv(tmp_path / "known.csv", rows[:1000]))
    file = projects.write_csv(tmp_path / "rows.csv", [*rows, {"text": "", "label": "travel"}])
    heard: list[ImportProgress] = []
    importing.run(empty, importing.plan(TASK, file), on_progress=heard.append)
    assert [one.fraction for one in heard] == sorted(one.fraction for one in heard)
    assert 0.0 < heard[0].fraction < 0.2
    assert heard[0].rows < 4000
    assert heard[-1] == ImportProgress(fraction=1.0, imported=19_000, duplicates=1000, labeled=19_000, rejected=1)
    importing.run(empty, importing.plan(TASK, file), labels_only=True, on_progress=heard.append)
    assert heard[-1] == ImportProgress(fraction=1.0, duplicates=20_000, rejected=1)
    strangers = projects.write_csv(tmp_path / "new.csv", [{"text": "never seen", "label": "food"}])
    importing.run(empty, importing.plan(TASK, strangers), labels_only=True, on_progress=heard.append)
    assert heard[-1] == ImportProgress(fraction=1.0, unknown=1)


def test_a_split_that_does_not_exist_is_refused(empty: Project, tmp_path: Path) -> None:
    file = projects.write_csv(tmp_path / "rows.csv", run_folders.rows(5))
    with pytest.raises(UserError, match="no split “dev”; choose one of train, validation, test"):
        importing.run(empty, importing.plan(TASK, file), split="dev")
    assert empty.items.counts().total == 0


def test_a_look_counts_a_small_file_whole_and_guesses_the_rest_of_a_large_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sorted.csv"
    rows = [f"message number {place} of the lot,{'first' if place < 3000 else 'second'}\n" for place in range(6000)]
    file.write_text("text,label\n" + "".join(rows) + "ragged,row,here\n", encoding="utf-8")
    monkeypatch.setattr(importing, "LOOK_SECONDS", 60.0)
    whole = importing.plan(TASK, file)
    assert (whole.whole, whole.seen, whole.estimated_rows, len(whole.sample)) == (True, 6001, 6001, importing.SAMPLE)
    assert dict(whole.label_values) == {"first": 3000, "second": 3000}
    assert [one.line for one in whole.rejected] == [6002]
    monkeypatch.setattr(importing, "LOOK_SECONDS", 0.0)
    part = importing.plan(TASK, file)
    assert (part.whole, part.seen) == (False, importing.SAMPLE)
    assert part.estimated_rows >= importing.SAMPLE
    assert dict(part.label_values) == {"first": importing.SAMPLE}


def _lines(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


BARE: list[dict[str, object]] = [{"text": f"text number {place} of them"} for place in range(1200)]
SPANS = next(task for task in TASKS.values() if task.cell == "spans")
LATE_SPANS: dict[str, list[dict[str, object]]] = {
    "own": [{"text": "Anna in Rome", "spans": [{"start": 8, "end": 12, "label": "LOC"}]}],
    "doccano": [{"text": "Anna in Rome", "label": [[8, 12, "LOC"]]}],
    "doccano entities": [
        {"text": "Anna in Rome", "entities": [{"id": 1, "start_offset": 8, "end_offset": 12, "label": "LOC"}]}
    ],
    "prodigy": [
        {
            "text": "Anna in Rome",
            "_task_hash": 7,
            "tokens": [{"text": "Anna", "start": 0, "end": 4, "id": 0}, {"text": "in", "start": 5, "end": 7, "id": 1}],
            "spans": [{"start": 8, "end": 12, "label": "LOC", "token_start": 2, "token_end": 2}],
            "answer": "accept",
        }
    ],
}


@pytest.mark.parametrize("late", LATE_SPANS)
@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_spans_that_begin_behind_the_first_thousand_rows_are_found(
    tmp_path: Path, late: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "BLOCK", 1 << 14)
    project = Project.create(tmp_path / "Places", SPANS.name)
    rows = [*BARE, *LATE_SPANS[late], *BARE[:10]]
    file = tmp_path / f"rows.{form}"
    file.write_text(json.dumps(rows), encoding="utf-8") if form == "json" else _lines(file, rows)
    plan = importing.plan(SPANS, file)
    assert plan.mapping["label"] in plan.columns
    assert plan.mapping["label"] in plan.late
    report = importing.run(project, plan)
    assert (report.imported, report.labeled, report.rejected_count) == (1201, 1, 0)
    assert [row.value for row in project.items.labelled()] == [[[8, 12, 1]]]
    project.close()


def test_spans_behind_a_thousand_rows_with_empty_lists_are_found(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "Places", SPANS.name)
    rows = [{**row, "label": []} for row in BARE] + LATE_SPANS["doccano"]
    report = importing.run(project, importing.plan(SPANS, _lines(tmp_path / "rows.jsonl", rows)))
    assert (report.imported, report.rejected_count) == (1201, 0)
    assert [row.value for row in project.items.labelled() if row.value] == [[[8, 12, 1]]]
    project.close()


def test_labels_that_begin_late_are_found_and_files_that_have_them_are_not_looked_through(
    empty: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{**row, "channel": ("mail", "chat")[place % 2]} for place, row in enumerate(BARE)]
    late: list[dict[str, object]] = [{"text": "a late one", "channel": "mail", "label": "travel"}]
    plan = importing.plan(TASK, _lines(tmp_path / "rows.jsonl", rows + late))
    assert (plan.mapping, plan.late) == ({"text": "text", "label": "label"}, ("label",))
    assert importing.run(empty, plan).labeled == 1
    assert _labels(empty) == {"a late one": "travel"}
    bare = importing.plan(TASK, _lines(tmp_path / "bare.jsonl", BARE))
    assert (bare.mapping, bare.late) == ({"text": "text"}, ())
    monkeypatch.setattr(shaping, "begins_late", None)  # not called: the first rows have all
    labeled = [{**row, "label": "travel"} for row in BARE]
    assert importing.plan(TASK, _lines(tmp_path / "labeled.jsonl", labeled)).mapping["label"] == "label"


def test_a_label_that_was_merged_is_what_it_was_merged_into(empty: Project, tmp_path: Path) -> None:
    there = [{"text": "one", "label": "Refund"}, {"text": "two", "label": "Money back"}, {"text": "x", "label": "Old"}]
    _take(empty, projects.write_csv(tmp_path / "a.csv", there))
    numbers = {one.name: one.id for one in empty.classes.all()}
    merged = merging.merge(empty, TASK.labels, numbers["Money back"], numbers["Refund"])
    empty.classes.archive(numbers["Old"])
    rows = [*there, {"text": "three", "label": "Money back"}, {"text": "four", "label": "Old"}]
    report = _take(empty, projects.write_csv(tmp_path / "b.csv", [*rows, {"text": "five", "label": "New"}]))
    assert (report.imported, report.conflicts) == (3, 0)
    assert _labels(empty) == {
        "one": "Refund", "two": "Refund", "x": "Old", "three": "Refund", "four": "Old", "five": "New"
    }  # fmt: skip
    assert (dict(report.merged), report.archived) == ({"Money back": "Refund"}, ("Old",))
    assert {one.name for one in empty.classes.all() if one.archived} == {"Money back", "Old"}
    empty.operations.undo(merged.operation)
    again = _take(empty, projects.write_csv(tmp_path / "c.csv", [{"text": "six", "label": "Money back"}]))
    assert (dict(again.merged), again.archived, _labels(empty)["six"]) == ({}, (), "Money back")


def test_of_several_labels_in_a_cell_those_merged_into_one_stand_there_once(tmp_path: Path) -> None:
    task = next(one for one in TASKS.values() if one.several and one.move_label is None)
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "one", "label": ["a", "b"]}\n{"text": "two", "label": ["b"]}\n', "utf-8")
    with closing(Project.create(tmp_path / "Topics", task.name)) as project:
        numbers = project.classes.ensure(["a", "b"])
        merging.merge(project, task.labels, numbers["b"], numbers["a"])
        importing.run(project, importing.plan(task, file))
        assert [row.value for row in project.items.labelled()] == [[numbers["a"]]] * 2
