"""Files that are not what they should be: one sentence, or the bad rows with their lines; and nothing half-taken."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from tests import projects
from tests.cli.conftest import Command

GOOD = b"text,label\nfirst text,food\nsecond text,travel\n"
LONG = b"x" * 10_000_000


def _left(path: Path) -> list[str]:
    return sorted(str(one.relative_to(path)) for one in path.rglob("*"))


@pytest.mark.parametrize(
    ("name", "content", "more", "told"),
    [
        ("missing.csv", None, [], "“{path}”: it does not exist; check the path"),
        ("empty.csv", b"", [], "“empty.csv” is empty; choose a file with rows"),
        ("blank.csv", b"\n \n\r\n", [], "“blank.csv” is empty"),
        ("header.csv", b"text,label\n", [], "“header.csv” has a header but no rows"),
        ("a.csv", GOOD, ["--map", "text=nothere"], "no column “nothere” for the text; its columns are “text”, “label”"),
        ("a.csv", GOOD, ["--map", "words=text"], "no field “words” to fill; the fields are text, label"),
        ("a.csv", GOOD, ["--map", "label=text"], "The column “text” is chosen twice"),
        ("a.csv", GOOD, ["--encoding", "latin-99"], "no text encoding “latin-99”; choose one such as utf-8"),
        ("a.csv", GOOD, ["--delimiter", "::"], "“::” cannot part cells; choose one character"),
        ("a.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, [], "“a.csv” is a PNG image, not a table of rows"),
        ("a.csv", bytes(range(256)) * 40, [], "“a.csv” is a binary file, not text; save the data as CSV"),
        ("a.jsonl", os.urandom(4096), [], "“a.jsonl” is a binary file"),
        ("a.json", b'{"a": 1}', [], "its JSON object holds no list of rows"),
        ("a.json", b"hello", [], "“a.json” is not JSON"),
        ("none.csv", b"text,label\n,food\n ,travel\n", [], "all 2 rows were rejected"),
    ],
)
def test_a_file_that_cannot_be_taken(
    command: Command, project: Path, tmp_path: Path, name: str, content: bytes | None, more: list[str], told: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    before = _left(project)
    said = command("import", project, path, *more)
    assert said.code == 1
    assert told.format(path=path) in said.err
    assert projects.counts(project) == (104, 104)
    assert _left(project) == before


@pytest.mark.parametrize(
    ("name", "content", "line", "reason"),
    [
        (
            "byte.csv",
            GOOD + b"caf\xe9,food\n" + "größer,food\n".encode() * 30,
            4,
            "the byte 0xE9 at place 4 of",
        ),
        ("long.csv", GOOD + b"three,food,rest\n", 4, "it has 3 cells, but the file has 2 columns"),
        ("short.csv", GOOD + b"three\n", 4, "it has 1 cell, but the file has 2 columns"),
        ("nul.csv", GOOD + b"with \0 inside,food\n", 4, "the cell “text” holds a NUL character"),
        ("huge.csv", GOOD + LONG + b",food\n", 4, "the cell “text” has 10,000,000 characters; at most 1,000,000"),
        ("quote.csv", GOOD + b'"never closed,food\n', 4, "a quote is opened in this line and never closed"),
        ("label.csv", GOOD + b"three," + b"l" * 300 + b"\n", 4, "the label has 300 characters; at most 200"),
        ("blank.csv", GOOD + b" ,food\n", 4, "the text is empty"),
        ("a.jsonl", b'{"text":"first text"}\n{"text":"second text"}\n{"text":\n', 3, "it is not valid JSON"),
        ("a.json", b'[{"text":"first text"},\n{"text":"second text"},\n{"te', 3, "the file ends inside this row"),
    ],
)
def test_a_bad_row_costs_itself_and_names_its_line(
    command: Command, project: Path, tmp_path: Path, name: str, content: bytes, line: int, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    before = _left(project)
    said = command("import", project, path, "--json")
    assert said.code == 0
    bad = [one for one in said.objects if "reason" in one]
    assert [one["rejected"] for one in bad] == [line]
    assert reason in bad[0]["reason"]
    report = said.objects[-1]
    assert report["rejected"] == 1
    assert report["imported"] >= 2
    assert projects.counts(project)[0] == 104 + report["imported"]
    assert _left(project) == before
    assert f"line {line}: {bad[0]['reason']}" in command("import", project, path).out


def test_of_several_files_that_of_a_bad_row_is_named(command: Command, trained: Path, tmp_path: Path) -> None:
    files = {"a.csv": GOOD + b" ,food\n", "deep/b.csv": b"text,label\n ,food\nfifth,travel,more\nsixth,food\n"}
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    expected = [
        "  line 4: in “a.csv”: the text is empty",
        "  line 2: in “deep/b.csv”: the text is empty",
        "  line 3: in “deep/b.csv”: it has 3 cells, but the file has 2 columns",
    ]
    asked = command("predict", trained, 1, path).out
    for words in (command("import", trained, path).out, asked):
        lines = [line.partition(";")[0] for line in words.splitlines() if line.startswith("  line")]
        assert sorted(lines) == sorted(expected)
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(GOOD + b" ,food\n")
    said = command("import", trained, tmp_path / "a.csv", tmp_path / "b.csv")
    assert "  a.csv, line 4: the text is empty\n" in said.out
    assert "  b.csv, line 4: the text is empty\n" in said.out


def test_the_report_and_the_rows_that_were_not_taken_are_written(
    command: Command, project: Path, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(GOOD + b",food\nthird,travel,more\n")
    report, rejected = tmp_path / "report.json", tmp_path / "rejected.jsonl"
    assert command("import", project, path, "--report", report, "--rejected", rejected).code == 0
    assert json.loads(report.read_text())["rejected_count"] == 2
    rows = [json.loads(line) for line in rejected.read_text().splitlines()]
    assert [(row["line"], row["label"]) for row in rows] == [(4, "food"), (5, "travel")]
    said = command("import", project, path, path, "--report", report)
    assert (said.code, "import the files one by one" in said.err) == (2, True)


def test_every_row_of_a_file_is_answered_or_named(command: Command, trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "questions.csv"
    path.write_bytes(b"text,label\nsoup,food\n ,food\ntrain,travel,now\nticket,travel\n")
    told = command("predict", trained, 1, path, "--json").objects
    assert [(one.get("text"), one.get("rejected"), one.get("reason", "")[:17]) for one in told] == [
        ("soup", None, ""),
        (None, 3, "the text is empty"),
        (None, 4, "it has 3 cells, b"),
        ("ticket", None, ""),
    ]
    assert "  line 3: the text is empty\n" in command("predict", trained, 1, path).out


def test_a_file_without_a_header_keeps_its_first_row(command: Command, project: Path, tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_bytes(b"I lost my card,lost\nwhere is my money,late\nmy card is gone again,lost\nit is late,late\n")
    report = command("import", project, path, "--json").objects[-1]
    assert (report["imported"], report["labeled"], report["rejected"]) == (4, 4, 0)


def test_of_several_files_those_before_the_bad_one_are_taken(command: Command, project: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.csv"
    good.write_bytes(GOOD)
    said = command("import", project, good, tmp_path / "missing.csv")
    assert said.code == 1
    assert "good.csv: 2 rows imported" in said.out
    assert "missing.csv" in said.err
    assert projects.counts(project) == (106, 106)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("missing.csv", None, "There is no file “{path}”; check the path"),
        ("empty.csv", b"", "“empty.csv” is empty"),
        ("a.csv", bytes(range(256)) * 40, "“a.csv” is a binary file"),
    ],
)
def test_a_file_that_cannot_be_asked_about(
    command: Command, trained: Path, tmp_path: Path, name: str, content: bytes | None, told: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    said = command("predict", trained, 1, path)
    assert (said.code, said.out) == (1, "")
    assert told.format(path=path) in said.err
