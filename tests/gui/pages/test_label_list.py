"""The list of the Label page: many rows labeled by one key, its pages, its room."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QProgressBar, QPushButton, QTableView
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.pages.label_list import PAGE
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from tests.gui.pages.conftest import TASK, Rows
from tests.gui.pages.hands import CONTROL, SHIFT, WAITING, list_on, page_on_texts, project_on, until_idle, values_on
from tests.windows import click, find


@pytest.fixture
def page(qtbot: QtBot, hub: Hub, opened: Callable[[Rows], Project]) -> Iterator[LabelPage]:
    """The page on a project of seventy-two texts, two of them labeled."""
    with page_on_texts(qtbot, hub, opened) as made:
        yield made


def _selected(page: LabelPage) -> list[int]:
    return sorted(index.row() for index in list_on(page).selectionModel().selectedRows())


@pytest.fixture
def table(qtbot: QtBot, page: LabelPage) -> QTableView:
    """The list, after its key."""
    qtbot.keyClick(page, Qt.Key.Key_F3)
    found = list_on(page)
    qtbot.waitUntil(found.isVisible)
    return found


def test_a_key_labels_all_selected_rows_as_one_operation(qtbot: QtBot, page: LabelPage, table: QTableView) -> None:
    assert table.model().rowCount() == PAGE
    for _ in range(3):
        qtbot.keyClick(table, Qt.Key.Key_Down, SHIFT)
    assert _selected(page) == [0, 1, 2, 3]
    qtbot.keyClicks(table, "2")
    until_idle(qtbot, page)
    assert values_on(page, 3, 4, 5, 6, 7) == [2, 2, 2, 2, None]
    assert [(one.title, one.count) for one in project_on(page).operations.all()] == [("Labeled “no”", 4)]
    assert table.model().index(1, 1).data() == "no"
    assert _selected(page) == [4]  # the next one
    qtbot.keyClick(table, Qt.Key.Key_Z, CONTROL)
    until_idle(qtbot, page)
    assert values_on(page, 3, 4, 5, 6) == [None] * 4
    assert table.model().index(1, 1).data() == ""
    qtbot.keyClick(table, Qt.Key.Key_Y, CONTROL)
    until_idle(qtbot, page)
    assert values_on(page, 3, 4, 5, 6) == [2] * 4


@pytest.mark.parametrize("way", ["F3", "button", "Show", "other page"])
def test_the_keys_of_the_list_work_however_it_was_opened(qtbot: QtBot, page: LabelPage, way: str) -> None:
    page.activateWindow()
    page.setFocus()
    qtbot.waitUntil(page.hasFocus)
    if way == "button":
        click(qtbot, page, "label.list_mode")
    elif way == "other page":
        page.opened(listing=True, filter=Filter())
    else:
        qtbot.keyClick(page, Qt.Key.Key_F3)
    if way == "Show":
        box = find(page, QComboBox, "label.show")
        box.setFocus()
        box.setCurrentIndex(box.findData("all"))
    until_idle(qtbot, page)
    qtbot.keyClick(page.window().focusWidget(), Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert _selected(page) == [0, 1]
    qtbot.keyClick(page.window().focusWidget(), Qt.Key.Key_F3)
    assert page.hasFocus()
    qtbot.keyClick(page, Qt.Key.Key_F3)
    qtbot.keyClick(page.window().focusWidget(), Qt.Key.Key_End)
    assert _selected(page) == [list_on(page).model().rowCount() - 1]


def test_one_row_of_the_list_is_a_label_of_its_own(qtbot: QtBot, page: LabelPage, table: QTableView) -> None:
    qtbot.keyClicks(table, "1")
    assert values_on(page, 3) == [1]
    assert _selected(page) == [1]
    history = project_on(page).labels.history(3)[-1]
    assert (history.origin, history.seconds is not None) == ("person", True)
    assert project_on(page).operations.all() == []
    qtbot.keyClick(table, Qt.Key.Key_Space)
    row = project_on(page).items.get(4)
    assert row is not None
    assert row.skipped


def test_the_list_has_the_room_of_the_session(qtbot: QtBot, page: LabelPage, table: QTableView) -> None:
    short, bar = (page.findChild(kind, name) for kind, name in ((QLabel, "label.session.short"), (QProgressBar, "")))
    assert isinstance(short, QLabel)
    assert isinstance(bar, QProgressBar)
    qtbot.waitUntil(lambda: short.text().startswith("2 of 72 · 0:"))
    assert short.isVisible()
    assert not bar.isVisible()
    qtbot.keyClick(page, Qt.Key.Key_F3)
    assert bar.isVisible()
    assert not short.isVisible()


def test_pages_of_the_list_go_forth_and_back(qtbot: QtBot, page: LabelPage, table: QTableView) -> None:
    qtbot.keyClick(table, Qt.Key.Key_PageDown)
    assert table.model().rowCount() == WAITING - PAGE
    assert table.model().index(0, 0).data() == "text 50"
    qtbot.keyClick(table, Qt.Key.Key_PageUp)
    assert table.model().index(0, 0).data() == "text 0"
    for _ in range(PAGE):
        qtbot.keyClicks(table, "d")
    assert table.model().index(0, 0).data() == "text 50"


def test_enter_accepts_the_suggestions_of_all_selected_rows(qtbot: QtBot, page: LabelPage) -> None:
    project = project_on(page)
    number = project.runs.create(TASK.recipe, model_title="from scratch", snapshot={}, schema={})
    told = [
        (item, Prediction(label=label, probability=0.6, uncertainty=0.1)) for item, label in ((3, "no"), (5, "yes"))
    ]
    page.on_changes(project.predictions.write(number, told))
    qtbot.keyClick(page, Qt.Key.Key_F3)
    table = list_on(page)
    assert table.model().index(0, 2).data() == "no 0.60"
    for _ in range(2):
        qtbot.keyClick(table, Qt.Key.Key_Down, SHIFT)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    until_idle(qtbot, page)
    assert values_on(page, 3, 4, 5) == [2, None, 1]
    assert project.operations.all()[0].title == "Accepted 2 suggestions"


def test_a_task_without_one_key_labels_has_no_list(
    qtbot: QtBot, page: LabelPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    button = page.findChild(QPushButton, "label.list_mode")
    assert isinstance(button, QPushButton)
    qtbot.waitUntil(button.isVisible)
    monkeypatch.setattr(type(page._desk.editor), "can_list", False)
    page.hub.save_settings(advance_after_label=True)
    assert not button.isVisible()
    qtbot.keyClick(page, Qt.Key.Key_F3)
    assert not list_on(page).isVisible()


def test_a_split_shows_the_texts_of_one_label_as_a_list(qtbot: QtBot, page: LabelPage) -> None:
    page.opened(filter=Filter(class_id=2), words="no", listing=True)
    table = list_on(page)
    qtbot.waitUntil(table.isVisible)
    assert [table.model().index(row, 0).data() for row in range(table.model().rowCount())] == ["second"]
