"""One label of several is added to all rows shown, and taken away again, from the menu above the rows."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.row_actions import RowActions
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs.bulk import Rows

TASK = next(one for one in TASKS.values() if one.several)


def _actions(of: RowActions) -> dict[str, QAction]:
    button = of.findChild(QPushButton, "data.actions.label")
    assert isinstance(button, QPushButton)
    found = {one.text(): one for one in button.menu().actions() if one.text()}
    away = found["Take away"].menu()
    assert isinstance(away, QMenu)
    return {**found, **{f"Take away {one.text()}": one for one in away.actions()}}


def test_labels_are_added_and_taken_away(qtbot: QtBot, hub: Hub, tmp_path: Path) -> None:
    made = Project.create(tmp_path / "Topics", TASK.name)
    items = [NewItem(content={"text": text}, label=label) for text, label in (("1", ["a"]), ("2", ["b"]), ("3", None))]
    made.items.insert("a.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    made.close()
    with qtbot.waitSignal(hub.project_opened):
        hub.open_project(tmp_path / "Topics")
    project = hub.project
    assert project is not None
    bar = RowActions(hub, {"train": "Training"})
    qtbot.addWidget(bar)
    bar.set_classes(project.classes.all())
    bar.show_rows(3, 0, lambda: Rows(told=Filter()))
    for words, values in (
        ("Add b", [[1, 2], [2], [2]]),
        ("Take away b", [[1], None, None]),
        ("None of them applies", [[], [], []]),
        ("No label", [None, None, None]),
    ):
        with qtbot.waitSignal(hub.changed):
            _actions(bar)[words].trigger()
        qtbot.waitUntil(lambda: hub.background.idle)
        assert [row.value for row in project.items.page(Filter(), 0, 9)] == values
