"""Spans through files: into a project from every format that has them, and out again, equal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_llm.data.writers.writing import Format, write
from desktop_llm.errors import UserError
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from desktop_llm.verbs import importing, saving
from tests.tasks.token_tagging import texts
from tests.tasks.token_tagging.texts import CLASSES, FORMATS, TASK, span

TEXT = "Anna 😀 flew to 北京 and New York"
SPANS = [span(0, 4, "person"), span(15, 17, "place"), span(22, 30, "place")]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty project."""
    made = Project.create(tmp_path / "Names", TASK.name)
    yield made
    made.close()


def _run(project: Project, file: Path) -> dict[str, Any]:
    report = importing.run(project, importing.plan(TASK, file))
    assert report.rejected == ()
    return texts.held(project)


def _lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def test_conll_comes_in_with_its_spans(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "some.conll"
    file.write_text("Anna\tB-PER\nlives\tO\nin\tO\nNew\tB-LOC\nYork\tI-LOC\n\nNobody\tO\nhere\tO\n\n", "utf-8")
    assert _run(project, file) == {
        "Anna lives in New York": [span(0, 4, "PER"), span(14, 22, "LOC")],
        "Nobody here": [],
    }
    assert [one.name for one in project.classes.all()] == ["PER", "LOC"]


def test_of_damaged_conll_what_is_whole_comes_in(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "some.conll"
    file.write_text("Anna B-PER\nlives O\nin O\nRome B-LOC\n\nBerlin B-LOC\nis\n\nTom B-PER\nleft O\n", "utf-8")
    report = importing.run(project, importing.plan(TASK, file))
    assert texts.held(project) == {
        "Anna lives in Rome": [span(0, 4, "PER"), span(14, 18, "LOC")],
        "Tom left": [span(0, 3, "PER")],
    }
    (one,) = report.rejected
    assert (one.line, one.reason) == (6, "line 7 parts into 1 where the file has 2 columns")


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("王 小 明 在 北 京 。", "王小明在北京。"),
        ("王小明 在 北京 ！ 真 的 ？", "王小明在北京！真的？"),
        ("他 用 i P 1 2 ， O K 。", "他用iP12，OK。"),  # a character a line
        ("他们 用 Windows 11 ， 在 Google 。", "他们用 Windows 11，在 Google。"),
        ("Anna flew to 北 京 .", "Anna flew to 北京 ."),
        ("I 5 o", "I 5 o"),
        ("ラ ー メ ン 「 一 蘭 」", "ラーメン「一蘭」"),
        ("서울 에 간다", "서울 에 간다"),
    ],
)
def test_scripts_that_do_not_part_words_come_in_without_spaces(
    project: Project, tmp_path: Path, tokens: str, text: str
) -> None:
    lines = "".join(f"{token}\t{'I' if place else 'B'}-X\n" for place, token in enumerate(tokens.split()))
    file = tmp_path / "some.conll"
    file.write_text(f"{lines}\nNobody\tO\nhere\tO\n\n", "utf-8")
    assert _run(project, file) == {text: [span(0, len(text), "X")], "Nobody here": []}


def test_exports_of_other_tools_come_in_with_their_spans(project: Project, tmp_path: Path) -> None:
    doccano = {"id": 1, "text": TEXT, "label": [[0, 4, "person"], [16, 18, "place"], [23, 31, "place"]]}
    assert _run(project, _lines(tmp_path / "doccano.jsonl", doccano)) == {TEXT: SPANS}
    prodigy = {"text": "1 " + TEXT, "spans": [{"start": 2, "end": 6, "label": "person"}], "answer": "accept"}
    assert _run(project, _lines(tmp_path / "prodigy.jsonl", prodigy))["1 " + TEXT] == [span(2, 6, "person")]
    value = {"start": 17, "end": 19, "text": "北京", "labels": ["place"]}
    studio = [
        {
            "data": {"text": "2 " + TEXT},
            "annotations": [{"result": [{"type": "labels", "from_name": "a", "to_name": "t", "value": value}]}],
        }
    ]
    (tmp_path / "studio.json").write_text(json.dumps(studio), "utf-8")
    assert _run(project, tmp_path / "studio.json")["2 " + TEXT] == [span(17, 19, "place")]


def test_offsets_follow_a_text_that_is_trimmed(project: Project, tmp_path: Path) -> None:
    raw = " \r\n Anna\r\nof 😀\r\nBerlin \n"
    told = [span(raw.index(word), raw.index(word) + len(word), "x") for word in ("Anna", "😀\r\nBerlin")]
    (text, spans) = next(iter(_run(project, _lines(tmp_path / "a.jsonl", {"text": raw, "spans": told})).items()))
    assert text == "Anna\nof 😀\nBerlin"
    assert [text[one["start"] : one["end"]] for one in spans] == ["Anna", "😀\nBerlin"]


