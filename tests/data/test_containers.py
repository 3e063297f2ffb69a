"""Workbooks, Parquet, Arrow, archives, folders, saved datasets: found by content, read, refused when damaged."""

from __future__ import annotations

import io
import json
import random
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.data.form import Form
from desktop_llm.data.readers import archive, folder
from desktop_llm.data.readers.opening import RawRow, open_reader
from desktop_llm.data.sniff import sniff
from desktop_llm.data.writers.writing import Format, write
from desktop_llm.errors import Cancelled, UserError
from tests.data.reading import cells, lines_read, opened, read, rejections, written

ROWS: list[dict[str, Any]] = [{"text": f"text {number}", "label": "ab"[number % 2]} for number in range(40)]


def made(folder: Path, name: str, form: Format, rows: list[dict[str, Any]] = ROWS) -> Path:
    """A file of these rows, whatever its name says."""
    write(folder / name, rows, form)
    return folder / name


def zipped(folder: Path, files: dict[str, bytes | str], name: str = "a.zip") -> Path:
    """An archive of these."""
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as packed:
        for inside, content in files.items():
            packed.writestr(inside, content)
    return folder / name


def refusal(path: Path) -> str:
    """The sentence with which a file is refused, when it is looked at, opened or read."""
    with pytest.raises(UserError) as caught:
        read(path)
    return caught.value.message


@pytest.mark.parametrize("kind", ["excel", "parquet", "arrow"])
def test_the_kind_follows_the_content_not_the_ending(tmp_path: Path, kind: Format) -> None:
    path = made(tmp_path, "a.csv", kind)
    assert sniff(path).kind == kind
    assert opened(path).columns == ("text", "label")
    assert cells(path) == [list(row.values()) for row in ROWS]
    assert lines_read(path) == [number + 1 + (kind == "excel") for number in range(40)]


@pytest.mark.parametrize("kind", ["excel", "parquet", "arrow"])
def test_reading_a_table_stops_when_asked(tmp_path: Path, kind: Format) -> None:
    reader = opened(made(tmp_path, "a", kind, ROWS * 100))
    answers = iter([False, False, True, True])
    with pytest.raises(Cancelled):
        list(reader.rows(lambda: next(answers)))
    assert len(list(reader.rows(lambda: False))) == 4000


