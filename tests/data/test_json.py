"""JSON Lines and JSON arrays: rows, lines, columns, and that a broken row costs only itself."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.data.form import Form
from desktop_llm.data.readers.opening import RawRow, open_reader
from desktop_llm.errors import Cancelled, UserError
from tests.data.reading import cells, lines_read, opened, read, rejections, written

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(TEXT, VALUES, min_size=1, max_size=4), min_size=1, max_size=6)


def _read_as(data: bytes, name: str, form: Form) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        reader = open_reader(written(Path(folder), name, data), form)
        rows = list(reader.rows(lambda: False))
        assert reader.fraction() == 1.0
        return [row.cells if isinstance(row, RawRow) else row for row in rows]


@given(rows=ROWS, plain=st.booleans(), encoding=st.sampled_from(["utf-8", "utf-16-le", "gb18030"]))
def test_json_lines_are_read_back(rows: list[dict[str, Any]], plain: bool, encoding: str) -> None:
    text = "\n".join(json.dumps(row, ensure_ascii=plain) for row in rows)
    assert _read_as(text.encode(encoding), "a.jsonl", Form(kind="jsonl", encoding=encoding)) == rows


@given(
    rows=ROWS,
    indent=st.sampled_from([None, 0, 2]),
    plain=st.booleans(),
    key=st.sampled_from(["", "data"]),
    encoding=st.sampled_from(["utf-8", "utf-16-le", "gb18030"]),
)
def test_json_arrays_are_read_back(
    rows: list[dict[str, Any]], indent: int | None, plain: bool, key: str, encoding: str
) -> None:
    whole: object = {"version": {"list": [1]}, key: rows, "count": len(rows)} if key else rows
    text = json.dumps(whole, ensure_ascii=plain, indent=indent)
    assert _read_as(text.encode(encoding), "a.json", Form(kind="json", encoding=encoding)) == rows


def test_a_broken_line_costs_one_row(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "a.jsonl",
        b'{"text": "one"}\n\n{"text": "two"\n[1]\n{"text": "bad \xff"}\n{"text": "\\ud800"}\n{"text": "n\\u0000"}\n'
        b'{"text": NaN}\n{"text": "three"}\n' + '{"text": "你好，世界"}\n'.encode() * 5,
    )
    assert rejections(path) == [
        (3, "it is not valid JSON: it ends too early"),
        (4, "it is not an object with named values"),
        (5, "the byte 0xFF at place 15 of the line is not UTF-8 text"),
        (6, "it is not valid JSON: a \\ud… escape has lost its other half"),
        (7, "the cell “text” holds a NUL character"),
    ]
    assert lines_read(path) == [1, 8, 9, 10, 11, 12, 13, 14]


def test_a_broken_element_costs_one_row(tmp_path: Path) -> None:
    text = '[\n{"text": "one"},\n\n{"text": "y", two},\n  "three",\n 4,\n{"text":\n "five]"},\n{"text": "six"}\n]\n'
    path = written(tmp_path, "a.json", text)
    assert rejections(path) == [
        (4, "it is not valid JSON: object keys must be strings at byte 14"),
        (5, "it is not an object with named values"),
        (6, "it is not an object with named values"),
    ]
    assert lines_read(path) == [2, 7, 9]


def test_an_array_cut_short_loses_only_its_last_row(tmp_path: Path) -> None:
    path = written(tmp_path, "a.json", '[{"text": "one"},\n{"text": "two"},\n{"text": "thr')
    assert rejections(path) == [(3, "the file ends inside this row")]
    assert lines_read(path) == [1, 2]


def test_a_bad_byte_in_an_array_of_an_old_encoding_costs_one_row(tmp_path: Path) -> None:
    rows = ['{"text": "服务真的很好，房间也很干净"}'] * 300
    good = ("[" + ",\n".join(rows)).encode("gb18030")
    path = written(tmp_path, "a.json", good + b',\n{"text": "\xff"},\n' + '{"text": "好"}]'.encode("gb18030"))
    assert rejections(path) == [(301, "it holds bytes that are not text in the file's encoding")]
    assert len(read(path)) == 302


def test_a_huge_cell_is_rejected(tmp_path: Path) -> None:
    huge = "y" * (10 * 1024 * 1024)
    for name, text in (
        ("a.jsonl", f'{{"text": "one"}}\n{{"text": "{huge}"}}\n{{"text": "three"}}\n'),
        ("a.json", f'[{{"text": "one"}},\n{{"text": "{huge}"}},\n{{"text": "three"}}]'),
    ):
        path = written(tmp_path, name, text)
        assert rejections(path) == [(2, "the cell “text” has 10,485,760 characters; at most 1,000,000 are read")]
        assert lines_read(path) == [1, 3]


@pytest.mark.parametrize("end", [",", "", "\n"])
def test_an_array_that_was_cut_off_between_two_rows_says_so(tmp_path: Path, end: str) -> None:
    path = written(tmp_path, "a.json", '[{"text": "one"},\n{"text": "two"}' + end)
    assert [reason for _, reason in rejections(path)] == [
        "the file ends before its list of rows does; it may have been cut off"
    ]
    assert lines_read(path) == [1, 2]


def test_columns_are_those_of_all_first_rows_in_order(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"b": 1}\n{"a": 2, "b": 1}\n{"c": [1], "a": 1}\n')
    assert opened(path).columns == ("b", "a", "c")


def test_values_keep_their_type(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"a": true, "b": 1.5, "c": null, "d": ["x", {"y": 1}]}\n')
    assert cells(path) == [[True, 1.5, None, ["x", {"y": 1}]]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1,\n"b": 2}', "“a.json” cannot be read as rows: its JSON object holds no list of rows; save it as"),
        (
            '{"text": ["a"],\n"label": ["b"]}',
            "“a.json” cannot be read as rows: its JSON object holds several lists (“text”, “label”), so",
        ),
        ("[1, 2]", "“a.json” has no rows that can be read (line 1: it is not an object with named values); each row"),
        ("[]", "“a.json” has no rows that can be read; each row must be a JSON object."),
        ('{"data":', "“a.json” cannot be read as rows: its JSON object holds no list of rows; save it as"),
    ],
)
def test_json_that_is_no_table_of_rows(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        opened(written(tmp_path, "a.json", text))
    assert caught.value.message.startswith(sentence)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_reading_stops_when_asked(tmp_path: Path, name: str) -> None:
    rows = ['{"text": "one"}'] * 3000
    path = written(tmp_path, name, "\n".join(rows) if name == "a.jsonl" else f"[{','.join(rows)}]")
    reader = opened(path)
    answers = iter([False, False, True])
    with pytest.raises(Cancelled):
        list(reader.rows(lambda: next(answers)))
    assert 0 < reader.fraction() < 1