def test_a_span_that_fits_nowhere_is_rejected_with_the_reason(project: Project, tmp_path: Path) -> None:
    rows = [
        {"text": "fine", "spans": [span(0, 4, "x")]},
        {"text": "  edge", "spans": [span(0, 2, "x")]},
        {"text": "none", "spans": [{"start": 2, "end": 2, "label": "x"}]},
        {"text": "long", "spans": [{"start": 2, "end": 20, "label": "x"}]},
        {"text": "name", "spans": [{"start": 2, "end": 3}]},
    ]
    file = _lines(tmp_path / "rows.jsonl", *rows)
    report = importing.run(project, importing.plan(TASK, file))
    assert report.imported == 1
    assert [one.line for one in report.rejected] == [2, 3, 4, 5]
    assert "white space" in report.rejected[0].reason
    assert all("span" in one.reason for one in report.rejected)


def test_a_column_that_holds_no_spans_is_not_taken_for_labels(project: Project, tmp_path: Path) -> None:
    rows = [{"text": f"text {place}", "label": ("good", "bad")[place % 2]} for place in range(8)]
    file = _lines(tmp_path / "rows.jsonl", *rows)
    assert importing.plan(TASK, file).mapping == {"text": "text"}
    assert set(_run(project, file).values()) == {None}


def test_texts_without_a_label_come_back_without_one(project: Project, tmp_path: Path) -> None:
    _run(project, _lines(tmp_path / "a.jsonl", {"text": "one Berlin", "spans": [span(4, 10, "place")]},
                         {"text": "nothing here", "spans": []}, {"text": "not yet"}))  # fmt: skip
    there = texts.held(project)
    assert there == {"one Berlin": [span(4, 10, "place")], "nothing here": [], "not yet": None}
    for form in FORMATS:
        file = tmp_path / f"out.{form}"
        saving.save(project, Filter(), file, form)
        assert texts.imported(tmp_path / f"back-{form}", file) == there, form


def test_a_format_without_a_place_for_spans_refuses_by_name(project: Project, tmp_path: Path) -> None:
    rows = [
        {"text": "two\nlines", "spans": [span(0, 3, "x")]},
        {"text": "ab", "spans": [span(0, 2, "x"), span(1, 2, "y")]},
    ]
    for place, row in enumerate(rows):
        _run(project, _lines(tmp_path / f"{place}.jsonl", row))
    with pytest.raises(UserError, match="several lines"):
        saving.save(project, Filter(text="lines"), tmp_path / "a.conll", "conll")
    with pytest.raises(UserError, match="overlap"):
        saving.save(project, Filter(text="ab"), tmp_path / "a.conll", "conll")
    with pytest.raises(UserError, match="no place for the cell “spans”"):
        saving.save(project, Filter(), tmp_path / "a.txt", "fasttext")
    assert saving.save(project, Filter(text="ab"), tmp_path / "b.txt", "text") == 1


@st.composite
def _rows(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for raw in draw(st.lists(texts.TEXTS, min_size=10, max_size=30)):
        text = texts.normal(raw)
        spans = {}
        for _ in range(draw(st.integers(0, 4))):
            start = draw(st.integers(0, len(text) - 1))
            end = draw(st.integers(start + 1, len(text)))
            label = draw(st.sampled_from(CLASSES))
            spans[start, end, label] = span(start, end, label)
        rows[text] = [spans[key] for key in sorted(spans)]
    return rows


@settings(max_examples=3, deadline=None)
@given(_rows())
def test_what_is_written_comes_back_equal(rows: dict[str, list[dict[str, Any]]]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        with closing(texts.make(folder / "one", rows.items())) as project:
            assert texts.held(project) == rows
            for form in FORMATS:
                file = folder / f"out-{form}"
                saving.save(project, Filter(), file, form)
                assert texts.imported(folder / f"back-{form}", file) == rows, form


@settings(max_examples=2, deadline=None)
@given(_rows(), st.sampled_from(("conll", "conll_bioes")))
def test_conll_gives_back_what_it_takes(rows: dict[str, list[dict[str, Any]]], form: Format) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        told = {text: spans for text, spans in rows.items() if spans and _fits(folder, text, spans, form)}
        if told:
            with closing(texts.make(folder / "one", told.items())) as project:
                saving.save(project, Filter(), folder / "all.conll", form)
            assert texts.imported(folder / "back", folder / "all.conll") == told


def _fits(folder: Path, text: str, spans: list[dict[str, Any]], form: Format) -> bool:
    """Whether the format has a place for it; if not, it says so."""
    try:
        write(folder / "one.conll", [{"text": text, "spans": spans}], form)
    except UserError:
        return False
    return True
