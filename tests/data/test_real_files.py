"""Real files of other people: every quoting and newline habit, an old Chinese encoding, other tools' exports."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from desktop_llm.data.form import Form
from desktop_llm.data.readers.reader import RawRow
from desktop_llm.data.shapes.offsets import checked
from desktop_llm.data.shapes.recognising import canonical
from desktop_llm.data.sniff import sniff
from desktop_llm.data.writers.writing import FORMATS, Format, write
from desktop_llm.rows import Rejected
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


@pytest.mark.parametrize(
    ("name", "kind", "count", "rejected"),
    [
        ("formats/doccano/sequence_labeling/example.conll", "conll", 2, 0),
        ("formats/doccano/sequence_labeling/labeling.invalid.conll", "conll", 2, 1),
        ("formats/doccano/sequence_labeling/labeling.trailing.conll", "conll", 1, 0),
        ("formats/doccano/sequence_labeling/example.jsonl", "jsonl", 2, 1),
        ("formats/doccano/sequence_labeling/example_overlapping.jsonl", "jsonl", 1, 0),
        ("formats/doccano/relation_extraction/example.jsonl", "jsonl", 1, 0),
        ("formats/doccano/intent/example.jsonl", "jsonl", 4, 1),
        ("formats/doccano/seq2seq/example.json", "json", 2, 2),
        ("formats/doccano/text_classification/example.json", "json", 3, 1),
        ("formats/doccano/text_classification/example.jsonl", "jsonl", 3, 0),
        ("formats/doccano/text_classification/example.xlsx", "excel", 3, 0),
        ("formats/doccano/text_classification/example.invalid.2.xlsx", "excel", 3, 0),
        ("formats/doccano/text_classification/example_one_column_no_header.xlsx", "excel", 3, 0),
        ("formats/doccano/text_classification/example_fasttext.txt", "fasttext", 4, 0),
        ("formats/doccano/example.txt", "csv", 3, 0),
        ("formats/llm/alpaca_en_20.json", "json", 20, 0),
        ("formats/llm/sharegpt_toolcall_10.json", "json", 10, 0),
        ("dialogue/alpaca_en_demo.json", "json", 999, 0),
        ("dialogue/identity.json", "json", 91, 0),
        ("dialogue/v1_sft_demo.jsonl", "jsonl", 500, 0),
        ("token_tagging/wikigold.conll", "conll", 1696, 0),
        ("token_tagging/wnut17/wnut17train.conll", "conll", 3394, 0),
        ("token_tagging/wnut17/emerging.dev.conll", "conll", 1009, 0),
        ("token_tagging/wnut17/emerging.test.annotated", "conll", 1287, 0),
        ("token_tagging/weibo_zh", "folder", 1890, 0),
        ("messy", "folder", 20, 0),
    ],
)
def test_files_of_other_tools_are_understood(
    shared_data: Path, name: str, kind: str, count: int, rejected: int
) -> None:
    path = shared_data / name
    assert sniff(path).kind == kind
    rows = list(canonical(read(path)))
    assert len([row for row in rows if isinstance(row, RawRow)]) == count
    assert len([row for row in rows if isinstance(row, Rejected)]) == rejected
    for row in rows:
        if isinstance(row, RawRow) and "spans" in row.cells:
            checked(str(row.cells["text"]), row.cells["spans"])


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("wikigold.conll", {"LOC": 1014, "MISC": 712, "ORG": 898, "PER": 934}),
        (
            "wnut17/emerging.dev.conll",
            {"creative-work": 105, "group": 39, "corporation": 34, "location": 74, "person": 470, "product": 114},
        ),
    ],
)
def test_the_spans_of_real_corpora_are_counted_right(shared_data: Path, name: str, labels: dict[str, int]) -> None:
    counts: Counter[str] = Counter()
    for row in read(shared_data / "token_tagging" / name):
        assert isinstance(row, RawRow)
        counts.update(span["label"] for span in checked(str(row.cells["text"]), row.cells["spans"]))  # type: ignore[misc]
    assert counts == labels


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("formats/doccano/sequence_labeling/example.jsonl", "doccano"),
        ("formats/doccano/relation_extraction/example.jsonl", "doccano"),
        ("formats/doccano/text_classification/example.jsonl", "doccano"),
        ("formats/doccano/text_classification/example_fasttext.txt", "fasttext"),
        ("formats/llm/sharegpt_toolcall_10.json", "sharegpt"),
        ("dialogue/alpaca_en_demo.json", "alpaca"),
        ("dialogue/v1_sft_demo.jsonl", "messages"),
        ("token_tagging/wikigold.conll", "conll"),
        ("token_tagging/wnut17/emerging.test.annotated", "conll_bioes"),
        ("token_tagging/weibo_zh/weiboNER_2nd_conll.dev", "conll"),
    ],
)
def test_real_files_written_again_read_the_same(shared_data: Path, tmp_path: Path, name: str, form: Format) -> None:
    rows = [row.cells for row in canonical(read(shared_data / name)) if isinstance(row, RawRow)]
    for one in (form, "parquet", "jsonl", "prodigy" if "text" in rows[0] else "json"):
        path = tmp_path / f"again{FORMATS[one].ending}"
        write(path, rows, one)
        assert [row.cells for row in canonical(read(path)) if isinstance(row, RawRow)] == rows


def test_one_bad_byte_in_a_real_file_costs_one_row(shared_data: Path, tmp_path: Path) -> None:
    data = (shared_data / "text_classification" / "banking77-train.csv").read_bytes()
    place = data.index(b"\n", 5000) - 3
    damaged = tmp_path / "damaged.csv"
    damaged.write_bytes(data[:place] + b"\xe9" + data[place + 1 :])
    rows = read(damaged)
    assert len(rows) == 10003
    rejected = [row for row in rows if hasattr(row, "reason")]
    assert [row.line for row in rejected] == [data.count(b"\n", 0, place) + 1]
