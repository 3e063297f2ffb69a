"""Imports through the Data page: look, steer, take all or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QPushButton, QTableView
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.pages.import_panel import SHOWN_COLUMNS
from desktop_llm.widgets.noted_header import NOTE
from tests.gui.pages.importing import Opened, button, click, figure, grid, label, look, open_page, take, texts, write

HOSTILE = "<b>bold</b> <img src='file:x'> & more"


@pytest.fixture
def page(qtbot: QtBot, hub: Hub) -> DataPage:
    """The page, shown, and told of projects and changes as the window does."""
    return open_page(qtbot, hub)


def box(page: DataPage, name: str) -> QComboBox:
    """The box of that object name."""
    found = page.findChild(QComboBox, name)
    assert isinstance(found, QComboBox)
    return found


def notes(view: QTableView) -> list[str]:
    """The second lines of a table's head."""
    model = view.model()
    return [model.headerData(at, Qt.Orientation.Horizontal, NOTE) for at in range(model.columnCount())]


def test_a_small_table_comes_in(page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    project = opened([("hello", None), ("known", "old")])
    file = write(tmp_path / "t.csv", "id,message,category\n1,hello,new\n2,known,other\n3,fresh,new\n4,,new\n5,bare,\n")
    look(page, qtbot, file)
    assert grid(page, "data.preview")[0] == ["1", "hello", "new"]
    assert box(page, "data.map.text").currentText() == "message"
    assert box(page, "data.map.label").currentText() == "category"
    assert "5 rows" in button(page, "data.go").text()
    assert "new (3), other (1)" in label(page, "data.words").text()
    take(page, qtbot)
    assert texts(project) == ["hello", "known", "fresh", "bare"]
    figures = [figure(page, name) for name in ("imported", "labeled", "duplicates", "rejected")]
    assert figures == ["2", "2", "2", "1"]
    assert "One text is here with another label" in label(page, "data.conflicts").text()
    click(page, "data.rejected_fold")
    assert grid(page, "data.rejected") == [["5", "the text is empty", "4", "", "new"]]
    click(page, "data.done")
    qtbot.waitUntil(lambda: page.overview.rows.model.rowCount() == 4)


def test_what_comes_into_an_empty_project_is_shown_whatever_was_looked_at_before(
    page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path
) -> None:
    opened([("there", None)], "Before")
    qtbot.waitUntil(page.tab_bar.isVisible)
    page.show_tab("history")
    opened([], "New")
    qtbot.waitUntil(lambda: button(page, "data.pick").isVisible())
    look(page, qtbot, write(tmp_path / "t.csv", "text,label\na,x\n"))
    take(page, qtbot)
    click(page, "data.done")
    qtbot.waitUntil(lambda: page.overview.isVisible() and page.overview.rows.model.rowCount() == 1)


def test_the_mapping_can_be_changed(page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    project = opened([])
    look(page, qtbot, write(tmp_path / "t.csv", "text,label,note\na,x,long words here\nb,y,other words here\n"))
    for name, words in (("data.map.text", "note"), ("data.map.label", "not used")):
        box(page, name).setCurrentIndex(box(page, name).findText(words))
    qtbot.waitUntil(lambda: "No column holds labels" in label(page, "data.words").text())
    qtbot.waitUntil(lambda: button(page, "data.go").isEnabled())
    take(page, qtbot)
    assert texts(project) == ["long words here", "other words here"]
    assert project.items.counts().labeled == 0


def test_a_mapping_without_a_text_is_refused_in_words(
    page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path
) -> None:
    opened([])
    look(page, qtbot, write(tmp_path / "t.csv", "text,label\na,x\nb,y\n"))
    box(page, "data.map.text").setCurrentIndex(0)
    qtbot.waitUntil(lambda: label(page, "data.problem").isVisible())
    assert "Choose the column that holds the text" in label(page, "data.problem").text()
    assert not button(page, "data.go").isEnabled()
    box(page, "data.map.text").setCurrentIndex(1)
    qtbot.waitUntil(lambda: button(page, "data.go").isEnabled())
    assert not label(page, "data.problem").isVisible()


def test_how_the_file_is_read_can_be_told(page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    project = opened([])
    look(page, qtbot, write(tmp_path / "t.csv", "one;two\nfirst, text;x\nsecond, text;y\n", "utf-16"))
    assert box(page, "data.delimiter").currentText() == "semicolon (detected)"
    assert box(page, "data.encoding").currentText().startswith("utf-16")
    box(page, "data.header").setCurrentIndex(2)
    qtbot.waitUntil(lambda: len(grid(page, "data.preview")) == 3)
    box(page, "data.header").setCurrentIndex(0)
    qtbot.waitUntil(lambda: len(grid(page, "data.preview")) == 2 and button(page, "data.go").isEnabled())
    box(page, "data.split").setCurrentIndex(3)
    qtbot.waitUntil(lambda: "All rows are for test." in label(page, "data.words").text())
    qtbot.waitUntil(lambda: button(page, "data.go").isEnabled())
    take(page, qtbot)
    assert project.items.counts().by_split == {"test": 2}


def test_a_file_can_be_taken_for_plain_text(page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    project = opened([])
    look(page, qtbot, write(tmp_path / "t.txt", "one, two\nthree, four\n\nfive, six\n"))
    unit = box(page, "data.unit")
    assert unit.currentText() == "a row of the table (detected)"
    unit.setCurrentIndex(unit.findData("paragraph"))
    qtbot.waitUntil(lambda: len(grid(page, "data.preview")) == 2)
    qtbot.waitUntil(lambda: button(page, "data.go").isEnabled())
    take(page, qtbot)
    assert texts(project) == ["one, two\nthree, four", "five, six"]


def test_a_wrong_encoding_is_told_and_can_be_taken_back(
    page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path
) -> None:
    opened([])
    look(page, qtbot, write(tmp_path / "t.csv", "text\nÄpfel und Öl\nüber alles\n", "cp1252"))
    encoding = box(page, "data.encoding")
    encoding.setCurrentIndex(encoding.findText("utf-8"))
    qtbot.waitUntil(lambda: label(page, "data.problem").isVisible())
    assert "utf-8" in label(page, "data.problem").text()
    click(page, "data.as_guessed")
    qtbot.waitUntil(lambda: button(page, "data.go").isEnabled())
    assert grid(page, "data.preview")[0] == ["Äpfel und Öl"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"\x89PNG\r\n\x1a\n" + bytes(64), "a PNG image"), (None, "does not exist")],
)
def test_a_bad_file_is_told_in_one_sentence(
    page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path, content: bytes | None, words: str
) -> None:
    project = opened([("kept", None)])
    file = tmp_path / "bad.csv"
    if content is not None:
        file.write_bytes(content)
    page.import_files([file])
    qtbot.waitUntil(lambda: label(page, "data.problem").isVisible())
    assert words in label(page, "data.problem").text()
    assert not button(page, "data.go").isEnabled()
    click(page, "data.close")
    qtbot.waitUntil(lambda: page.overview.rows.model.rowCount() == 1)
    assert texts(project) == ["kept"]


def test_each_column_says_what_it_holds(page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    opened([])
    rows = "".join(
        f"{place},some words {place},{'ab'[place % 2]},2024-01-0{place},,{place % 3}\n" for place in range(1, 8)
    )
    look(page, qtbot, write(tmp_path / "t.csv", f"id,text,label,day,note,stars\n{rows}8,more words,,2024-02-01,,1\n"))
    view = page.findChild(QTableView, "data.preview")
    assert isinstance(view, QTableView)
    assert notes(view) == [
        "whole numbers",
        "text",
        "categories · 2 values · some empty",
        "dates",
        "empty",
        "whole numbers · 3 values",
    ]
    head = view.model().headerData(2, Qt.Orientation.Horizontal, Qt.ItemDataRole.AccessibleTextRole)
    assert head == "label → Label, categories · 2 values · some empty"
    view.grab()


def test_values_behind_the_first_rows_are_left_open(
    page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path
) -> None:
    opened([])
    rows = "".join(f"some words {place},{place // 200},{place // 200} stars\n" for place in range(800))
    look(page, qtbot, write(tmp_path / "t.csv", f"text,label,note\n{rows}"))
    view = page.findChild(QTableView, "data.preview")
    assert isinstance(view, QTableView)
    # the labels of a small file are counted whole, of other columns only the first rows were looked at
    assert notes(view) == ["text", "whole numbers · 4 values", "categories · 1+ values"]


def test_a_file_with_very_many_columns_is_shown(page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    opened([])
    names = ",".join(f"c{place}" for place in range(90))
    look(page, qtbot, write(tmp_path / "t.csv", f"{names}\n" + ",".join(map(str, range(90))) + "\n"))
    assert len(grid(page, "data.preview")[0]) == SHOWN_COLUMNS


def test_the_next_file_of_a_shape_opens_as_the_last_was_taken(
    page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path
) -> None:
    project = opened([])
    origin = label(page, "data.origin")
    look(page, qtbot, write(tmp_path / "orders.csv", "text,label,note\na,x,long words\nb,y,other words\n"))
    assert not origin.isVisible()
    box(page, "data.map.text").setCurrentIndex(box(page, "data.map.text").findText("note"))
    qtbot.waitUntil(lambda: origin.isVisible() and button(page, "data.go").isEnabled())
    assert origin.text() == "Changed by you"
    take(page, qtbot)
    look(page, qtbot, write(tmp_path / "next.csv", "text,label,note\nc,x,third words\n"))
    assert origin.text() == "Mapped like “orders.csv”"
    assert box(page, "data.map.text").currentText() == "note"
    click(page, "data.as_guessed")
    qtbot.waitUntil(lambda: not origin.isVisible() and button(page, "data.go").isEnabled())
    assert box(page, "data.map.text").currentText() == "text"
    box(page, "data.header").setCurrentIndex(2)
    qtbot.waitUntil(lambda: len(grid(page, "data.preview")) == 2 and button(page, "data.go").isEnabled())
    take(page, qtbot)
    assert texts(project) == ["long words", "other words", "note", "third words"]
    look(page, qtbot, write(tmp_path / "last.csv", "text,label,note\nd,x,fourth words\n"))
    assert origin.text() == "Read and mapped like “next.csv”"
    assert box(page, "data.header").currentText() == "a row of data"
    look(page, qtbot, write(tmp_path / "other.csv", "text,kind\nd,x\n"))
    assert not origin.isVisible()
    assert box(page, "data.header").currentIndex() == 0


def test_what_a_file_says_is_never_markup(page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    opened([])
    file = write(tmp_path / "&amp;t.csv", f'text,label,{HOSTILE}\n"{HOSTILE}","{HOSTILE}",x\n,y,z\n')
    look(page, qtbot, file)
    box(page, "data.header").setCurrentIndex(1)
    qtbot.waitUntil(lambda: len(grid(page, "data.preview")) == 2 and button(page, "data.go").isEnabled())
    assert grid(page, "data.preview")[0] == [HOSTILE, HOSTILE, "x"]
    assert HOSTILE in label(page, "data.words").text()
    take(page, qtbot)
    plain = {one.textFormat() for one in page.findChildren(QLabel)}
    assert plain == {Qt.TextFormat.PlainText}


def test_every_control_can_be_named(page: DataPage, opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    opened([("a", "x")])
    look(page, qtbot, write(tmp_path / "t.csv", "text,label\na,x\n"))
    nameless = [
        one
        for kind in (QPushButton, QComboBox, QTableView, QCheckBox)
        for one in page.findChildren(kind)
        if not (one.objectName() and one.accessibleName())
    ]
    assert nameless == []
