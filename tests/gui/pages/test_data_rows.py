"""The table's further filters, and what is done to many of its rows."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.search_index import REST_MS, SearchIndex
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.widgets.rows_model import PAGE
from tests.gui.pages.conftest import TASK
from tests.gui.pages.test_data import cells, choose, page, wait_for
from tests.windows import find

Opened = Callable[..., Project]
__all__ = ["page"]
ROWS = [("a" * place, ("one", "two", None)[place % 3]) for place in range(1, 31)]


@pytest.fixture
def shown(page: DataPage, opened: Opened, qtbot: QtBot) -> Project:
    """A project with thirty rows of growing length, in the table."""
    project = opened(ROWS)
    wait_for(qtbot, page, [text for text, _ in ROWS])
    qtbot.waitUntil(page.overview.isVisible)  # the figures may come later than the rows
    return project


def press(page: DataPage, name: str) -> None:
    """Click a button."""
    found = page.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    assert found.isVisible()
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)


def line(page: DataPage, name: str) -> QLineEdit:
    """A line to type into."""
    found = page.findChild(QLineEdit, name)
    assert isinstance(found, QLineEdit)
    return found


def trigger(page: DataPage, name: str, words: str) -> None:
    """Choose from the menu of a button."""
    found = page.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    next(action for action in found.menu().actions() if action.text() == words).trigger()


def words(page: DataPage) -> str:
    """What the line under the table says."""
    found = page.findChild(QLabel, "data.actions.words")
    assert isinstance(found, QLabel)
    return found.text()


def select(page: DataPage, top: int, bottom: int) -> None:
    """Select rows as a drag does."""
    table = page.overview.rows.table
    chosen = table.selectionModel()
    flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    for row in range(top, bottom + 1):
        chosen.select(page.overview.rows.model.index(row, 0), flags)


def test_lengths_narrow_the_rows_down(page: DataPage, shown: Project, qtbot: QtBot) -> None:
    press(page, "data.more.show")
    QTest.keyClicks(line(page, "data.more.least"), "28")
    wait_for(qtbot, page, [text for text, _ in ROWS if len(text) >= 28])
    QTest.keyClicks(line(page, "data.more.most"), "29")
    wait_for(qtbot, page, [text for text, _ in ROWS if 28 <= len(text) <= 29])
    page.overview.rows.show_all()
    wait_for(qtbot, page, [text for text, _ in ROWS])
    assert line(page, "data.more.least").text() == ""


def test_a_column_of_the_file_narrows_them_down(page: DataPage, shown: Project, hub: Hub, qtbot: QtBot) -> None:
    items = [NewItem(content={"text": f"from {city}"}, extra={"city": city}) for city in ("Köln", "Bonn")]
    shown.items.insert("cities.csv", items, to_value=TASK.labels.to_value, class_names=TASK.labels.names)
    press(page, "data.more.show")
    box = page.findChild(QComboBox, "data.more.column")
    assert isinstance(box, QComboBox)
    qtbot.waitUntil(lambda: box.findText("city") >= 0)
    choose(page, "data.more.column", "city")
    QTest.keyClicks(line(page, "data.more.value"), "Bonn")
    wait_for(qtbot, page, ["from Bonn"])
    choose(page, "data.more.compare", "contains")
    line(page, "data.more.value").setText("ö")
    wait_for(qtbot, page, ["from Köln"])
    choose(page, "data.more.column", "Any column")
    choose(page, "data.more.source", "cities.csv")
    wait_for(qtbot, page, ["from Köln", "from Bonn"])


def test_a_filter_is_kept_chosen_again_and_forgotten(page: DataPage, shown: Project, qtbot: QtBot) -> None:
    press(page, "data.more.show")
    QTest.keyClicks(line(page, "data.more.most"), "2")
    wait_for(qtbot, page, ["a", "aa"])
    QTest.keyClicks(line(page, "data.more.name"), "short ones")
    press(page, "data.more.keep")
    qtbot.waitUntil(lambda: list(shown.filters.all().values()) == [Filter(max_length=2)])
    page.overview.rows.show_all()
    wait_for(qtbot, page, [text for text, _ in ROWS])
    saved = page.findChild(QComboBox, "data.more.saved")
    assert isinstance(saved, QComboBox)
    qtbot.waitUntil(lambda: saved.count() == 2)
    choose(page, "data.more.saved", "Kept filters")
    choose(page, "data.more.saved", "short ones")
    wait_for(qtbot, page, ["a", "aa"])
    press(page, "data.more.drop")
    qtbot.waitUntil(lambda: not shown.filters.all())


def test_model_disagrees_is_a_filter(page: DataPage, shown: Project, qtbot: QtBot) -> None:
    press(page, "data.more.show")
    box = page.findChild(QCheckBox, "data.more.disagrees")
    assert isinstance(box, QCheckBox)
    box.setChecked(True)
    qtbot.waitUntil(lambda: cells(page, 0) == [])
    assert page.overview.rows.told() == Filter(disagrees=True)


def test_all_rows_shown_are_labeled_and_that_is_undone(page: DataPage, shown: Project, hub: Hub, qtbot: QtBot) -> None:
    choose(page, "data.show", "Unlabeled")
    wait_for(qtbot, page, [text for text, label in ROWS if label is None])
    assert words(page) == "All 10 rows shown"
    trigger(page, "data.actions.label", "one")
    qtbot.waitUntil(lambda: words(page) == "10 rows changed.")
    qtbot.waitUntil(lambda: cells(page, 0) == [])
    assert shown.items.counts().unlabeled == 0
    press(page, "data.actions.undo")
    wait_for(qtbot, page, [text for text, label in ROWS if label is None])


def test_selected_rows_are_moved_and_deleted(page: DataPage, shown: Project, qtbot: QtBot) -> None:
    select(page, 3, 5)
    assert words(page) == "3 rows selected"
    trigger(page, "data.actions.move", "Test")
    qtbot.waitUntil(lambda: words(page) == "3 rows changed.")
    assert [item.id for item in shown.items.page(Filter(split="test"), 0, 9)] == [4, 5, 6]
    # the rows are read anew, and a selection made before that is gone with them
    qtbot.waitUntil(lambda: page.hub.background.idle and page.overview.rows.model.rowCount() == 30)
    select(page, 0, 1)
    press(page, "data.actions.delete")
    wait_for(qtbot, page, [text for text, _ in ROWS[2:]])
    assert shown.bin.count() == 2
    press(page, "data.actions.undo")
    wait_for(qtbot, page, [text for text, _ in ROWS])


def test_a_single_selected_row_is_the_only_one_that_goes(page: DataPage, shown: Project, qtbot: QtBot) -> None:
    select(page, 4, 4)
    assert words(page) == "1 row selected"
    press(page, "data.actions.delete")
    wait_for(qtbot, page, [text for text, _ in ROWS[:4] + ROWS[5:]])
    assert shown.bin.count() == 1


def test_all_rows_shown_go_only_after_a_question(page: DataPage, shown: Project, qtbot: QtBot) -> None:
    press(page, "data.actions.delete")
    assert words(page) == "Put all 30 rows shown into the bin?"
    press(page, "data.actions.keep")
    assert words(page) == "All 30 rows shown"
    press(page, "data.actions.delete")
    select(page, 0, 0)  # other rows are meant now, so the question is over
    assert words(page) == "1 row selected"
    page.overview.rows.table.clearSelection()
    press(page, "data.actions.delete")
    sure = page.findChild(QPushButton, "data.actions.sure")
    assert isinstance(sure, QPushButton)
    assert sure.text() == "Delete 30 rows"
    assert shown.bin.count() == 0
    press(page, "data.actions.sure")
    qtbot.waitUntil(lambda: shown.bin.count() == 30)


def test_selected_rows_alone_are_saved(page: DataPage, shown: Project, tmp_path: Path, qtbot: QtBot) -> None:
    select(page, 1, 2)
    select(page, 6, 6)
    button = page.findChild(QPushButton, "data.actions.save")
    assert isinstance(button, QPushButton)
    assert button.isEnabled()
    page.overview.rows.bulk.save(tmp_path / "few.jsonl", "jsonl")
    qtbot.waitUntil((tmp_path / "few.jsonl").exists)
    written = [json.loads(row)["text"] for row in (tmp_path / "few.jsonl").read_text("utf-8").splitlines()]
    assert written == ["aa", "aaa", "a" * 7]


def test_the_index_follows_the_project(hub: Hub, opened: Opened, qtbot: QtBot) -> None:
    index = SearchIndex(hub)
    project = opened(ROWS)
    qtbot.waitUntil(lambda: project.search.state() == (30, 30), timeout=REST_MS + 5000)
    qtbot.waitUntil(lambda: hub.background.idle)
    assert index.parent() is None


def test_nothing_is_done_to_all_rows_before_they_are_counted(
    page: DataPage, hub: Hub, opened: Opened, qtbot: QtBot
) -> None:
    opened([(f"text {place}", None) for place in range(3 * PAGE)])
    qtbot.waitUntil(lambda: words(page) == f"All {3 * PAGE} rows shown")
    counted = threading.Event()
    try:
        for _ in range(2):
            hub.background.run(lambda _: counted.wait())
        page.overview.rows.show_rows(Filter(show="unlabeled"))
        hub.background.run(lambda _: counted.wait())  # behind the first page, and before the count
        qtbot.waitUntil(lambda: words(page) == "All rows shown; counting them…")
        delete = find(page, QPushButton, "data.actions.delete")
        assert not delete.isEnabled()
        select(page, 0, 1)
        assert words(page) == "2 rows selected"
        assert delete.isEnabled()
        page.overview.rows.table.clearSelection()
    finally:
        counted.set()
    qtbot.waitUntil(lambda: words(page) == f"All {3 * PAGE} rows shown")
    press(page, "data.actions.delete")
    assert words(page) == f"Put all {3 * PAGE} rows shown into the bin?"


def test_where_all_rows_are_gone_nobody_looks_for_a_filter(page: DataPage, shown: Project, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: words(page) == "All 30 rows shown")
    press(page, "data.actions.delete")
    press(page, "data.actions.sure")
    qtbot.waitUntil(lambda: cells(page, 0) == [])
    told = [one.text() for one in page.overview.rows.findChildren(QLabel) if one.isVisible()]
    assert "All rows lie in the bin. Undo, or the History tab, brings them back." in told
    assert not find(page, QPushButton, "data.show_all").isVisible()
    assert not find(page, QPushButton, "data.actions.delete").isEnabled()
    press(page, "data.actions.undo")
    wait_for(qtbot, page, [text for text, _ in ROWS])
    choose(page, "data.show", "Skipped")
    qtbot.waitUntil(lambda: find(page, QPushButton, "data.show_all").isVisible())
    told = [one.text() for one in page.overview.rows.findChildren(QLabel) if one.isVisible()]
    assert "No row fits the search and the filters above." in told
