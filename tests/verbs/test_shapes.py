"""Exports of other tools with their labels into a project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import importing

TASK = TASKS["text_classification"]
DOCCANO = [{"id": 1, "text": "It broke", "label": ["bad"]}, {"id": 2, "text": "Lovely 😀", "label": []}]
LABEL_STUDIO = [
    {
        "id": 7,
        "data": {"text": "It broke"},
        "annotations": [
            {"result": [{"type": "choices", "from_name": "s", "to_name": "t", "value": {"choices": ["bad"]}}]}
        ],
    },
    {"id": 8, "data": {"text": "Lovely 😀"}, "annotations": []},
]
PRODIGY = [
    {"text": "It broke", "label": "bad", "answer": "accept", "_input_hash": 1},
    {"text": "Lovely 😀", "options": [{"id": "bad"}], "accept": [], "answer": "accept", "_input_hash": 2},
]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty project."""
    made = Project.create(tmp_path / "Tickets", TASK.name)
    yield made
    made.close()


@pytest.mark.parametrize(("rows", "name"), [(DOCCANO, "doccano"), (LABEL_STUDIO, "label_studio"), (PRODIGY, "prodigy")])
def test_an_export_comes_in_with_its_labels(
    project: Project, tmp_path: Path, rows: list[dict[str, object]], name: str
) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(rows), "utf-8")
    plan = importing.plan(TASK, file)
    assert plan.form.shape is not None
    assert plan.form.shape.name == name
    assert plan.label_values == (("bad", 1),)
    report = importing.run(project, plan)
    assert (report.imported, report.labeled, report.rejected) == (2, 1, ())
    items = project.items.page(Filter(), 0, 9)
    assert [item.content["text"] for item in items] == ["It broke", "Lovely 😀"]
    assert [item.value is not None for item in items] == [True, False]


def test_a_text_with_several_labels_is_rejected_with_the_reason(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    rows = [*DOCCANO, {"id": 3, "text": "Both", "label": ["bad", "good"]}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    report = importing.run(project, importing.plan(TASK, file))
    assert [(one.line, one.reason) for one in report.rejected] == [(3, "it has 2 labels; a text of this task has one")]


def test_rows_can_be_taken_as_they_stand(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "chats.jsonl"
    file.write_text(json.dumps({"instruction": "Say hello", "input": "", "output": "Hello"}) + "\n", "utf-8")
    assert importing.plan(TASK, file).form.shape is None
    told = importing.plan(TASK, file, shape="alpaca")
    assert told.form.shape is not None
    assert importing.plan(TASK, file, shape="none").columns == ("instruction", "input", "output")
    with pytest.raises(UserError, match="There is no shape “yaml”"):
        importing.plan(TASK, file, shape="yaml")


def test_a_table_of_plain_cells_is_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,label\nIt broke,bad\n[1],good\n", "utf-8")
    assert importing.plan(TASK, file).form.shape is None


@pytest.mark.real_data
def test_what_doccano_itself_gives_out(project: Project, shared_data: Path) -> None:
    for file in sorted((shared_data / "formats" / "doccano" / "text_classification").glob("*.json*")):
        report = importing.run(project, importing.plan(TASK, file))
        assert report.imported + report.duplicates > 0, file.name
