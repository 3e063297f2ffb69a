"""Many rows at once are the same rows as one by one, whatever is in the file."""

from __future__ import annotations

import csv
import io
import json
import pickle
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_llm.columns import Texts
from desktop_llm.data import mapping
from desktop_llm.data.batches import Batches
from desktop_llm.data.form import Form
from desktop_llm.data.readers import quick
from desktop_llm.data.readers.opening import Reader, open_reader
from desktop_llm.data.readers.reader import Block, RawRow, blocks
from desktop_llm.data.sniff import sniff
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Batch, NewItem, Rejected, batch_of
from desktop_llm.store.hashing import content_hash, digests
from tests.data.test_mapping import FIELDS, PAIR, Field, parsed

PIECES = st.sampled_from(
    [
        "a",
        "bc",
        "é",
        "漢字",
        "😀",
        " ",
        ",",
        '"',
        '""',
        "\n",
        "\r\n",
        "\r",
        "\t",
        "\\",
        "'",
        '"x"',
        '"x,y"',
        '"p\nq"',
        "",
    ]
)
CELL = st.lists(PIECES, max_size=4).map("".join)
ODD_BYTES = st.sampled_from([b"", b"\xff", b"\0", b'"', b"\n\n", b"  \n", b',"open\n'])


def _same(reader: Reader) -> None:
    """What `blocks` gives is what `rows` gives, with and without Arrow."""
    rows = list(reader.rows(lambda: False))
    for columnar in (False, True):
        found: list[RawRow | Rejected] = []
        for block in blocks(reader, lambda: False, columnar=columnar):
            found += _rows(reader.columns, block)
        assert found == rows


def _rows(columns: Sequence[str], block: Block) -> list[RawRow | Rejected]:
    cells: list[Any] = [row if isinstance(row, dict) else dict(zip(columns, row, strict=True)) for row in block.rows]
    taken = [RawRow(line=line, cells=one) for line, one in zip(block.starts, cells, strict=True)]
    return sorted([*taken, *block.rejected], key=lambda row: row.line)


def _same_of(data: bytes, form: Form, block: int) -> None:
    """`_same` of a file with this content, read in blocks of so many bytes."""
    before = quick.BLOCK
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        path.write_bytes(data)
        try:
            quick.BLOCK = block
            reader = open_reader(path, form)
        except UserError:
            return  # nothing can be read, not even the names of the columns
        else:
            _same(reader)
        finally:
            quick.BLOCK = before


@settings(max_examples=200)
@given(
    rows=st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=12),
    quoted=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    delimiter=st.sampled_from([",", "\t", ";"]),
    odd=ODD_BYTES,
    at=st.integers(0, 400),
    small=st.sampled_from([8, 64, 1 << 17]),
)
def test_delimited_blocks_are_the_rows(
    rows: list[list[str]], quoted: bool, end: str, delimiter: str, odd: bytes, at: int, small: int
) -> None:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if quoted else text

    text = "one,two,three".replace(",", delimiter) + end
    text += end.join(delimiter.join(cell(one) for one in row) for row in rows)
    data = text.encode()
    at = min(at, len(data))
    _same_of(data[:at] + odd + data[at:], Form(kind="csv", encoding="utf-8", delimiter=delimiter), small)


@settings(max_examples=200)
@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=12),
    all_quoted=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    delimiter=st.sampled_from([",", "\t", ";", "|", " ", "§"]),
    odd=st.one_of(st.just(b""), st.just(b""), ODD_BYTES, st.sampled_from([b"\r", b"\xef\xbb\xbf", b"\xed\xa0\x80"])),
    at=st.integers(0, 400),
    small=st.sampled_from([8, 64, 1 << 17]),
)
def test_well_formed_blocks_are_the_rows_whoever_parts_them(
    rows: list[list[str]], all_quoted: bool, end: str, delimiter: str, odd: bytes, at: int, small: int
) -> None:
    text = io.StringIO(newline="")
    quoting: Any = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([["one", "two", "three"], *rows])
    data = text.getvalue().encode()
    at = min(at, len(data))
    _same_of(data[:at] + odd + data[at:], Form(kind="csv", encoding="utf-8", delimiter=delimiter), small)


