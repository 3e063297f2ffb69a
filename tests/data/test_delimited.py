"""Delimited files: what is a row, on which line it starts, and that a broken one costs only itself."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.data.form import Form
from desktop_llm.data.readers import lines
from desktop_llm.data.readers.delimited import unique_names
from desktop_llm.data.readers.opening import RawRow, open_reader
from desktop_llm.data.readers.reader import LONGEST_CELL
from desktop_llm.errors import Cancelled
from desktop_llm.rows import Rejected
from tests.data.reading import cells, lines_read, opened, read, rejections, written

SIGNS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(st.text(SIGNS, max_size=8), min_size=width, max_size=width), min_size=1, max_size=8)
)


@given(table=TABLES, delimiter=st.sampled_from(",\t;|"), end=st.sampled_from(["\n", "\r\n"]), quoting=st.booleans())
def test_what_the_csv_module_writes_is_read_back(
    table: list[list[str]], delimiter: str, end: str, quoting: bool
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(
        text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL if quoting else csv.QUOTE_MINIMAL
    )
    writer.writerow([f"name {place}" for place in range(len(table[0]))])
    writer.writerows(table)
    with tempfile.TemporaryDirectory() as folder:
        for encoding in ("utf-8", "utf-16-le", "utf-32-be"):
            path = written(Path(folder), f"{encoding}.csv", text.getvalue().encode(encoding))
            reader = open_reader(path, Form(kind="csv", encoding=encoding, delimiter=delimiter))
            rows = list(reader.rows(lambda: False))
            # A line of spaces alone is no row; the writer leaves such a cell of a single column without quotes.
            expected = [row for row in table if quoting or len(row) > 1 or row[0].strip(" ") or not row[0]]
            assert [list(row.cells.values()) if isinstance(row, RawRow) else row for row in rows] == expected
            assert reader.fraction() == 1.0


def test_a_row_has_the_line_it_starts_on(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", 'text,label\n"one\ntwo\nthree",a\n\nfour,b\r\n"five",c')
    assert lines_read(path) == [2, 6, 7]
    assert cells(path)[0] == ["one\ntwo\nthree", "a"]


def test_ragged_rows_are_rejected_with_their_line(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "text,label\none,a\ntwo\nthree,b,c\nfour,d\nfive,e,,\n")
    assert rejections(path) == [
        (3, "it has 1 cell, but the file has 2 columns"),
        (4, "it has 3 cells, but the file has 2 columns"),
    ]
    assert lines_read(path) == [2, 5, 6]


def test_a_nul_is_rejected(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "text,label\none,a\nt\0wo,b\nthree,c\n")
    assert rejections(path) == [(3, "the cell “text” holds a NUL character")]
    assert lines_read(path) == [2, 4]


def test_one_bad_byte_costs_one_row(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "text,label\n你好吗,a\n很好,b\n".encode() + b"bad \xff,c\n" + "不错,d\n".encode())
    assert rejections(path) == [(4, "the byte 0xFF at place 5 of the line is not UTF-8 text")]
    assert lines_read(path) == [2, 3, 5]


def test_a_bad_byte_inside_a_quoted_cell_does_not_shift_the_rows_behind_it(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", b'text,label\n"one\nbad \xff two\nthree",a\nfour,b\n')
    assert rejections(path) == [(2, "line 3 of the row: the byte 0xFF at place 5 of the line is not UTF-8 text")]
    assert lines_read(path) == [5]


@pytest.mark.parametrize("quoted", [True, False])
def test_a_huge_cell_is_rejected_and_the_rest_is_read(tmp_path: Path, quoted: bool) -> None:
    size = 10 * 1024 * 1024
    cell = ('"' + "y" * size + '"') if quoted else "y" * size
    path = written(tmp_path, "a.csv", f"text,label\none,a\n{cell},b\nthree,c\n")
    assert rejections(path) == [(3, f"the cell “text” has {size:,} characters; at most 1,000,000 are read")]
    assert lines_read(path) == [2, 4]


def test_a_huge_cell_of_many_lines_is_counted_but_not_kept(tmp_path: Path) -> None:
    text = "y" * 99 + "\n"
    times = 5 * LONGEST_CELL // len(text)
    path = written(tmp_path, "a.csv", f'text,label\n"{text * times}",b\nthree,c\n')
    assert rejections(path) == [(2, "the cell “text” has 5,000,000 characters; at most 1,000,000 are read")]
    assert lines_read(path) == [times + 3]


def test_the_longest_allowed_cell_is_taken(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", f"text,label\n{'é' * LONGEST_CELL},b\n")
    assert [len(str(row[0])) for row in cells(path)] == [LONGEST_CELL]


def test_a_huge_line_is_rejected_and_the_rest_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "a.csv", "text,label\none,a\n" + "yy," * 100 + "\nthree,c\n")
    form = Form(kind="csv", encoding="utf-8", delimiter=",")
    monkeypatch.setattr(lines, "LARGEST_ROW", 64)
    rows = list(open_reader(path, form).rows(lambda: False))
    assert rows[1] == Rejected(line=3, reason="the line has 301 bytes; at most 64 are read")
    assert [row.line for row in rows if isinstance(row, RawRow)] == [2, 4]


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", 'text,label\none,a\n"two,b\nthree,c\nfour,d\n')
    assert rejections(path) == [(3, "a quote is opened in this line and never closed")]
    assert lines_read(path) == [2, 4, 5]


def test_a_quote_that_swallows_the_next_quoted_row_costs_one_row(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", 'text,label\n"one,a\n"two",b\n"three",c\n')
    assert rejections(path) == [(2, "a quote is opened in this line and never closed")]
    assert [row[0] for row in (list(one.cells.values()) for one in read(path) if isinstance(one, RawRow))] == [
        "two",
        "three",
    ]


def test_tabs_need_no_quotes(tmp_path: Path) -> None:
    path = written(tmp_path, "a.tsv", 'text\tlabel\na 5" disk, used\tgood\n"Never closed\tbad\n"quo""ted"\tgood\n')
    assert cells(path) == [['a 5" disk, used', "good"], ['"Never closed', "bad"], ['quo"ted', "good"]]


def test_old_mac_line_ends_are_line_ends(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", 'text,label\rone,a\r"two",b\r')
    assert cells(path) == [["one", "a"], ["two", "b"]]
    assert lines_read(path) == [2, 3]


def test_columns_get_names_each_once() -> None:
    assert unique_names(["a", "", "a", " b  c ", "column 2", "a"]) == (
        "a",
        "column 2",
        "a (2)",
        "b c",
        "column 2 (2)",
        "a (3)",
    )


def test_without_a_header_columns_are_numbered_and_the_first_row_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "I love it.,good\nI hate it.,bad\nGreat!,good\n")
    assert opened(path).columns == ("column 1", "column 2")
    assert lines_read(path) == [1, 2, 3]


def test_reading_stops_when_asked(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "text,label\n" + "one,a\n" * 5000)
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    reader = opened(path)
    with pytest.raises(Cancelled):
        list(reader.rows(should_stop))
    assert 0 < reader.fraction() < 1
    assert len(list(reader.rows(lambda: False))) == 5000
