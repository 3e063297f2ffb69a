"""Real files of other people: every quoting and newline habit, an old Chinese encoding, other tools' exports."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_llm.data.form import Form
from desktop_llm.data.sniff import sniff
from tests.data.reading import cells, opened, read

pytestmark = pytest.mark.real_data

MESSY: dict[str, tuple[tuple[str, ...], list[list[str]]]] = {
    "comma_in_quotes.csv": (
        ("first", "last", "address", "city", "zip"),
        [["John", "Doe", "120 any st.", "Anytown, WW", "08123"]],
    ),
    "empty.csv": (("a", "b", "c"), [["1", "", ""], ["2", "3", "4"]]),
    "empty_crlf.csv": (("a", "b", "c"), [["1", "", ""], ["2", "3", "4"]]),
    "escaped_quotes.csv": (("a", "b"), [["1", 'ha "ha" ha'], ["3", "4"]]),
    "json.csv": (("key", "val"), [["1", '{"type": "Point", "coordinates": [102.0, 0.5]}']]),
    "newlines.csv": (("a", "b", "c"), [["1", "2", "3"], ["Once upon \na time", "5", "6"], ["7", "8", "9"]]),
    "newlines_crlf.csv": (("a", "b", "c"), [["1", "2", "3"], ["Once upon \na time", "5", "6"], ["7", "8", "9"]]),
    "quotes_and_newlines.csv": (("a", "b"), [["1", 'ha \n"ha" \nha'], ["3", "4"]]),
    "simple.csv": (("a", "b", "c"), [["1", "2", "3"]]),
    "simple_crlf.csv": (("a", "b", "c"), [["1", "2", "3"]]),
    "utf8.csv": (("a", "b", "c"), [["1", "2", "3"], ["4", "5", "ʤ"]]),
}


@pytest.mark.parametrize("name", MESSY)
def test_every_habit_of_csv_is_read(shared_data: Path, name: str) -> None:
    path = shared_data / "messy" / name
    columns, rows = MESSY[name]
    assert opened(path).columns == columns
    assert cells(path) == rows


def test_no_messy_file_is_left_out(shared_data: Path) -> None:
    assert {file.name for file in (shared_data / "messy").glob("*.csv")} == set(MESSY)


def test_chinese_reviews_come_out_without_being_told_the_encoding(shared_data: Path) -> None:
    path = shared_data / "text_classification" / "hotel-reviews-zh-gb18030.csv"
    assert sniff(path) == Form(kind="csv", encoding="gb18030", delimiter=",", header=True)
    rows = cells(path)
    assert len(rows) == 2500
    assert {row[0] for row in rows} == {"0", "1"}
    assert str(rows[0][1]).startswith("首先非常不好找")


@pytest.mark.parametrize(
    ("name", "count", "columns"),
    [
        ("text_classification/banking77-train.csv", 10003, ("text", "category")),
        ("text_classification/banking77-test.csv", 3080, ("text", "category")),
        ("rewriting/multi30k-en-de.tsv", 12000, ("source", "target")),
        ("rewriting/debian_descriptions_5k.jsonl", 5000, ("prompt", "response")),
        ("dialogue/alpaca_en_demo.json", 999, ("instruction", "input", "output")),
        ("dialogue/v1_sft_demo.jsonl", 500, ("messages",)),
        ("formats/doccano/example.utf16.csv", 3, ("text", "label")),
        ("speech_recognition/speechbrain_samples/transcripts.tsv", 10, ("file", "text")),
    ],
)
def test_all_rows_of_real_files_are_taken(shared_data: Path, name: str, count: int, columns: tuple[str, ...]) -> None:
    assert opened(shared_data / name).columns == columns
    assert len(cells(shared_data / name)) == count


def test_one_bad_byte_in_a_real_file_costs_one_row(shared_data: Path, tmp_path: Path) -> None:
    data = (shared_data / "text_classification" / "banking77-train.csv").read_bytes()
    place = data.index(b"\n", 5000) - 3
    damaged = tmp_path / "damaged.csv"
    damaged.write_bytes(data[:place] + b"\xe9" + data[place + 1 :])
    rows = read(damaged)
    assert len(rows) == 10003
    rejected = [row for row in rows if hasattr(row, "reason")]
    assert [row.line for row in rejected] == [data.count(b"\n", 0, place) + 1]
