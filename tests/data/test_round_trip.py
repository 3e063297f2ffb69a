"""Whatever is written reads back equal, labels included: general formats."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.data.form import Form, Unit
from desktop_llm.data.shapes.shape import Shape
from desktop_llm.data.writers.writing import FORMATS, Format, write
from desktop_llm.errors import Cancelled, UserError
from tests.data.cells import JSON, NAMES, Cells, spanned, texts, unhurried, written_and_read

KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=5)
# That an empty cell is no label: text alone cannot tell.
FLAT = Shape(name="flat")
ANY_ROWS = st.lists(st.dictionaries(KEYS, JSON, min_size=1, max_size=4), min_size=1, max_size=5)


def labelled(text: st.SearchStrategy[str]) -> st.SearchStrategy[Cells]:
    """A text with a label, labels, or spans, and another cell."""
    base = {"text": text, "note": text}
    return (
        st.fixed_dictionaries(base, optional={"label": NAMES})
        | st.fixed_dictionaries({**base, "labels": st.lists(NAMES, max_size=3)})
        | st.tuples(st.fixed_dictionaries(base), spanned()).map(lambda two: {**two[0], **two[1]})
    )


@unhurried
@given(rows=ANY_ROWS)
@pytest.mark.parametrize("form", ["json", "jsonl", "parquet", "arrow"])
def test_typed_formats_give_back_any_cells(form: Format, rows: list[Cells]) -> None:
    with_types = [{f"{name}!": value for name, value in row.items()} for row in rows]
    told = Form(kind="jsonl", encoding="utf-8") if form == "jsonl" else None
    assert same(written_and_read(with_types, form, told), with_types)


@unhurried
@given(rows=st.lists(labelled(texts()), min_size=1, max_size=5))
@pytest.mark.parametrize("form", ["json", "jsonl", "parquet", "arrow", "excel"])
def test_labels_and_spans_come_back(form: Format, rows: list[Cells]) -> None:
    told = Form(kind="excel", sheet="data") if form == "excel" else None
    if form == "excel":
        rows = [row for row in rows if any(value not in ("", None) for value in row.values())] or [{"text": "a"}]
        rows = [{"note": "", **row} for row in rows]
    assert written_and_read(rows, form, told, FLAT if form == "excel" else None) == rows


@unhurried
@given(rows=st.lists(labelled(texts().map(lambda text: _lf(text))), min_size=1, max_size=5))
@pytest.mark.parametrize(("form", "sign"), [("csv", ","), ("tsv", "\t")])
def test_delimited_rows_come_back(form: Format, sign: str, rows: list[Cells]) -> None:
    rows = [row for row in rows if "spans" not in row or "\r\n" not in row["text"]] or [{"text": "", "note": ""}]
    rows = [{name: _lf(value) for name, value in row.items()} for row in rows]
    told = Form(kind="csv", encoding="utf-8", delimiter=sign)
    assert written_and_read(rows, form, told, FLAT) == rows


def _lf(value: Any) -> Any:
    """No CR LF; one sign in its place may make the next."""
    return re.sub("\r+\n", "\n", value) if isinstance(value, str) else value


MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": texts()}), min_size=1, max_size=3
)


@unhurried
@given(
    rows=st.lists(st.fixed_dictionaries({"messages": MESSAGES, "prompt": texts() | MESSAGES}), min_size=1, max_size=3)
)
@pytest.mark.parametrize("form", ["parquet", "arrow", "csv", "excel", "json"])
def test_conversations_come_back_from_tables(form: Format, rows: list[Cells]) -> None:
    if form == "csv":
        rows = [{**row, "prompt": _lf(row["prompt"])} for row in rows]
    told: dict[str, Form] = {
        "csv": Form(kind="csv", encoding="utf-8", delimiter=","),
        "excel": Form(kind="excel", sheet="data"),
    }
    assert written_and_read(rows, form, told.get(form)) == rows


def one_line(text: str) -> str:
    """The text on one line."""
    return " ".join(text.replace("\r", "\n").split("\n"))


@unhurried
@given(rows=st.lists(texts(breaks=False).filter(str.strip), min_size=1, max_size=5))
def test_lines_come_back(rows: list[str]) -> None:
    told = Form(kind="text", encoding="utf-8", unit="line")
    cells = [{"text": text} for text in rows]
    assert written_and_read(cells, "text", told) == cells


PARAGRAPH = st.lists(texts(breaks=False).filter(str.strip), min_size=1, max_size=3).map("\n".join)


@unhurried
@given(rows=st.lists(PARAGRAPH, min_size=1, max_size=5))
def test_paragraphs_come_back(rows: list[str]) -> None:
    told = Form(kind="text", encoding="utf-8", unit="paragraph")
    cells = [{"text": text} for text in rows]
    assert written_and_read(cells, "paragraphs", told) == cells


def same(back: Sequence[Any], rows: Sequence[Any]) -> bool:
    """Whether both are equal, types included: true is not 1."""
    return repr([sorted(row.items()) for row in back]) == repr([sorted(row.items()) for row in rows])


@pytest.mark.parametrize(
    ("form", "row", "reason"),
    [
        ("csv", {"text": "a\r\nb"}, "the line ends of its “text” (CR LF) would come back as LF; make them LF or"),
        ("csv", {"a\nb": "x"}, "cannot name a column of a table; rename it"),
        ("csv", {"text": "a", "labels": "[x"}, "the cell “labels” is not a JSON list"),
        ("csv", {"prompt": '[{"role": "user"}]'}, "its “prompt” is a text that reads like a list of messages"),
        ("jsonl", {"text": "a\0b"}, "the cell “text” holds a NUL character"),
        ("jsonl", {"text": "\ud83d"}, "the cell “text” holds half a character"),
        ("jsonl", {"a": float("nan")}, "the cell “a” holds a number that is none (NaN or infinity)"),
        ("jsonl", {"a": [2**64]}, "the cell “a” holds a number of more than 64 bits"),
        ("parquet", {"a": datetime.date(2026, 1, 1)}, "the cell “a” holds a date"),
        ("parquet", {}, "it has no cells"),
        ("excel", {"text": "x" * 32_768}, "its “text” has more than the 32,767 characters that a cell holds"),
        ("excel", {"text": "a\uffff"}, "its “text” holds U+FFFE or U+FFFF, which no workbook can"),
        ("excel", {"text": ""}, "all its cells are empty, which is no row in a sheet"),
        ("excel", {"n": 2**60}, "the number in “n” has more digits than a cell holds"),
        ("text", {"text": "a\nb"}, "its text has several lines"),
        ("text", {"text": "a", "id": 1}, "there is no place for the cell “id”; leave that column out"),
        ("paragraphs", {"text": "a\n\nb"}, "its text has blank lines or line ends other than LF"),
        ("fasttext", {"text": "a\nb", "label": "x"}, "its text has several lines"),
        ("fasttext", {"text": "a", "label": "x y"}, "the label “x y” is not one word"),
        ("fasttext", {"text": "__label__b a", "label": "x"}, "its text has words that begin with __label__"),
        ("conll", {"text": "ab"}, "it has no spans; a text without any needs an empty list"),
        ("conll", {"text": "a\nb", "spans": []}, "its text has several lines"),
        ("doccano", {"text": "a", "spans": [{"start": 0, "end": 2, "label": "x"}]}, "does not lie in the text of 1"),
        ("alpaca", {"messages": [{"role": "user", "content": "a"}]}, "do not go from user to assistant and back"),
        ("sharegpt", {"messages": [{"role": "human", "content": "a"}]}, "its “messages” would not come back as it is"),
        ("preference", {"chosen": "a"}, "its “rejected” is neither text nor messages"),
    ],
)
def test_a_row_that_a_format_cannot_hold_is_named(tmp_path: Path, form: Format, row: Cells, reason: str) -> None:
    path = tmp_path / "a"
    path.write_text("as it was")
    good: Cells = {"text": "a", "spans": []} if form == "conll" else {"text": "a"}
    if form in ("alpaca", "sharegpt", "messages"):
        good = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    if form == "preference":
        good = {"chosen": "a", "rejected": "b"}
    with pytest.raises(UserError) as caught:
        write(path, [good, row], form)
    message = caught.value.message
    assert reason in message
    assert message.startswith(("Row 2 cannot be written as ", "Row 1 cannot" if "column" in message else "Row 2"))
    assert message.endswith("; nothing was written.")
    assert path.read_text() == "as it was"
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_a_row_can_be_told_to_go_without_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    assert write(path, [{"text": "a", "id": 1}], "text", without=("id",)) == 1
    assert path.read_bytes() == b"a\n"


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_to_write_is_said(tmp_path: Path, form: Format) -> None:
    with pytest.raises(UserError, match="There are no rows to write to “a”"):
        write(tmp_path / "a", [], form)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Could not write “.*a\.csv”: the folder “.*” does not exist"):
        write(tmp_path / "none" / "a.csv", [{"text": "a"}], "csv")


def test_writing_stops_when_asked(tmp_path: Path) -> None:
    answers = iter([False, False, True])
    with pytest.raises(Cancelled):
        write(tmp_path / "a.csv", [{"text": "a"}] * 9, "csv", should_stop=lambda: next(answers))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("unit", ["line", "paragraph", "file"])
def test_a_file_that_is_one_text(tmp_path: Path, unit: Unit) -> None:
    from desktop_llm.data.readers.opening import open_reader
    from desktop_llm.data.sniff import sniff
    from tests.data.reading import written

    path = written(tmp_path, "a.txt", "one\r\ntwo\r\n\r\nthree")
    rows = list(open_reader(path, sniff(path, kind="text", unit=unit)).rows(lambda: False))
    expected = {
        "line": ["one", "two", "three"],
        "paragraph": ["one\ntwo", "three"],
        "file": ["one\r\ntwo\r\n\r\nthree"],
    }
    assert [row.cells["text"] for row in rows if hasattr(row, "cells")] == expected[unit]
