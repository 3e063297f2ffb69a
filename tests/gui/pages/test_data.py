"""The Data page: all rows in figures and in a table, narrowed down, and always those of the open project."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data import DataPage
from desktop_llm.rows import Changes
from desktop_llm.store.project import Project
from desktop_llm.widgets.card import Tile
from desktop_llm.widgets.rows_model import PAGE, WAITING
from tests.gui.pages.conftest import TASK, Rows

HOSTILE = "<b>bold</b> <img src='file:x'> & more"
Opened = Callable[..., Project]


@pytest.fixture
def page(qtbot: QtBot, hub: Hub) -> DataPage:
    """The page, shown, and told of projects and changes as the window does."""
    made = DataPage(hub)
    qtbot.addWidget(made)
    hub.project_opened.connect(made.set_project)
    hub.changed.connect(made.on_changes)
    made.resize(1096, 640)
    made.show()
    return made


def tile(page: DataPage, name: str) -> str:
    """The figure of a tile."""
    found = page.findChild(Tile, f"data.tile.{name}")
    assert isinstance(found, Tile)
    return found.value()


def cells(page: DataPage, column: int) -> list[str]:
    """A column of the table as it is shown now."""
    model = page.overview.rows.model
    return [str(model.data(model.index(row, column))) for row in range(model.rowCount())]


def wait_for(qtbot: QtBot, page: DataPage, texts: list[str]) -> None:
    """Wait until the table shows these texts."""
    qtbot.waitUntil(lambda: cells(page, 0) == texts)


def choose(page: DataPage, name: str, words: str) -> None:
    """Choose an entry of a box."""
    box = page.findChild(QComboBox, name)
    assert isinstance(box, QComboBox)
    place = box.findText(words)
    assert place >= 0
    box.setCurrentIndex(place)


def some(count: int) -> Rows:
    """Rows of three labels and none, in no order."""
    draw = random.Random(3)
    words = ("card", "parcel", "refund", "Élan", "100%", "snow_man")
    return [
        (f"{draw.choice(words)} number {place}", draw.choice(("one", "two", "three", None))) for place in range(count)
    ]


def test_figures_and_rows_are_those_of_the_project(page: DataPage, opened: Opened, qtbot: QtBot) -> None:
    rows = some(50)
    opened(rows)
    wait_for(qtbot, page, [text for text, _ in rows])
    assert cells(page, 1) == [label or "" for _, label in rows]
    labeled = sum(label is not None for _, label in rows)
    qtbot.waitUntil(lambda: tile(page, "total") == "50")
    assert (tile(page, "labeled"), tile(page, "unlabeled")) == (str(labeled), str(50 - labeled))
    assert tile(page, "classes") == "3"
    assert page.overview.bars.accessibleName().count(",") == 2


def test_a_search_and_the_filters_find_what_a_list_finds(page: DataPage, opened: Opened, qtbot: QtBot) -> None:
    rows = some(120)
    opened(rows)
    wait_for(qtbot, page, [text for text, _ in rows])
    for words in ("CARD", "100%", "snow_", "number 7"):
        page.overview.rows.search.setText(words)
        wait_for(qtbot, page, [text for text, _ in rows if words.casefold() in text.casefold()])
    page.overview.rows.search.setText("card")
    choose(page, "data.label_filter", "two")
    wait_for(qtbot, page, [text for text, label in rows if "card" in text and label == "two"])
    page.overview.rows.show_all()
    choose(page, "data.show", "Unlabeled")
    wait_for(qtbot, page, [text for text, label in rows if label is None])


def test_a_filter_that_fits_nothing_offers_the_way_back(page: DataPage, opened: Opened, qtbot: QtBot) -> None:
    rows = some(5)
    opened(rows)
    page.overview.rows.search.setText("no such words")
    back = page.findChild(QPushButton, "data.show_all")
    assert isinstance(back, QPushButton)
    qtbot.waitUntil(back.isVisible)
    QTest.mouseClick(back, Qt.MouseButton.LeftButton)
    wait_for(qtbot, page, [text for text, _ in rows])


def test_a_click_on_a_bar_shows_its_rows(page: DataPage, opened: Opened, qtbot: QtBot) -> None:
    rows: Rows = [("a", "few"), ("b", "many"), ("c", "many"), ("d", None)]
    opened(rows)
    qtbot.waitUntil(lambda: page.overview.bars.accessibleName() == "many 2, few 1")
    page.overview.bars.clicked.emit(1)
    wait_for(qtbot, page, ["a"])


def test_many_pages_are_read_as_they_are_seen(page: DataPage, opened: Opened, qtbot: QtBot) -> None:
    rows = some(3 * PAGE + 20)
    opened(rows)
    qtbot.waitUntil(lambda: page.overview.rows.model.rowCount() == len(rows))
    last = page.overview.rows.model.index(len(rows) - 1, 0)
    assert page.overview.rows.model.data(last) == WAITING
    qtbot.waitUntil(lambda: page.overview.rows.model.data(last) == rows[-1][0])
    wait_for(qtbot, page, [text for text, _ in rows])


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_a_row_is_opened_for_labeling(page: DataPage, hub: Hub, opened: Opened, qtbot: QtBot, by: str) -> None:
    project = opened([("first", None), ("second", None)])
    wait_for(qtbot, page, ["first", "second"])
    table = page.overview.rows.table
    second = page.overview.rows.model.index(1, 0)
    with qtbot.waitSignal(hub.page_asked) as asked:
        if by == "mouse":
            table.doubleClicked.emit(second)
        else:
            table.setFocus()
            table.setCurrentIndex(second)
            QTest.keyClick(table, Qt.Key.Key_Return)
    item = project.items.page(page.overview.rows.told(), 0, 2)[1].id
    assert asked.args == ["label", {"item": item}]


def test_texts_and_labels_are_never_markup(page: DataPage, opened: Opened, qtbot: QtBot) -> None:
    opened([(HOSTILE, HOSTILE), ("plain", "b")])
    wait_for(qtbot, page, [HOSTILE, "plain"])
    assert cells(page, 1)[0] == HOSTILE
    assert {label.textFormat() for label in page.findChildren(QLabel)} == {Qt.TextFormat.PlainText}
    tip = str(page.overview.rows.model.data(page.overview.rows.model.index(0, 0), Qt.ItemDataRole.ToolTipRole))
    assert "&lt;b&gt;bold&lt;/b&gt;" in tip
    assert "<img" not in tip


def test_what_changes_while_nobody_looks_is_read_when_somebody_does(
    page: DataPage, hub: Hub, opened: Opened, qtbot: QtBot
) -> None:
    project = opened([("first", None)])
    wait_for(qtbot, page, ["first"])
    qtbot.waitUntil(lambda: hub.background.idle)
    page.hide()
    number = project.classes.ensure(["new"])["new"]
    item = project.items.page(page.overview.rows.told(), 0, 1)[0].id
    project.labels.set(item, number, "")
    hub.changed.emit(Changes(labels=True, classes=True))
    assert hub.background.idle
    page.show()
    page.opened()
    qtbot.waitUntil(lambda: cells(page, 1) == ["new"])
    assert tile(page, "labeled") == "1"


def test_another_project_shows_nothing_of_the_last_one(page: DataPage, opened: Opened, qtbot: QtBot) -> None:
    opened([("of the first", "label of the first")], "First")
    wait_for(qtbot, page, ["of the first"])
    choose(page, "data.label_filter", "label of the first")
    opened([("of the second", None)], "Second")
    wait_for(qtbot, page, ["of the second"])
    assert cells(page, 1) == [""]


def test_a_project_without_rows_says_what_to_do(page: DataPage, opened: Opened, qtbot: QtBot) -> None:
    opened([])
    pick = page.findChild(QPushButton, "data.pick")
    assert isinstance(pick, QPushButton)
    qtbot.waitUntil(pick.isVisible)
    assert pick.isEnabled()


def drop(page: DataPage, *files: Path) -> None:
    """Let files fall onto the page."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    event = QDropEvent(
        QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    page.dropEvent(event)


