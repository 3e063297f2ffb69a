"""Texts and what they become: from files into a project, by hand, and back."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.store.project import Project
from desktop_llm.widgets.wording import changes
from desktop_llm.widgets.writing_field import words_in
from tests.tasks import files

ROWS: files.Rows = [
    {"source": "Guten Tag", "target": "Good day", "draft": "Good tag", "id": "1"},
    {"source": "早上好\n朋友", "target": "Good morning,\u00a0friend", "draft": "", "id": "2"},
    {"source": "Wie geht es?", "target": None, "draft": "How goes it?", "id": "3"},
]


@pytest.mark.parametrize("form", ["jsonl", "csv", "json", "excel", "parquet"])
def test_labels_come_back_from_tables(form: Any, tmp_path: Path) -> None:
    folder = files.project_of("rewriting", files.lines(tmp_path / "in.jsonl", ROWS), tmp_path / "project")
    told = files.stored(folder)
    assert [value for _, value in told] == ["Good day", "Good morning,\u00a0friend", None]
    assert told[2][0] == {"source": "Wie geht es?", "draft": "How goes it?"}
    ending = {"excel": "xlsx"}.get(form, form)
    again = files.project_of("rewriting", files.saved(folder, form, tmp_path / f"out.{ending}"), tmp_path / "again")
    assert files.stored(again) == told


def test_an_alpaca_file_comes_back_as_it_was(tmp_path: Path) -> None:
    rows = [
        {"instruction": "Translate.", "input": "Hallo", "output": "Hello"},
        {"instruction": "Say hello.", "input": "", "output": "Hello"},
    ]
    (tmp_path / "in.json").write_text(json.dumps(rows), encoding="utf-8")
    came, back = files.around("rewriting", tmp_path / "in.json", "alpaca", tmp_path)
    assert back == came


def test_what_is_not_written_yet_is_no_example(tmp_path: Path) -> None:
    folder = files.project_of("rewriting", files.lines(tmp_path / "in.jsonl", ROWS), tmp_path / "project")
    told = files.read(files.saved(folder, "messages", tmp_path / "out.jsonl"))
    assert [row["messages"][1]["content"] for row in told] == ["Good day", "Good morning,\u00a0friend"]
    with closing(Project.open(folder)) as project:
        project.labels.set(3, "How are you?")
    assert len(files.read(files.saved(folder, "messages", tmp_path / "more.jsonl"))) == 3


def test_a_doccano_file_of_pairs_comes_in_and_goes_out(tmp_path: Path) -> None:
    rows = [{"text": "Hallo", "label": ["Hello"]}, {"text": "Danke", "label": []}]
    folder = files.project_of("rewriting", files.lines(tmp_path / "in.jsonl", rows), tmp_path / "project")
    assert [value for _, value in files.stored(folder)] == ["Hello", None]
    assert files.read(files.saved(folder, "doccano", tmp_path / "out.jsonl")) == rows


def test_words_are_counted_as_a_person_counts() -> None:
    assert words_in("") == 0
    assert words_in("It doesn't – or does it?") == 6
    assert words_in("早上好 friend") == 4


def test_changes_name_the_words_that_went_and_came() -> None:
    before, after = "the same\nthe old lamp\nthe end", "the same\nthe new lamp\nthe end"
    (one,) = changes(before, after, "Line {line}")
    assert one.heading == "Line 2"
    assert [one.before[start:end] for start, end in one.gone] == ["old"]
    assert one.after is not None
    assert [one.after[start:end] for start, end in one.come] == ["new"]
    (chinese,) = changes("我要一杯茶", "我要两杯茶", "{line}")
    assert [chinese.before[start:end] for start, end in chinese.gone] == ["一"]
    assert changes(before, before, "") == []
