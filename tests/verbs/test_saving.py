"""Rows out and in again: whatever is written brings the same rows with the same labels into another project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.data.writers.writing import FORMATS, Format
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import importing, saving

TASK = next(iter(TASKS.values()))
TEXTS = ("plain", 'Grüße 😀, "quoted"', "two\nlines", "好评 \t tab", "=1+1", "[1, 2]", "{}", "’s e\u0301")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Labels on most rows, further columns, splits."""
    made = Project.create(tmp_path / "From", TASK.name)
    items = [
        NewItem(
            content={"text": f"{text} {place}"},
            extra={"city": f"Köln {place}"},
            label=("yes & no", "好", None)[place % 3],
            split=("train", "test", "")[place % 3],
        )
        for place, text in enumerate(TEXTS * 3)
    ]
    made.items.insert("a.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    yield made
    made.close()


def told(project: Project, *, all_of_it: bool) -> list[tuple[object, ...]]:
    """What the rows say."""
    names = project.classes.names()
    rows = project.items.page(Filter(), 0, 1000)
    return [
        (
            " ".join(item.content["text"].split()),
            None if item.value is None else TASK.labels.to_named(item.value, names),
            *((item.split, item.extra.get("city")) if all_of_it else ()),
        )
        for item in rows
    ]


@pytest.mark.parametrize(
    "form", ["csv", "tsv", "json", "jsonl", "excel", "parquet", "arrow", "doccano", "prodigy", "label_studio"]
)
def test_what_is_written_brings_the_same_into_another_project(project: Project, tmp_path: Path, form: Format) -> None:
    file = tmp_path / f"rows{FORMATS[form].ending}"
    done: list[int] = []
    assert saving.save(project, Filter(), file, form, on_progress=done.append) == 24
    assert done[-1] == 24
    other = Project.create(tmp_path / "To", TASK.name)
    report = importing.run(other, importing.plan(TASK, file))
    assert (report.imported, report.rejected_count) == (24, 0)
    assert told(other, all_of_it=True) == told(project, all_of_it=True)
    again = importing.run(project, importing.plan(TASK, file))
    assert (again.imported, again.conflicts) == (0, 0)
    other.close()


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "parquet", "doccano", "prodigy", "label_studio"])
def test_labels_and_splits_come_back_where_only_the_last_rows_have_them(tmp_path: Path, form: Format) -> None:
    made, other = (Project.create(tmp_path / name, TASK.name) for name in ("From", "To"))
    first = 300 if form == "label_studio" else 1100  # its tasks have no place for a label that is none
    items = [NewItem(content={"text": f"row {place}"}) for place in range(first)]
    items += [NewItem(content={"text": f"late {place}"}, label="x", split="test") for place in range(100)]
    made.items.insert("a.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    file = tmp_path / f"rows{FORMATS[form].ending}"
    saving.save(made, Filter(), file, form)
    importing.run(other, importing.plan(TASK, file))
    assert (other.items.counts().labeled, other.items.counts().by_split) == (100, {"test": 100})
    assert told(other, all_of_it=True) == told(made, all_of_it=True)
    made.close()
    other.close()


def test_bare_formats_keep_text_and_label(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "rows.txt"
    project.classes.rename(1, "yes")
    saving.save(project, Filter(show="labeled", text="plain"), file, "fasttext")
    other = Project.create(tmp_path / "To", TASK.name)
    report = importing.run(other, importing.plan(TASK, file))
    assert report.imported == report.labeled == 2
    other.close()


def test_only_the_rows_of_the_filter_are_written(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    assert saving.save(project, Filter(split="test"), file, saving.format_of(file)) == 8
    assert len(file.read_text("utf-8").splitlines()) == 8


def test_stopped_nothing_is_left(project: Project, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        saving.save(project, Filter(), tmp_path / "rows.csv", "csv", should_stop=lambda: True)
    assert list(tmp_path.glob("*rows*")) == []


@pytest.mark.parametrize("name", ["rows", "rows.docx"])
def test_an_ending_that_tells_nothing_is_asked_about(name: str) -> None:
    with pytest.raises(UserError, match="tells no format"):
        saving.format_of(Path(name))