def test_dropped_files_are_looked_at(page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    opened([])
    file = tmp_path / "dropped.csv"
    file.write_text("text\nhello\nworld\n")
    drop(page, file)
    go = page.findChild(QPushButton, "data.go")
    assert isinstance(go, QPushButton)
    qtbot.waitUntil(go.isEnabled)
    assert "2 rows" in go.text()


def test_a_project_that_can_only_be_read_says_why(
    page: DataPage, hub: Hub, opened: Opened, qtbot: QtBot, tmp_path: Path
) -> None:
    holder = Project.create(tmp_path / "Held", TASK.name)
    try:
        with qtbot.waitSignal(hub.project_opened):
            hub.open_project(tmp_path / "Held")
        button = page.findChild(QPushButton, "data.import")
        assert isinstance(button, QPushButton)
        assert not button.isEnabled()
        assert "has it open" in button.toolTip()
        (tmp_path / "a.csv").write_text("text\nhello\n")
        with qtbot.waitSignal(hub.error_shown) as told:
            drop(page, tmp_path / "a.csv")
        assert told.args is not None
        assert "has it open" in told.args[0].message
        qtbot.waitUntil(lambda: hub.background.idle)
    finally:
        holder.close()


def test_what_is_shown_is_restored(page: DataPage, opened: Opened, qtbot: QtBot, hub: Hub) -> None:
    opened([("a", "x"), ("b", None)])
    choose(page, "data.show", "Unlabeled")
    wait_for(qtbot, page, ["b"])
    other = DataPage(hub)
    qtbot.addWidget(other)
    other.restore(page.state())
    assert other.overview.rows.told().show == "unlabeled"
