"""The next file of a shape opens as the last one was imported, where it can; the guess is never lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import importing, recalling
from tests import projects

TASK = TASKS[projects.TASK]
ORDERS = "title,body,kind,number\nlamp,the lamp is broken and dark,a,1\nchair,the chair has three legs left,b,2\n"
OWN = {"text": "title", "label": "number"}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An open project without rows."""
    made = Project.create(tmp_path / "Trips", TASK.name)
    yield made
    made.close()


def _write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


def _taken(project: Project, file: Path, mapping: Mapping[str, str] | None = None, **reading: Any) -> None:
    guessed = recalling.look(project, TASK, file).guessed
    recalling.remember(project, guessed, importing.plan(TASK, file, mapping=mapping, **reading), reading)


def test_a_mapping_is_remembered_for_files_with_the_same_columns(project: Project, tmp_path: Path) -> None:
    _taken(project, _write(tmp_path / "orders.csv", ORDERS), OWN)
    moved = ORDERS.replace("title,body,kind,number", "number,kind,body,title")
    look = recalling.look(project, TASK, _write(tmp_path / "more.csv", moved))
    assert look.choices is not None
    assert look.remembered is not None
    assert (look.choices.source, look.remembered.mapping) == ("orders.csv", OWN)
    assert look.guessed.mapping == importing.plan(TASK, tmp_path / "more.csv").mapping != OWN


def test_what_is_no_file_of_that_shape_is_guessed(project: Project, tmp_path: Path) -> None:
    _taken(project, _write(tmp_path / "orders.csv", ORDERS), OWN)
    others = [
        _write(tmp_path / "fewer.csv", ORDERS.replace(",number", "").replace(",1", "").replace(",2", "")),
        _write(tmp_path / "rows.jsonl", '{"title": "lamp", "body": "long words", "kind": "a", "number": 1}\n'),
    ]
    for file in others:
        assert recalling.look(project, TASK, file).remembered is None


def test_a_file_taken_as_it_was_guessed_is_what_the_next_one_is(project: Project, tmp_path: Path) -> None:
    file = _write(tmp_path / "orders.csv", ORDERS)
    _taken(project, file, OWN)
    _taken(project, file)
    assert recalling.look(project, TASK, file).remembered is None
    assert project.notes.get(recalling.NOTE, default=None) == {}


def test_how_a_file_was_read_is_remembered(project: Project, tmp_path: Path) -> None:
    rows = "text;label\nÄpfel;a\nÖl;b\n"
    first = _write(tmp_path / "one.csv", rows, "cp1252")
    _taken(project, first, {"text": "column 1"}, header=False, encoding="cp1250")
    look = recalling.look(project, TASK, _write(tmp_path / "two.csv", rows, "cp1252"))
    assert look.remembered is not None
    assert (look.remembered.form.header, look.remembered.form.encoding) == (False, "cp1250")
    assert look.remembered.columns == ("column 1", "column 2")
    # the encoding was said against a guess; where the guess is another one, it says nothing
    look = recalling.look(project, TASK, _write(tmp_path / "three.csv", rows, "utf-8"))
    assert (look.remembered, look.guessed.form.encoding) == (None, "utf-8")


def test_what_does_not_fit_after_all_is_guessed(project: Project, tmp_path: Path) -> None:
    _taken(project, _write(tmp_path / "one.csv", "text,label\na,x\nb,y\n"), {"text": "column 2"}, header=False)
    told = project.notes.get(recalling.NOTE, default={})
    for one in told.values():
        one["mapping"] = {"text": "column 9"}
    project.notes.put(recalling.NOTE, {**told, "odd": {"of": "another version"}})
    look = recalling.look(project, TASK, tmp_path / "one.csv")
    assert (look.remembered, look.guessed.mapping) == (None, {"text": "text", "label": "label"})


def test_only_the_newest_shapes_are_kept(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recalling, "MOST_SHAPES", 2)
    files = [_write(tmp_path / f"{name}.csv", ORDERS.replace("kind", name)) for name in ("a", "b", "c")]
    for file in (files[0], files[1], files[0], files[2]):
        _taken(project, file, OWN)
    assert [recalling.look(project, TASK, file).remembered is not None for file in files] == [True, False, True]
