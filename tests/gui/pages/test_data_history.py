"""The tab History: what was done is listed, undone and done again; the bin is emptied only when asked twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.pages.data_history import HistoryTab
from desktop_llm.rows import Edit, Filter
from desktop_llm.store.project import Project
from desktop_llm.verbs import bulk
from desktop_llm.verbs.bulk import Rows
from tests.gui.pages.test_data import page

__all__ = ["page"]


@pytest.fixture
def project(page: DataPage, opened: Callable[..., Project]) -> Project:
    """Six rows; four moved, two of another label deleted."""
    made = opened([(f"text {place}", "one" if place % 3 else "two") for place in range(6)])
    bulk.move(made, Rows(told=Filter(class_id=made.classes.ensure([])["one"])), "test", labeler="Ada")
    bulk.delete(made, Rows(told=Filter(class_id=made.classes.ensure([])["two"])))
    return made


@pytest.fixture
def tab(page: DataPage, project: Project, qtbot: QtBot) -> HistoryTab:
    """The tab, shown with both operations."""
    qtbot.waitUntil(page.tab_bar.isVisible)
    page.show_tab("history")
    made = page.tab("history")
    assert isinstance(made, HistoryTab)
    qtbot.waitUntil(lambda: listed(made) == ["Put into the bin", "Put into test"])
    return made


def listed(tab: HistoryTab, column: int = 4) -> list[str]:
    """A column of the list."""
    model = tab.table.model()
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def press(tab: HistoryTab, name: str) -> QPushButton:
    """Click a button."""
    found = tab.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    assert found.isEnabled()
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)
    return found


def test_the_chosen_operation_is_undone_and_done_again(tab: HistoryTab, project: Project, qtbot: QtBot) -> None:
    assert listed(tab, 2) == ["", "Ada"]
    tab.table.selectRow(1)
    turn = press(tab, "data.history.turn")
    qtbot.waitUntil(lambda: listed(tab, 3) == ["done", "undone"])
    assert project.items.count(Filter(split="test")) == 0
    qtbot.waitUntil(lambda: turn.text() == "Do again" and turn.isEnabled())
    press(tab, "data.history.turn")
    qtbot.waitUntil(lambda: listed(tab, 3) == ["done", "done"])
    assert project.items.count(Filter(split="test")) == 4


def test_deleted_rows_lie_in_the_bin_until_they_come_back(tab: HistoryTab, project: Project, qtbot: QtBot) -> None:
    model = tab.bin_table.model()
    assert [model.index(row, 0).data() for row in range(model.rowCount())] == ["text 0", "text 3"]
    tab.table.selectRow(0)
    press(tab, "data.history.turn")
    qtbot.waitUntil(lambda: model.rowCount() == 0)
    assert project.items.counts().total == 6


def test_the_bin_is_emptied_when_asked_twice(tab: HistoryTab, project: Project, hub: Hub, qtbot: QtBot) -> None:
    empty = press(tab, "data.bin.empty")
    assert project.bin.count() == 2
    assert empty.text() == "Throw 2 rows away for ever"
    press(tab, "data.bin.empty")
    qtbot.waitUntil(lambda: project.bin.count() == 0)
    qtbot.waitUntil(lambda: tab.bin_table.model().rowCount() == 0)
    assert not empty.isEnabled()


def test_what_was_done_is_told_in_full_in_a_small_window(tab: HistoryTab, project: Project, qtbot: QtBot) -> None:
    words = "Personal data: " + ", ".join(f"{kind} named by kind" for kind in ("e-mail", "telephone", "bank", "web"))
    project.operations.apply("by hand", words, [Edit(item=2, split="train")], labeler="Alexandra Müller")
    tab.reload()
    qtbot.waitUntil(lambda: listed(tab)[0] == words)
    metrics, table = tab.table.fontMetrics(), tab.table
    room = QRect(0, 0, table.columnWidth(4) - 24, 10_000)
    needed = metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, words).height()
    assert table.columnWidth(4) > 200
    assert table.rowHeight(0) >= needed
    assert table.rowHeight(1) < needed
    widths = [tab.bin_table.columnWidth(column) for column in (0, 1)]
    assert min(widths) > 100
    assert sum(widths) <= tab.bin_table.viewport().width()
