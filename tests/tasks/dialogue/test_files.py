"""Conversations from files into a project and back: labels where they are whole, everything else in them kept."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from desktop_llm.data.writers.writing import Format
from desktop_llm.store.project import Project
from tests.tasks import files

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
CALL = {"type": "function", "function": {"name": "parcel", "arguments": '{"order": "4711"}'}}
TOOLS = [{"type": "function", "function": {"name": "parcel", "parameters": {"type": "object"}}}]
SYSTEM, QUESTION = (
    {"role": "system", "content": "简短地回答。"},
    {"role": "user", "content": "我的包裹在哪里？\n<b>急</b>"},
)
ANSWER = {"role": "assistant", "content": "周四到。", "weight": 1.0}
WHOLE: files.Rows = [
    SYSTEM,
    QUESTION,
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "content": '{"day": "Thursday"}', "tool_call_id": "1"},
    ANSWER,
]
OPENAI: files.Rows = [
    {"messages": WHOLE, "tools": TOOLS, "topic": "parcel"},
    {"messages": [SYSTEM, QUESTION], "topic": "parcel"},
]


def test_a_whole_conversation_is_a_label_and_one_that_ends_with_a_question_waits(tmp_path: Path) -> None:
    project = files.project_of("dialogue", files.lines(tmp_path / "in.jsonl", OPENAI), tmp_path / "project")
    (first, second) = files.stored(project)
    assert first[1] == WHOLE
    assert json.loads(first[0]["messages"]) == WHOLE
    assert second[1] is None


def test_whole_conversations_wait_too_where_no_column_is_the_label(tmp_path: Path) -> None:
    file = files.lines(tmp_path / "in.jsonl", OPENAI)
    project = files.project_of("dialogue", file, tmp_path / "project", {"messages": "messages"})
    assert [value for _, value in files.stored(project)] == [None, None]


def test_messages_come_back_as_they_were(tmp_path: Path) -> None:
    came, back = files.around("dialogue", files.lines(tmp_path / "in.jsonl", OPENAI), "messages", tmp_path)
    assert back == came


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("dialogue/identity.json", "alpaca"),
        ("formats/llm/alpaca_en_20.json", "alpaca"),
        ("formats/llm/sharegpt_toolcall_10.json", "sharegpt"),
    ],
)
def test_files_of_others_come_back_as_they_were(name: str, form: Format, tmp_path: Path) -> None:
    if not (SHARED / name).is_file():
        pytest.skip("the file is not here")
    came, back = files.around("dialogue", SHARED / name, form, tmp_path)
    # a conversation that comes twice, with other cells beside it, is one row
    assert [row for row in back if row not in came] == []
    assert len(came) - len(back) <= 1


def test_a_conversation_in_parts_comes_back_as_its_text(tmp_path: Path) -> None:
    rows: files.Rows = [{"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}, ANSWER]}]
    _, back = files.around("dialogue", files.lines(tmp_path / "in.jsonl", rows), "messages", tmp_path)
    assert back == [{"messages": [{"role": "user", "content": "hi"}, ANSWER]}]


def test_pictures_and_other_parts_are_kept(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "x.png"}}]
    rows: files.Rows = [{"messages": [{"role": "user", "content": parts}, ANSWER]}]
    came, back = files.around("dialogue", files.lines(tmp_path / "in.jsonl", rows), "messages", tmp_path)
    assert back == came


def test_what_was_mended_goes_into_the_file_and_before_what_alpaca_once_said(tmp_path: Path) -> None:
    row = {"instruction": "Add.", "input": "1 + 1", "output": "3", "id": "7"}
    (tmp_path / "in.json").write_text(json.dumps([row]), encoding="utf-8")
    folder = files.project_of("dialogue", tmp_path / "in.json", tmp_path / "project")
    with closing(Project.open(folder)) as project:
        project.labels.set(1, [{"role": "user", "content": "Add.\n1 + 1"}, {"role": "assistant", "content": "2"}])
    assert files.read(files.saved(folder, "alpaca", tmp_path / "a.json")) == [{**row, "output": "2"}]
    with closing(Project.open(folder)) as project:
        project.labels.set(1, [{"role": "user", "content": "Add 1 and 1."}, {"role": "assistant", "content": "2"}])
    told = {"instruction": "Add 1 and 1.", "input": "", "output": "2", "id": "7"}
    assert files.read(files.saved(folder, "alpaca", tmp_path / "b.json")) == [told]


@pytest.mark.parametrize("form", ["jsonl", "csv", "json"])
def test_conversation_and_label_come_back_from_tables(form: Format, tmp_path: Path) -> None:
    folder = files.project_of("dialogue", files.lines(tmp_path / "in.jsonl", OPENAI), tmp_path / "project")
    mended = [SYSTEM, QUESTION, ANSWER]
    with closing(Project.open(folder)) as project:
        project.labels.set(2, mended)
    out = files.saved(folder, form, tmp_path / f"out.{form}")
    again = files.project_of("dialogue", out, tmp_path / "again")
    assert files.stored(again) == files.stored(folder)
    assert files.stored(again)[1][1] == mended


ODD: files.Rows = [{"messages": WHOLE, "label": None}, {"messages": WHOLE[:2], "label": 7}]


def test_what_is_no_conversation_is_refused_with_its_line(tmp_path: Path) -> None:
    from desktop_llm.tasks import task as task_named
    from desktop_llm.verbs import importing

    file = files.lines(tmp_path / "in.jsonl", ODD)
    with closing(Project.create(tmp_path / "project", "dialogue", "p")) as project:
        mapping = {"messages": "messages", "label": "label"}
        report = importing.run(project, importing.plan(task_named("dialogue"), file, mapping=mapping))
    assert report.imported == 1
    (rejected,) = report.rejected
    assert rejected.line == 2
    assert "not a list of messages" in rejected.reason


def test_cleaning_leaves_conversations_whole(tmp_path: Path) -> None:
    from desktop_llm.verbs import cleaning

    rows: files.Rows = [
        {"messages": [{"role": "user", "content": "<p>Why &quot;that&quot;?</p>"}]},
        {"messages": [{"role": "user", "content": "<p>Why   not?</p>"}]},
    ]
    folder = files.project_of("dialogue", files.lines(tmp_path / "in.jsonl", rows), tmp_path / "project")
    with closing(Project.open(folder)) as project:
        cleaning.apply(project, [cleaning.step_named("html"), cleaning.step_named("whitespace")])
    told = [json.loads(content["messages"])[0]["content"].strip() for content, _ in files.stored(folder)]
    assert told == ['Why "that"?', "Why not?"]
