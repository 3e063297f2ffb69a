"""What an import did not take is written whole: every row with its line, the reason and its cells."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.data.readers.delimited import FURTHER
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import WHOLE_ROW, ImportReport
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import importing, reporting
from desktop_llm.verbs.reading import Source
from tests import projects

TASK = TASKS[projects.TASK]
ROWS = b"""text,label,note
the harbour is calm,calm,first
,calm,no text here
too,many,cells,are,here
few
nul \0 in it,calm,third
not \xff utf-8,calm,fourth
"a quote that never ends,calm,fifth
"""


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Project]:
    """An open project without rows."""
    made = Project.create(tmp_path / "Trips", TASK.name)
    yield made
    made.close()


def _take(project: Project, file: Path, **how: Any) -> tuple[ImportReport, Source]:
    plan = importing.plan(TASK, file, **how)
    return importing.run(project, plan), importing.source_of(TASK, plan, "")


def _csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_rows_of_a_table_that_were_not_taken_are_written_with_all_they_hold(empty: Project, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(ROWS)
    report, source = _take(empty, file, encoding="utf-8")
    assert (report.imported, report.rejected_count) == (1, 6)
    to = tmp_path / "not taken.csv"
    assert reporting.write_rejected(source, report, to) == 6
    rows = _csv(to)
    assert [row["line"] for row in rows] == ["3", "4", "5", "6", "7", "8"]
    assert [row["reason"] for row in rows] == [one.reason for one in report.rejected]
    assert (rows[0]["label"], rows[0]["note"]) == ("calm", "no text here")
    assert (rows[1]["text"], rows[1]["note"], rows[1][FURTHER]) == ("too", "cells", "are,here")
    assert rows[2]["text"] == "few"
    assert rows[3]["text"] == "nul \ufffd in it"
    assert rows[4]["text"] == "not \ufffd utf-8"
    assert rows[5][WHOLE_ROW] == '"a quote that never ends,calm,fifth'


def test_a_report_keeps_the_first_rows_that_were_not_taken_shortened(empty: Project, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,note\n" + "fine,\n" + ("," + "x" * 5_000 + "\n") * 1_200, encoding="utf-8")
    report, source = _take(empty, file)
    assert report.rejected_count == 1_200
    assert len(report.rejected) == importing.REJECTED_SHOWN
    assert report.rejected[0].cells == {"text": "", "note": "x" * importing.CELL_SHOWN}
    to = tmp_path / "report.json"
    reporting.write_report(report, source, to)
    told = json.loads(to.read_text(encoding="utf-8"))
    assert (told["rejected_count"], told["rejected"][0]["line"]) == (1_200, 3)
    whole = tmp_path / "rejected.jsonl"
    assert reporting.write_rejected(source, report, whole) == 1_200
    assert json.loads(whole.read_text(encoding="utf-8").splitlines()[-1])["note"] == "x" * 5_000


def test_a_report_tells_how_the_file_was_read(empty: Project, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes("Gästebuch;Art\nschön hier;gut\n;schlecht\n".encode("cp1252"))
    plan = importing.plan(TASK, file, encoding="cp1252", mapping={"text": "Gästebuch", "label": "Art"})
    report = importing.run(empty, plan, split="train")
    to = tmp_path / "report.json"
    reporting.write_report(report, importing.source_of(TASK, plan, "train"), to)
    told = json.loads(to.read_text(encoding="utf-8"))
    assert (told["imported"], told["labeled"], told["duplicates"], told["rejected_count"]) == (1, 1, 0, 1)
    assert (told["source"], told["path"], told["format"]) == ("rows.csv", str(file), "csv")
    assert (told["encoding"], told["delimiter"], told["header"]) == ("cp1252", ";", True)
    assert told["mapping"] == {"text": "Gästebuch", "label": "Art"}
    assert told["split"] == "train"
    assert datetime.fromisoformat(told["at"]).tzinfo is not None
    assert told["rejected"] == [
        {"line": 3, "reason": "the text is empty", "cells": {"Gästebuch": "", "Art": "schlecht"}}
    ]
    lines = tmp_path / "rows.jsonl"
    lines.write_text('{"text": "half \\ud800 a character", "label": "a"}\n{"text": ""}\n', encoding="utf-8")
    report, source = _take(empty, lines)
    reporting.write_report(report, source, to)
    told = json.loads(to.read_text(encoding="utf-8"))
    assert told["format"] == "jsonl"
    assert not {"delimiter", "header", "sheet", "split", "rows_of"} & told.keys()


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".json"])
def test_broken_lines_of_json_are_written_as_they_stand(empty: Project, tmp_path: Path, ending: str) -> None:
    file = tmp_path / "rows.jsonl"
    lines = ['{"text": "fine", "label": "a"}', '{"text": "cut off', "[1, 2]", '{"text": "", "label": ["a", {"b": 1}]}']
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    report, source = _take(empty, file)
    assert (report.imported, report.rejected_count) == (1, 3)
    to = tmp_path / f"rejected{ending}"
    reporting.write_rejected(source, report, to)
    if ending in (".csv", ".tsv"):
        with to.open(newline="", encoding="utf-8") as written:
            rows: list[dict[str, Any]] = list(csv.DictReader(written, delimiter="," if ending == ".csv" else "\t"))
        assert json.loads(rows[2]["label"]) == ["a", {"b": 1}]
    else:
        text = to.read_text(encoding="utf-8")
        rows = json.loads(text) if ending == ".json" else [json.loads(line) for line in text.splitlines()]
        assert rows[2]["label"] == ["a", {"b": 1}]
    assert [row[WHOLE_ROW] for row in rows[:2]] == lines[1:3]


def test_a_column_that_is_called_line_keeps_its_cells(empty: Project, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,line,reason\nfine,1,2\n,10,20\n", encoding="utf-8")
    report, source = _take(empty, file)
    to = tmp_path / "not taken.csv"
    reporting.write_rejected(source, report, to)
    [row] = _csv(to)
    assert (row["line"], row["line (2)"], row["reason (2)"]) == ("3", "10", "20")


@pytest.mark.parametrize(
    "now", ["text,label\nfine,a\n,b\n,c\n", "text,label\nfine,a\nmended,b\n", "text,label\n,a\n,b\n"]
)
def test_a_file_that_has_changed_since_is_refused(empty: Project, tmp_path: Path, now: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,label\nfine,a\n,b\n", encoding="utf-8")
    report, source = _take(empty, file)
    file.write_text("text,label\n" + now, encoding="utf-8")
    to = tmp_path / "not taken.csv"
    with pytest.raises(UserError, match="has changed since it was imported"):
        reporting.write_rejected(source, report, to)
    assert not to.exists()


def test_the_imported_file_is_never_written_over(empty: Project, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text\nfine\n\nx,y\n", encoding="utf-8")
    report, source = _take(empty, file)
    with pytest.raises(UserError, match="choose another name"):
        reporting.write_rejected(source, report, tmp_path / "." / "rows.csv")
    with pytest.raises(UserError, match="name it so"):
        reporting.write_rejected(source, report, tmp_path / "rows.docx")
    assert file.read_text(encoding="utf-8").startswith("text\nfine")


def test_writing_can_be_stopped(empty: Project, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,label\nfine,a\n,b\n", encoding="utf-8")
    report, source = _take(empty, file)
    with pytest.raises(Cancelled):
        reporting.write_rejected(source, report, tmp_path / "x.csv", should_stop=lambda: True)
    assert not (tmp_path / "x.csv").exists()