@pytest.mark.parametrize("kind", ["excel", "parquet", "arrow"])
def test_a_table_that_was_cut_off_is_one_sentence(tmp_path: Path, kind: Format) -> None:
    data = made(tmp_path, "whole", kind, ROWS * 10).read_bytes()
    for size in (5, 9, 100, len(data) // 2, len(data) - 5, len(data) - 1):
        message = refusal(written(tmp_path, "a.xlsx", data[:size]))
        assert message.startswith("“a.xlsx” ")
        assert message.endswith(".")
        assert "\n" not in message


@pytest.mark.parametrize("kind", ["excel", "parquet", "arrow"])
def test_flipped_bytes_give_rows_or_one_sentence(tmp_path: Path, kind: Format) -> None:
    data = made(tmp_path, "whole", kind).read_bytes()
    for place in range(0, len(data), max(1, len(data) // 150)):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        path = written(tmp_path, "a", bytes(damaged))
        with suppress(UserError):
            read(path)


def test_damaged_arrow_never_ends_the_process(tmp_path: Path) -> None:
    rows = [{"text": "a", "labels": ["x"][: n % 2], "spans": [{"start": 0, "end": 1, "label": "y"}]} for n in range(60)]
    data = made(tmp_path, "whole", "arrow", rows).read_bytes()
    chance = random.Random(7)
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(chance.choice([1, 2, 8])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        with suppress(UserError):
            read(written(tmp_path, "a", bytes(damaged)))


def test_the_first_sheet_with_rows_is_read_or_the_one_told(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "empty"
    for name in ("first", "second"):
        sheet = book.create_sheet(name)
        sheet.append(["text", "score", "day"])
        sheet.append([name, 1.5, None])
        sheet.append([])
        sheet.append([f"{name} again", 2, True])
    book.save(tmp_path / "a.xlsx")
    path = tmp_path / "a.xlsx"
    assert sniff(path) == Form(kind="excel", sheet="first")
    assert cells(path) == [["first", 1.5, ""], ["first again", 2, True]]
    assert lines_read(path) == [2, 4]
    second = open_reader(path, sniff(path, sheet="second", header=False))
    assert second.columns == ("column 1", "column 2", "column 3")
    with pytest.raises(UserError, match="has no sheet “third”; its sheets are “empty”, “first”, “second”"):
        sniff(path, sheet="third")


@pytest.mark.parametrize("prefix", ["", "x:"])
def test_a_stray_cell_in_the_last_corner_is_refused(tmp_path: Path, prefix: str) -> None:
    path = made(tmp_path, "whole.xlsx", "excel")
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    stray = (
        f'<{prefix}row r="1048576"><{prefix}c t="n" r="XFD1048576"><{prefix}v>1</{prefix}v></{prefix}c></{prefix}row>'
    )
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet].replace(b"</sheetData>", stray.encode() + b"</sheetData>")
    message = refusal(zipped(tmp_path, dict(parts), "a.xlsx"))
    assert "cells lie over 1,048,576 rows and 16,384 columns, too many to be read; delete the stray cells" in message


def test_text_that_looks_like_a_cell_is_but_text(tmp_path: Path) -> None:
    rows = [{"text": '<c r="XFD1048576"> <row r="9"'}, {"text": "b"}]
    assert cells(made(tmp_path, "a.xlsx", "excel", rows)) == [[row["text"]] for row in rows]


def test_odd_texts_come_back_from_a_workbook(tmp_path: Path) -> None:
    odd = [
        " ",
        "\t\n",
        "\u2028 ",
        "\u2028\n\n",
        "_x2028_",
        "_x0041_",
        "_x005F_",
        "\x1f",
        "a\r\nb",
        "=1+1",
        "#N/A",
        " a ",
    ]
    rows = [{"text": text, "note": "x"} for text in odd]
    assert [row[0] for row in cells(made(tmp_path, "a.xlsx", "excel", rows))] == odd


def test_an_office_document_is_no_table(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"}, "a.docx")
    assert refusal(path).startswith("“a.docx” is an Office document, not a table of rows;")


def test_parquet_of_other_programs(tmp_path: Path) -> None:
    import datetime
    import decimal

    import pyarrow as pa
    from pyarrow import parquet

    info = {"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}}
    table = pa.table(
        {
            "text": ["a", None, "c\0", "d"],
            "label": [0, 1, -1, 7],
            "day": [datetime.date(2026, 1, 2)] * 4,
            "cost": [decimal.Decimal("1.50")] * 4,
            "raw": [b"x", b"\xff", b"y", None],
            "tags": [["a"], [], None, ["b"]],
        }
    ).replace_schema_metadata({"huggingface": json.dumps(info)})
    parquet.write_table(table, tmp_path / "a.parquet")
    rows = read(tmp_path / "a.parquet")
    assert [row.cells for row in rows if isinstance(row, RawRow)] == [
        {"text": "a", "label": "neg", "day": "2026-01-02", "cost": "1.50", "raw": "x", "tags": ["a"]},
        {"text": "d", "label": 7, "day": "2026-01-02", "cost": "1.50", "raw": None, "tags": ["b"]},
    ]
    assert rejections(tmp_path / "a.parquet") == [
        (2, "the cell “raw” holds bytes, not text"),
        (3, "the cell “text” holds a NUL character"),
    ]


def test_bytes_that_are_no_text_cost_their_row(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import feather

    odd = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")]
    )
    feather.write_feather(pa.table({"text": odd}), str(tmp_path / "a.feather"), compression="uncompressed")
    assert sniff(tmp_path / "a.feather").kind == "arrow"
    assert rejections(tmp_path / "a.feather") == [(2, "the cell “text” is not UTF-8 text")]
    assert cells_of_good(tmp_path / "a.feather") == [{"text": "a"}]


def cells_of_good(path: Path) -> list[dict[str, object]]:
    """The cells of the rows that could be read."""
    return [row.cells for row in read(path) if isinstance(row, RawRow)]


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "pos").mkdir()
    (tmp_path / "pos" / "1.txt").write_text("A fine\n\nday, is it?")
    (tmp_path / "b.csv").write_text("text,file\none,x\ntwo,y\n")
    (tmp_path / "c.jsonl").write_text('{"text": "three"}\n{"text":\n')
    (tmp_path / "d.bin").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "README.md").write_text("# no data")
    (tmp_path / ".hidden.csv").write_text("text\nno\n")
    made(tmp_path, "e.parquet", "parquet", [{"text": "four"}])
    zipped(tmp_path, {"x.csv": "text\nno\n"}, "f.zip")
    assert sniff(tmp_path) == Form(kind="folder", unit="file")
    assert opened(tmp_path).columns == ("text", "file", "file (2)")
    assert cells_of_good(tmp_path) == [
        {"text": "one", "file": "x", "file (2)": "b.csv"},
        {"text": "two", "file": "y", "file (2)": "b.csv"},
        {"text": "three", "file (2)": "c.jsonl"},
        {"text": "four", "file (2)": "e.parquet"},
        {"text": "A fine\n\nday, is it?", "file (2)": "pos/1.txt"},
    ]
    assert [reason.split(";")[0] for _, reason in rejections(tmp_path)] == [
        "in “c.jsonl”: it is not valid JSON: it ends too early",
        "in “d.bin”: “d.bin” is a binary file, not text",
        "in “f.zip”: “f.zip” is an archive inside",
    ]
    lines = open_reader(tmp_path, sniff(tmp_path, unit="line"))
    assert len([row for row in lines.rows(lambda: False) if isinstance(row, RawRow)]) == 6


@pytest.mark.parametrize("packed", [False, True])
def test_names_part_files_into_splits(tmp_path: Path, packed: bool) -> None:
    files: dict[str, bytes | str] = {
        "data/train-00000-of-00002.csv": "text\na b\nb c\n",
        "data/dev.csv": "text\nc d\nd e\n",
        "test/0.csv": "text\ne f\nf g\n",
        "contest.csv": "text\ng h\nh i\n",
    }
    if packed:
        path = zipped(tmp_path, files)
    else:
        path = tmp_path
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(str(content))
    found = {str(row["file"]): row["split"] for row in cells_of_good(path)}
    assert found == dict(zip(files, ("train", "validation", "test", ""), strict=True))
    assert opened(path).columns == ("text", "file", "split")


def test_a_lone_test_file_is_no_split(tmp_path: Path) -> None:
    written(tmp_path, "test.csv", "text\na b\nc d\n")
    assert opened(tmp_path).columns == ("text", "file")


def test_an_archive_is_read_without_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = {form: made(tmp_path, form, form).read_bytes() for form in ("excel", "parquet", "arrow", "json", "csv")}
    path = zipped(tmp_path, {f"in/{form}": data for form, data in held.items()})
    for form in held:
        (tmp_path / form).unlink()
    monkeypatch.setattr(archive, "IN_MEMORY", 100)
    assert sniff(path) == Form(kind="zip", unit="file")
    rows = cells_of_good(path)
    assert len(rows) == 5 * 40
    assert {(row["text"], row["label"]) for row in rows} == {(row["text"], row["label"]) for row in ROWS}
    assert [one.name for one in tmp_path.iterdir()] == ["a.zip"]
    monkeypatch.setattr("desktop_llm.data.readers.many.LARGEST_HELD", 10)
    assert len(cells_of_good(path)) == 40
    assert "is too large to be read inside an archive; unpack it first" in rejections(path)[0][1]


@pytest.mark.parametrize("name", ["../a.csv", "/etc/a.csv", "a/../../b.csv", "C:/a.csv", "..\\a.csv", "\\a.csv"])
def test_names_that_lead_out_of_an_archive_are_refused(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path, {"b.csv": "text\na\n", name: "text\nb\n"})
    assert "would lie outside the archive." in refusal(path)
    assert [one.name for one in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("name", ["a.csv", "xl/workbook.xml"])
def test_a_bomb_is_refused(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path, {name: b"0" * (20 << 20)})
    assert path.stat().st_size < 100_000
    assert "would grow 250 times and more; if you trust it, unpack it yourself" in refusal(path)


def test_too_much_of_everything_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path, {"a.csv": "text\na\n", "b.csv": "text\nb\n"})
    monkeypatch.setattr(archive, "LARGEST_WHOLE", 10)
    assert "holds 14 bytes when unpacked; at most 10 are read" in refusal(path)
    monkeypatch.setattr(archive, "MOST_MEMBERS", 1)
    assert refusal(path) == "“a.zip” holds 2 files; at most 1 are read: unpack it in parts."
    monkeypatch.setattr(folder, "MOST_MEMBERS", 0)
    assert "holds more than 0 files; choose a folder with fewer." in refusal(tmp_path)


def test_an_archive_with_nothing_to_read(tmp_path: Path) -> None:
    inner = zipped(tmp_path, {"a.csv": "text\na\n"}, "inner.zip").read_bytes()
    message = refusal(zipped(tmp_path, {"b.zip": inner}))
    assert message == (
        "“a.zip” holds no file with rows that can be read (the first: “b.zip” is an archive inside; unpack it first)."
    )
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    assert refusal(written(tmp_path, "e.zip", empty.getvalue())) == (
        "“e.zip” is an empty archive; choose a file with rows."
    )


def test_a_damaged_archive_is_one_sentence(tmp_path: Path) -> None:
    whole = zipped(tmp_path, {"a.csv": "text,label\n" + "".join(f"{n * 7919},b\n" for n in range(3000))}).read_bytes()
    for place in (len(whole) // 3, len(whole) // 2):
        damaged = whole[:place] + bytes(50) + whole[place + 50 :]
        message = refusal(written(tmp_path, "b.zip", damaged))
        assert message.startswith("“b.zip” is a ZIP archive or an Office document that cannot be read (")
    assert refusal(written(tmp_path, "c.zip", whole[:-40])).endswith("and choose that file.")


def _saved(path: Path, rows: list[dict[str, Any]]) -> None:
    """What `Dataset.save_to_disk` leaves: IPC streams of numbers with their names beside, and a state."""
    import pyarrow as pa

    info = {"info": {"features": {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}}}
    path.mkdir(parents=True)
    for number in range(2):
        name = f"data-{number:05}-of-00002.arrow"
        table = pa.Table.from_pylist(rows[number::2]).replace_schema_metadata({"huggingface": json.dumps(info)})
        with pa.OSFile(str(path / name), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    names = [{"filename": f"data-{number:05}-of-00002.arrow"} for number in range(2)]
    (path / "state.json").write_text(json.dumps({"_data_files": names, "_split": None}))
    (path / "dataset_info.json").write_text("{}")


NUMBERED = [{"text": "a", "label": 0}, {"text": "b", "label": 1}, {"text": "c", "label": -1}]


def test_a_saved_dataset_is_read(tmp_path: Path) -> None:
    _saved(tmp_path / "d", NUMBERED)
    assert sniff(tmp_path / "d") == Form(kind="dataset")
    assert cells(tmp_path / "d") == [["a", "no"], ["c", None], ["b", "yes"]]


def test_a_saved_dictionary_of_datasets_is_read(tmp_path: Path) -> None:
    for split in ("train", "test", "unsupervised"):
        _saved(tmp_path / "d" / split, NUMBERED[:2])
    (tmp_path / "d" / "dataset_dict.json").write_text('{"splits": ["train", "test", "unsupervised"]}')
    assert opened(tmp_path / "d").columns == ("text", "label", "split")
    assert [row[2] for row in cells(tmp_path / "d")] == ["train"] * 2 + ["test"] * 2 + ["unsupervised"] * 2


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("{", "is damaged: it is not a JSON object; save the dataset again."),
        ("[" * 100_000, "is damaged: it is not a JSON object; save the dataset again."),
        ("{}", "“d” names no data files in state.json; save the dataset again."),
        ('{"_data_files": [{"filename": "../a.arrow"}]}', "“d” is refused: it names “../a.arrow”, which would lie"),
        ('{"_data_files": [{"filename": "b.arrow"}]}', "“d” lacks its file “b.arrow”; copy the whole folder."),
        ('{"_data_files": [], "_indices_files": [1]}', "was saved with an index of chosen rows; save it after"),
    ],
)
def test_a_saved_dataset_that_is_not_whole(tmp_path: Path, state: str, told: str) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "state.json").write_text(state)
    assert told in refusal(tmp_path / "d")


def test_deep_json_costs_its_row(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"a.jsonl": '{"text": "one"}\n{"text": ' + "[" * 100_000 + "]" * 100_000 + "}\n"})
    assert [reason for _, reason in rejections(path)] == ["in “a.jsonl”: its values are nested too deeply"]