@pytest.mark.parametrize(
    "text",
    [
        "one,two\n1,2\n\n3,4\n5,6",
        "one,two\r\n1,2\r\n\r\n3,4\r\n5,6\r\n",
        'one,two\n1,2\n"3\n\n",4\n\n5,6',
        "one\n1\n\n3\n",
        'one\n1\n""\n3\n',
        "one\n1\n  \n3\n",
        "one,two\n\ufeff1,2\n3,4\n\ufeff5,6\n",
        "one,two\n1,2\r\r\n3,4\n",
        "one,two\n1,2\r3,4\n",
        'one,two\r\n"1\r\n1",2\r\n3,4\r\n',
        'one,two\n"1\r\r\n1",2\n"3\r3",4\n',
        'one,two\n1,"2"  \n"3"x,4\n',
        'one,two\n1, "2"\n3,4"\n5"",""\n',
        "one,two\n1,2\n3,4,5\n6,7,\n",
    ],
)
@pytest.mark.parametrize("small", [1, 8, 1 << 17])
def test_what_libraries_read_differently_is_read_alike(text: str, small: int) -> None:
    _same_of(text.encode(), Form(kind="csv", encoding="utf-8", delimiter=","), small)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_arrow_parts_what_is_well_formed(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "rows.csv"
    lines = ["text,label", *(f'"café ""{place}"",{end}and more",a{end}plain {place},b' for place in range(30_000))]
    path.write_bytes(end.join(lines).encode(encoding))
    reader = open_reader(path, Form(kind="csv", encoding=encoding, delimiter=","))
    found: list[Any] = [block.rows for block in blocks(reader, lambda: False, columnar=True)]
    assert {type(column) for table in found if len(table) for column in table.columns} == {Texts}
    assert sum(map(len, found)) == 60_000
    _same(reader)


@given(
    rows=st.lists(
        st.dictionaries(
            st.sampled_from(["text", "label", "more"]), st.one_of(CELL, st.integers(), st.none(), st.lists(CELL))
        ),
        min_size=1,
        max_size=12,
    ),
    odd=st.sampled_from([b"", b"\xff", b"{", b"\n \n", b"[1]\n", b"NaN", b"\\u0000", b"\\ud800"]),
    at=st.integers(0, 400),
    small=st.sampled_from([8, 64, 1 << 17]),
)
def test_blocks_of_json_lines_are_the_rows(rows: list[dict[str, Any]], odd: bytes, at: int, small: int) -> None:
    data = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    at = min(at, len(data))
    _same_of(data[:at] + odd + data[at:], Form(kind="jsonl", encoding="utf-8"), small)


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030", "shift_jis", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_blocks_in_other_encodings_are_the_rows(tmp_path: Path, encoding: str, kind: str) -> None:
    words = "日本" if encoding in ("utf-16", "gb18030", "shift_jis") else "café"
    lines = (
        ["text,label", *(f'"{words}, {place}",a' for place in range(2000))]
        if kind == "csv"
        else [json.dumps({"text": f"{words} {place}"}, ensure_ascii=False) for place in range(2000)]
    )
    path = tmp_path / f"rows.{kind}"
    path.write_bytes("\n".join(lines).encode(encoding))
    reader = open_reader(path, sniff(path, encoding=encoding))
    _same(reader)
    assert sum(len(block.rows) for block in blocks(reader, lambda: False)) == 2000


def test_well_formed_files_are_read_the_quick_way_and_a_bad_row_costs_one_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    careful: list[int] = []
    path = tmp_path / "rows.csv"
    lines = ["text,label", *(f'"text, number {place}",a' for place in range(60_000))]
    lines[40_000] = "ragged"
    path.write_text("\n".join(lines), encoding="utf-8")
    reader: Any = open_reader(path, Form(kind="csv", encoding="utf-8", delimiter=","))
    slow = type(reader)._block

    def counted(self: Any, *told: Any) -> Block:
        found: Block = slow(self, *told)
        careful.append(len(found.rows))
        return found

    monkeypatch.setattr(type(reader), "_block", counted)
    _same(reader)
    assert len(careful) == 2  # one block each way
    assert max(careful) < 30_000


def test_reading_many_rows_stops_when_asked(tmp_path: Path) -> None:
    for kind, line in (("csv", "a,b\n"), ("jsonl", '{"a": "b"}\n')):
        path = tmp_path / kind
        path.write_text(line * 200_000, encoding="utf-8")
        reader = open_reader(path, Form(kind=kind, encoding="utf-8", delimiter=","))  # type: ignore[arg-type]
        asked = iter([False, False, True])
        found = blocks(reader, asked.__next__)
        assert 0 < sum(len(next(found).rows) for _ in range(2)) < 200_000
        with pytest.raises(Cancelled):
            next(found)


VALUES = st.one_of(CELL, st.sampled_from(["yes", "no", "far too long", " ", "test", "nowhere"]))
JSON_VALUES = st.one_of(VALUES, st.integers(-3, 3), st.none(), st.booleans(), st.lists(st.integers(), max_size=2))


@given(
    rows=st.lists(st.fixed_dictionaries({name: VALUES for name in ("text", "label", "split", "x", "y")}), max_size=8),
    told=st.sampled_from(
        [
            {"text": "text"},
            {"text": "text", "label": "label"},
            {"text": "x", "label": "label", "split": "split"},
            {"text": "text", "label": "label", "split": "split"},
        ]
    ),
    split=st.sampled_from(["", "test"]),
)
def test_batches_are_the_items(rows: list[dict[str, str]], told: dict[str, str], split: str) -> None:
    _compare(rows, told, FIELDS, split, as_lists=True)
    _compare(rows, told, FIELDS, split, as_lists=False)


@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["text", "label", "x"]), JSON_VALUES), max_size=8),
)
def test_batches_of_json_are_the_items(rows: list[dict[str, object]]) -> None:
    _compare(rows, {"text": "text", "label": "label"}, FIELDS, "", as_lists=False)


