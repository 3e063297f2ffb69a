"""Projects of texts, conversations and choices, and what tests of the window ask about what was written in them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import task as task_named
from tests.windows import open_in, project_of

NBSP = "\u00a0"
TEXTS = [
    NewItem(content={"source": "Guten Tag", "draft": f"Good{NBSP}tag"}),
    NewItem(content={"source": "<b>早上好</b>"}),
    NewItem(content={"source": "Danke"}, label="Thanks"),
]


def project_with(path: Path, task: str, rows: Sequence[NewItem]) -> Path:
    """A closed project of a task with these rows."""
    labels = task_named(task).labels
    with closing(Project.create(path, task, path.name)) as project:
        project.items.insert("rows.jsonl", rows, to_value=labels.to_value, class_names=labels.names)
    return path


def label_page(window: MainWindow) -> LabelPage:
    """The Label page."""
    page = window.page("label")
    assert isinstance(page, LabelPage)
    return page


def shown_id(window: MainWindow) -> int:
    """The row that is shown."""
    item = label_page(window).item
    assert item is not None
    return item.id


def value_of(window: MainWindow, item: int) -> Any:
    """The label of a row."""
    row = project_of(window).items.get(item)
    assert row is not None
    return row.value


def steps_of(window: MainWindow, item: int) -> int:
    """How many entries the history of a row has that were made here and stand."""
    return sum(not one.undone and one.origin != "import" for one in project_of(window).labels.history(item))


def open_for_labels(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    """Open a project for labeling, with the keyboard in the window."""
    open_in(qtbot, window, path, "label")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


def press_on_page(window: MainWindow, *keys: Qt.Key, ctrl: bool = False) -> None:
    """Keys on the page, where the keyboard is when nothing is written."""
    for key in keys:
        modifier = Qt.KeyboardModifier.ControlModifier if ctrl else Qt.KeyboardModifier.NoModifier
        QTest.keyClick(label_page(window), key, modifier)


def hints_on(window: MainWindow) -> list[str]:
    """The keys that the page tells below what is shown."""
    told = label_page(window).findChildren(QLabel)
    return [one.text() for one in told if one.property("role") == "keycap" and one.isVisible()]
