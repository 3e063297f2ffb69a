"""Prompts with two answers from files into a project and back, decided or not."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.errors import UserError
from desktop_llm.store.project import Project
from desktop_llm.tasks.preference.labels import RULES
from desktop_llm.tasks.preference.screen import sides
from tests.tasks import files

TRL: files.Rows = [
    {"prompt": "Why?", "chosen": "Because.", "rejected": "为什么不？", "source": "x"},
    {"prompt": "How?", "chosen": "So.\r\nAnd so.", "rejected": "No."},
]
TURNS: files.Rows = [
    {
        "prompt": [{"role": "user", "content": "Why? 为什么"}],
        "chosen": [{"role": "assistant", "content": "Because."}],
        "rejected": [{"role": "assistant", "content": "No."}],
    }
]
PAIRS: files.Rows = [
    {"prompt": "Why?", "answer_a": "Because.", "answer_b": "No.", "winner": "model_b"},
    {"prompt": "How?", "answer_a": "So.", "answer_b": "No.", "winner": "tie (bothbad)"},
    {"prompt": "When?", "answer_a": "Now.", "answer_b": "Then.", "winner": None},
    {"prompt": "Who?", "answer_a": "Me.", "answer_b": "You.", "winner": "tie"},
]


def test_the_chosen_one_is_the_label(tmp_path: Path) -> None:
    project = files.project_of("preference", files.lines(tmp_path / "in.jsonl", TRL), tmp_path / "project")
    told = files.stored(project)
    assert told[0] == ({"prompt": "Why?", "a": "Because.", "b": "为什么不？"}, "a")
    assert [value for _, value in told] == ["a", "a"]


@pytest.mark.parametrize("rows", [TRL[:1], TURNS])
def test_decided_rows_come_back_as_they_were(rows: files.Rows, tmp_path: Path) -> None:
    came, back = files.around("preference", files.lines(tmp_path / "in.jsonl", rows), "preference", tmp_path)
    assert back == came


def test_the_label_names_the_answer_wherever_it_came_from(tmp_path: Path) -> None:
    file = files.lines(tmp_path / "in.jsonl", TRL[:1])
    turned = {"prompt": "prompt", "a": "rejected", "b": "chosen", "label": "chosen"}
    folder = files.project_of("preference", file, tmp_path / "project", turned)
    assert files.stored(folder)[0][1] == "b"
    assert files.read(files.saved(folder, "preference", tmp_path / "out.jsonl")) == TRL[:1]


def test_rows_to_decide_wait_where_no_column_says_what_is_better(tmp_path: Path) -> None:
    file = files.lines(tmp_path / "in.jsonl", TRL)
    folder = files.project_of("preference", file, tmp_path / "p", {"prompt": "prompt", "a": "chosen", "b": "rejected"})
    assert [value for _, value in files.stored(folder)] == [None, None]


def test_two_answers_with_a_verdict_or_without(tmp_path: Path) -> None:
    folder = files.project_of("preference", files.lines(tmp_path / "in.jsonl", PAIRS), tmp_path / "project")
    assert [value for _, value in files.stored(folder)] == ["b", "both bad", None, "tie"]
    decided = files.read(files.saved(folder, "preference", tmp_path / "out.jsonl"))
    assert decided == [{"prompt": "Why?", "chosen": "No.", "rejected": "Because."}]


@pytest.mark.parametrize("form", ["jsonl", "csv", "json", "excel", "parquet"])
def test_all_choices_come_back_from_tables(form: Any, tmp_path: Path) -> None:
    folder = files.project_of("preference", files.lines(tmp_path / "in.jsonl", PAIRS + TURNS), tmp_path / "project")
    ending = {"excel": "xlsx"}.get(form, form)
    again = files.project_of("preference", files.saved(folder, form, tmp_path / f"out.{ending}"), tmp_path / "again")
    assert files.stored(again) == files.stored(folder)


def test_an_undecided_project_has_no_preferences_to_save(tmp_path: Path) -> None:
    folder = files.project_of("preference", files.lines(tmp_path / "in.jsonl", PAIRS[2:3]), tmp_path / "project")
    with pytest.raises(UserError, match="no rows"):
        files.saved(folder, "preference", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_a_verdict_that_says_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="says neither"):
        RULES.parse("left")
    with pytest.raises(UserError):
        RULES.to_value("left", {})


def test_sides_are_the_same_for_everybody_and_even_over_many_rows() -> None:
    rows = [{"prompt": f"question {place}", "a": "one", "b": "two"} for place in range(2000)]
    first = [sides(row) for row in rows]
    assert first == [sides(json.loads(json.dumps(row))) for row in rows]
    assert 900 < sum(one == ("a", "b") for one in first) < 1100
    assert set(first) == {("a", "b"), ("b", "a")}


def test_a_label_of_a_project_stays_what_it_was(tmp_path: Path) -> None:
    folder = files.project_of("preference", files.lines(tmp_path / "in.jsonl", PAIRS), tmp_path / "project")
    with closing(Project.open(folder)) as project:
        project.labels.set(3, "a")
    assert files.read(files.saved(folder, "preference", tmp_path / "out.jsonl"))[-1]["chosen"] == "Now."
