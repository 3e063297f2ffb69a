"""Rows as other tools export them, to the word of their documentation, and offsets in whatever units they count."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.data.readers.opening import open_reader
from desktop_llm.data.readers.reader import RawRow
from desktop_llm.data.shapes.offsets import ALL, CODE_POINTS, UTF16, OutOfPlace, Places, Units
from desktop_llm.data.shapes.recognising import canonical, recognise, told
from desktop_llm.data.shapes.shape import Shape
from desktop_llm.data.sniff import sniff
from desktop_llm.rows import Rejected
from tests.data.cells import texts, unhurried

TRUCK = "👨🏻‍🚒 firemen drive firetrucks"


def read(*rows: dict[str, Any], shape: Shape | None = None) -> list[Any]:
    """The cells of the rows once recognised, or why one is rejected."""
    raw = [RawRow(line=line, cells=row) for line, row in enumerate(rows, 1)]
    return [row.reason if isinstance(row, Rejected) else row.cells for row in canonical(raw, shape)]


def span(start: int, end: int, label: str, **more: Any) -> dict[str, Any]:
    """A span."""
    return {"start": start, "end": end, "label": label, **more}


@unhurried
@given(text=texts(), data=st.data())
@pytest.mark.parametrize("units", ALL)
def test_offsets_go_there_and_back(units: Units, text: str, data: st.DataObject) -> None:
    places = Places(text, units)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    if units == UTF16:
        assert places.foreign(start) == len(text[:start].encode("utf-16-le")) // 2
    if units == CODE_POINTS:
        assert places.foreign(start) == start
    if places.foreign(start) < places.foreign(end) and not (units.crlf_is_one and "\r\n" in text):
        assert places.points(places.foreign(start), places.foreign(end)) == (start, end)


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        (0, 1, "the span 0–1 cuts a character in two (counted in UTF-16 units)"),
        (0, 5, "the span 0–5 does not lie in the text of 4 UTF-16 units"),
        (-1, 2, "the span -1–2 does not lie in the text of 4 UTF-16 units"),
        (3, 2, "the span 3–2 does not lie in the text of 4 UTF-16 units"),
        (2, 2, "the span 2–2 is empty"),
        ("0", 1, "a span does not say where it starts and ends"),
        (True, 2, "a span does not say where it starts and ends"),
    ],
)
def test_a_span_that_does_not_fit(start: Any, end: Any, reason: str) -> None:
    with pytest.raises(OutOfPlace) as caught:
        Places("😀ab", UTF16).points(start, end)
    assert str(caught.value) == reason


def test_offsets_of_doccano_count_utf16_units() -> None:
    rows = [{"id": 1, "text": TRUCK, "label": [[22, 32, "X"]], "Comments": []}]
    cells = read(*rows)[0]
    assert cells == {"id": 1, "text": TRUCK, "spans": [span(19, 29, "X")], "Comments": []}
    assert TRUCK[19:29] == "firetrucks"


def test_offsets_of_doccano_that_cannot_be_utf16_count_code_points() -> None:
    rows = [{"text": "😀 ab", "label": [[0, 1, "smile"], [2, 4, "word"]]}, {"text": TRUCK, "label": [[19, 29, "X"]]}]
    assert [cells["spans"] for cells in read(*rows)] == [[span(0, 1, "smile"), span(2, 4, "word")], [span(19, 29, "X")]]
    told = Shape(name="doccano", units=CODE_POINTS, spans=True)
    assert read(rows[1], shape=told)[0]["spans"] == [span(19, 29, "X")]


def test_rows_of_doccano() -> None:
    assert read({"data": "a", "label": ["x", 5]}, {"text": "b", "label": []}) == [
        {"text": "a", "labels": ["x", "5"]},
        {"text": "b", "labels": []},
    ]
    assert read(
        {"text": "ab", "label": [[0, 1, "x"]]}, {"text": "b", "label": []}, {"text": "a", "label": [[0, 9, "x"]]}
    ) == [
        {"text": "ab", "spans": [span(0, 1, "x")]},
        {"text": "b", "spans": []},
        "the span 0–9 does not lie in the text of 1 UTF-16 units",
    ]
    entity = {"id": 3, "start_offset": 0, "end_offset": 1, "label": "x"}
    assert read({"text": "ab", "entities": [entity], "relations": [{"from_id": 3}]}) == [
        {"text": "ab", "spans": [span(0, 1, "x", id=3)], "relations": [{"from_id": 3}]}
    ]
    assert read({"text": "ab", "entities": [[0, 1, "x"]], "cats": ["y"]}, {"cats": ["y"]}) == [
        {"text": "ab", "spans": [span(0, 1, "x")], "labels": ["y"]},
        "it has no text in “text”",
    ]
    assert read(
        {"text": "a", "label": ["b"]}, {"text": "a", "label": ["b", "c"]}, shape=Shape(name="doccano_seq2seq")
    ) == [
        {"source": "a", "target": "b"},
        "it has several texts to become; only one can be learnt",
    ]


def test_tasks_of_prodigy() -> None:
    token = {"start": 0, "end": 5, "token_start": 0, "token_end": 0, "label": "ORG"}
    assert read(
        {"text": "Apple 😀", "_input_hash": 1, "tokens": [], "spans": [token], "answer": "accept"},
        {"text": "Apple", "spans": [token], "answer": "ignore"},
        {"text": "Good", "options": [{"id": 1, "text": "Fine 👍"}, {"id": -1, "text": "Bad"}], "accept": [1]},
        {"text": "Good", "accept": ["FINE", "GOOD"], "answer": "accept"},
        {"text": "Good", "label": "SPORT", "answer": "reject"},
        {"text": "Good", "label": "SPORT", "answer": "accept"},
        {"text": "Good", "spans": [span(2, 9, "X")], "answer": "accept"},
        {"text": "Good", "answer": "perhaps"},
    ) == [
        {"text": "Apple 😀", "_input_hash": 1, "tokens": [], "spans": [span(0, 5, "ORG", token_start=0, token_end=0)]},
        {
            "text": "Apple",
            "answer": "ignore",
            "unaccepted": {"spans": [span(0, 5, "ORG", token_start=0, token_end=0)]},
        },
        {"text": "Good", "options": [{"id": 1, "text": "Fine 👍"}, {"id": -1, "text": "Bad"}], "labels": ["Fine 👍"]},
        {"text": "Good", "labels": ["FINE", "GOOD"]},
        {"text": "Good", "answer": "reject", "unaccepted": {"label": "SPORT"}},
        {"text": "Good", "label": "SPORT"},
        "the span 2–9 does not lie in the text of 4 characters",
        "its “answer” is none of accept, reject and ignore",
    ]


def region(start: Any, end: Any, text: str | None, *labels: str) -> dict[str, Any]:
    """A stretch of text as Label Studio has it."""
    value = {"start": start, "end": end, "labels": list(labels), **({} if text is None else {"text": text})}
    return {"id": "r", "from_name": "ner", "to_name": "text", "type": "labels", "value": value, "origin": "manual"}


def choice(name: str, *choices: str) -> dict[str, Any]:
    """A choice as Label Studio has it."""
    return {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": list(choices)}}


def task(text: str, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A task with one annotation."""
    return {
        "id": 7,
        "data": {"text": text},
        "annotations": [{"id": 1, "was_cancelled": False, "result": list(results)}],
        **more,
    }