@given(rows=st.lists(st.fixed_dictionaries({name: VALUES for name in ("source", "target", "x")}), max_size=8))
def test_batches_of_two_texts_are_the_items(rows: list[dict[str, str]]) -> None:
    _compare(rows, {"source": "source", "target": "target"}, PAIR, "", as_lists=True)


def _compare(
    rows: Sequence[dict[str, Any]], told: dict[str, str], fields: Sequence[Field], split: str, *, as_lists: bool
) -> None:
    columns = list(rows[0]) if rows else []
    starts = range(2, 2 + len(rows))
    columns = columns or [*told.values()]
    given_rows: Any = [[row[name] for name in columns] for row in rows] if as_lists else rows
    for columnar in (False, True):
        batches = Batches(columns, told, fields, parsed, split, columnar=columnar)
        _compare_batch(batches.of(Block(starts, given_rows)), rows, told, fields, split)


def _compare_batch(
    found: tuple[Batch, list[Rejected]],
    rows: Sequence[dict[str, Any]],
    told: dict[str, str],
    fields: Sequence[Field],
    split: str,
) -> None:
    batch, rejected = found
    starts = range(2, 2 + len(rows))
    raw = [RawRow(line=line, cells=dict(row)) for line, row in zip(starts, rows, strict=True)]
    items = list(mapping.to_items(raw, told, fields, parsed, split))
    assert rejected == [one for one in items if isinstance(one, Rejected)]
    taken = [one for one in items if isinstance(one, NewItem)]
    assert _plain(batch) == _plain(batch_of(taken))
    assert [text for text in batch.texts] == [one.content[batch.main] for one in taken]
    assert digests(batch) == b"".join(content_hash(one.content) for one in taken)
    plain = pickle.loads(pickle.dumps(batch))
    assert _plain(plain) == _plain(batch)


def _plain(batch: Batch) -> list[Any]:
    extras = [json.loads(one) if one else None for one in batch.extras]
    contents = batch.contents or [{}] * len(batch.texts)
    return [list(part) for part in (batch.texts, extras, batch.labels, batch.splits, contents)]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_what_was_read_counts_the_block_in_hand(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "BLOCK", 1 << 12)
    file = tmp_path / name
    lines = ["text,label", *["a few words,one"] * 2000] if name.endswith("csv") else ['{"text": "a few words"}'] * 2000
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    reader = open_reader(file, sniff(file))
    read = 0
    for block in blocks(reader, lambda: False):
        read += len(block.rows)
        assert reader.fraction() == pytest.approx(read / 2000, abs=0.01)
    assert reader.fraction() == 1.0
