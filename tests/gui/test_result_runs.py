"""The table of runs on the Results page: what it says of how much each has learned from."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.result_runs import RunTable
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS

TASK = TASKS["text_classification"]


def test_texts_without_a_label_are_learned_from_too(qtbot: QtBot, tmp_path: Path) -> None:
    project = Project.create(tmp_path / "Tickets", TASK.name)
    for told in ({"train": 1200}, {"train": 1200, "unlabeled": 90}):
        project.runs.create(TASK.recipe, model_title="", snapshot=told, schema={})
    table = RunTable()
    qtbot.addWidget(table)
    table.set_task(TASK)
    table.show_runs(project.runs.all(), None)
    project.close()
    cells = [table.item(row, table.columnCount() - 1) for row in range(table.rowCount())]
    assert [cell.text() for cell in cells if cell is not None] == ["1,290 texts", "1,200 texts"]