@pytest.mark.parametrize(
    ("text", "start", "end", "shown", "found"),
    [
        ("💩This is an annotation.", 12, 22, "annotation", (12, 22)),
        ("💩This is an annotation.", 13, 23, "annotation", (12, 22)),
        ("one\r\ntwo", 4, 7, "two", (5, 8)),
        ("💩\r\ntwo", 3, 6, "two", (3, 6)),
        ("a  b 💩 c", 0, 4, "a b", (0, 4)),
        ("old", "0", "3", None, (0, 3)),
    ],
)
def test_offsets_of_label_studio_are_those_of_the_text_it_showed(
    text: str, start: Any, end: Any, shown: str | None, found: tuple[int, int]
) -> None:
    assert read(task(text, region(start, end, shown, "X")))[0]["spans"] == [span(*found, "X", id="r")]


def test_a_span_that_is_not_the_text_it_was_drawn_on_is_rejected() -> None:
    rows = [task("one two", region(0, 3, "one", "X")), task("one two", region(1, 4, "two", "X"))]
    assert read(*rows)[1] == "the span 1–4 is not the “two” that it was drawn on"


def test_tasks_of_label_studio() -> None:
    cancelled = {"data": {"text": "c"}, "annotations": [{"was_cancelled": True, "result": [choice("mood", "bad")]}]}
    both = {
        "data": {"review": "longer text", "stars": 5},
        "annotations": [
            {"was_cancelled": True, "result": [choice("mood", "no")]},
            {"result": [choice("mood", "good")]},
            {"ground_truth": True, "result": [choice("mood", "bad"), choice("topic", "food")]},
        ],
        "predictions": [{"model_version": "m", "score": 0.5, "result": [choice("mood", "good")]}],
    }
    assert read(
        task("a", choice("mood", "good"), meta={"x": 1}), both, cancelled, {"data": {"text": "d"}, "predictions": []}
    ) == [
        {"text": "a", "id": 7, "meta": {"x": 1}, "label": "good"},
        {
            "text": "longer text",
            "stars": 5,
            "label": "bad",
            "topic": "food",
            "other_annotations": [{"label": "good"}],
            "predictions": [{"model_version": "m", "score": 0.5, "label": "good"}],
        },
        {"text": "c", "cancelled": True},
        {"text": "d"},
    ]
    several = read(
        task("ab", choice("mood", "a", "b"), region(0, 1, "a", "X", "Y")), task("a", choice("mood", "a")), task("a")
    )
    assert several == [
        {"text": "ab", "id": 7, "labels": ["a", "b"], "spans": [span(0, 1, "X", id="r"), span(0, 1, "Y", id="r")]},
        {"text": "a", "id": 7, "labels": ["a"], "spans": []},
        {"text": "a", "id": 7, "spans": []},
    ]


def test_instructions_of_alpaca() -> None:
    row = {
        "instruction": "Add",
        "input": "1 2",
        "output": "3",
        "system": "Be short",
        "history": [["Hi", "Hello"]],
        "id": 1,
    }
    told = read(
        row, {"instruction": "Say", "input": "", "output": "a", "system": ""}, {"instruction": "x", "output": 3}
    )
    assert told == [
        {
            "messages": [
                {"role": "system", "content": "Be short"},
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "Add\n1 2"},
                {"role": "assistant", "content": "3"},
            ],
            "instruction": "Add",
            "input": "1 2",
            "id": 1,
        },
        {"messages": [{"role": "user", "content": "Say"}, {"role": "assistant", "content": "a"}]},
        "its “output” is not text",
    ]


def test_conversations_of_sharegpt() -> None:
    row = {
        "conversations": [
            {"from": "human", "value": "Weather?"},
            {"from": "function_call", "value": '{"name": "w", "arguments": {"city": "北京"}}'},
            {"from": "observation", "value": "rain"},
            {"from": "gpt", "value": "It rains."},
        ],
        "system": "Be kind",
        "tools": "[]",
    }
    call = {"type": "function", "function": {"name": "w", "arguments": '{"city": "北京"}'}}
    assert read(row, {"conversations": [{"value": "x"}]}) == [
        {
            "messages": [
                {"role": "system", "content": "Be kind"},
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": "", "tool_calls": [call]},
                {"role": "tool", "content": "rain"},
                {"role": "assistant", "content": "It rains."},
            ],
            "tools": "[]",
        },
        "a turn has no “from” and “value”",
    ]


def test_messages_of_openai() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    calls = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "x"},
    ]
    parts = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    two = [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}]}]
    assert read(
        {"messages": calls, "tools": []}, {"messages": parts}, {"messages": two}, {"messages": [{"content": "x"}]}
    ) == [
        {"messages": calls, "tools": []},
        {"messages": [{"role": "user", "content": "hi"}]},
        {"messages": two},
        "a message has no role",
    ]


def test_preferences() -> None:
    turn = [{"from": "human", "value": "q"}]
    said = [{"role": "assistant", "content": "a"}]
    assert read(
        {"prompt": "q", "chosen": "a", "rejected": "b", "score": 1},
        {"instruction": "q", "input": "x", "chosen": "a", "rejected": "b"},
        {"conversations": turn, "chosen": {"from": "gpt", "value": "a"}, "rejected": {"from": "gpt", "value": "b"}},
        {"prompt": "q", "chosen": said, "rejected": said},
        {"chosen": "a", "rejected": 5},
    ) == [
        {"prompt": "q", "chosen": "a", "rejected": "b", "score": 1},
        {"prompt": "q\nx", "chosen": "a", "rejected": "b"},
        {
            "prompt": [{"role": "user", "content": "q"}],
            "chosen": said,
            "rejected": [{"role": "assistant", "content": "b"}],
        },
        {"prompt": "q", "chosen": said, "rejected": said},
        "its “rejected” is neither text nor messages",
    ]


def test_deep_rows_are_rejected_not_fatal() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert len(read({"text": "a", "label": deep}, {"messages": deep}, {"text": "b", "spans": deep})) == 3


def test_what_the_reader_rejected_stays_rejected() -> None:
    bad = Rejected(line=1, reason="it is broken")
    good = RawRow(line=2, cells={"text": "a", "labels": "[]"})
    assert list(canonical([bad, good])) == [bad, RawRow(line=2, cells={"text": "a", "labels": []})]
    assert list(canonical([good], told=True)) == [good]
    assert recognise([{"text": "a", "spans": []}]) == Shape(name="prodigy")


def test_a_row_unlike_its_shape_names_its_file(tmp_path: Path) -> None:
    good = json.dumps({"conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Good day"}]})
    for name, line in (("a.jsonl", good), ("b.jsonl", '{"conversations": 5}')):
        (tmp_path / name).write_text(f"{good}\n{line}\n", encoding="utf-8")
    form = replace(sniff(tmp_path), shape=told("sharegpt", [json.loads(good)]))
    (wrong,) = [row for row in open_reader(tmp_path, form).rows(lambda: False) if isinstance(row, Rejected)]
    assert wrong.line == 2
    assert wrong.reason.startswith("in “b.jsonl”: ")
