"""Behind an answer of Try it: why it is so, what another wording changes, and what the run learned that is like it."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton, QTabBar, QTableView, QTableWidget
from pytestqt.qtbot import QtBot

from desktop_llm.gui.explaining import Explaining
from desktop_llm.gui.inference import Line
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.store.project import Project
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.weighed_text import WeighedText
from tests.windows import LONG, click, find, open_in, press

TEXT = "the old bread with some new"


def _ask(qtbot: QtBot, window: MainWindow, text: str, says: str) -> None:
    find(window, QPlainTextEdit, "try.text").setPlainText(text)
    answer = find(window, QLabel, "try.answer")
    qtbot.waitUntil(lambda: answer.text() == says and _table(window).rowCount() == 0, timeout=LONG)
    qtbot.waitUntil(find(window, QPushButton, "try.why.go").isEnabled, timeout=LONG)


def _table(window: MainWindow) -> QTableWidget:
    return find(window, QTableWidget, "try.why.table")


def _words(table: QTableWidget, column: int = 0) -> list[str]:
    cells = [table.item(row, column) for row in range(table.rowCount())]
    return [cell.text() for cell in cells if cell is not None]


def _explained(qtbot: QtBot, window: MainWindow) -> tuple[str, str, str]:
    """Ask why of a text whose label is not said of no words at all; the text, its label and its word."""
    hint, table = find(window, QLabel, "try.why.hint"), _table(window)
    shown = find(window, WeighedText, "try.why.text")
    for label, word in (("food", "bread"), ("travel", "train")):
        text = TEXT.replace("bread", word)
        _ask(qtbot, window, text, label)
        assert "which words speak for a label" in hint.text()
        click(qtbot, window, "try.why.go")
        qtbot.waitUntil(lambda: table.rowCount() == 6, timeout=LONG)
        assert hint.text().startswith("All words together add ")
        if shown.extraSelections():
            break
    return text, label, word


def test_words_are_coloured_by_what_they_add(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    open_in(qtbot, window, trained, "try")
    asked, said, telling = _explained(qtbot, window)
    hint, table = find(window, QLabel, "try.why.hint"), _table(window)
    text = find(window, WeighedText, "try.why.text")
    adds = [float(words.replace("−", "-")) for words in _words(table, 1)]
    assert adds == sorted(adds, key=lambda value: -abs(value))
    topic = _words(table).index(telling)
    assert adds[topic] == max(adds) > 0
    assert _words(table, 2)[topic].startswith("−")
    assert telling in {one.cursor.selectedText() for one in text.extraSelections()}
    cursor = text.textCursor()
    cursor.setPosition(asked.index(telling) + 2)
    place = text.cursorRect(cursor).center()
    word = text.word_at(QPoint(place.x(), place.y()))
    assert text.words_of(word).startswith(f"{telling}: adds +")
    # another label, and then another text: nothing of the one before stays
    label = find(window, Choice, "try.why.label")
    assert {label.itemText(at) for at in range(label.count())} == {"food", "travel"}
    other = 1 - label.currentIndex()
    assert label.itemText(other) != said
    label.setCurrentIndex(other)
    label.activated.emit(other)
    qtbot.waitUntil(lambda: table.rowCount() == 6 and hint.text().startswith("All words"), timeout=LONG)
    assert _words(table, 1)[_words(table).index(telling)].startswith("−")
    _ask(qtbot, window, "train ticket map", "travel")
    assert text.toPlainText() == ""


def test_another_wording_is_compared_with_the_kept_one(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    open_in(qtbot, window, trained, "try")
    _ask(qtbot, window, TEXT, "food")
    table = find(window, QTableWidget, "try.whatif.table")
    assert not table.isVisible()
    click(qtbot, window, "try.whatif.keep")
    qtbot.waitUntil(table.isVisible)
    assert _words(table, 3) == ["0.0", "0.0"]
    _ask(qtbot, window, TEXT.replace("bread", "train"), "travel")
    changed = dict(zip(_words(table), _words(table, 3), strict=True))
    assert changed["food"].startswith("−")
    assert changed["travel"] == changed["food"].replace("−", "+")
    before = dict(zip(_words(table), _words(table, 1), strict=True))
    now = dict(zip(_words(table), _words(table, 2), strict=True))
    figure = {name: float(now[name][:-2]) - float(before[name][:-2]) for name in now}
    assert figure["travel"] == pytest.approx(float(changed["travel"]), abs=0.11)
    click(qtbot, window, "try.whatif.back")
    assert find(window, QPlainTextEdit, "try.text").toPlainText() == TEXT
    click(qtbot, window, "try.whatif.drop")
    assert not table.isVisible()


def test_the_nearest_rows_open_in_label(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    project = open_in(qtbot, window, trained, "try")
    row = project.items.get(1)
    assert row is not None
    _ask(qtbot, window, row.content["text"], "food")
    find(window, QTabBar, "try.tabs").setCurrentIndex(1)
    click(qtbot, window, "try.near.go")
    table = find(window, QTableView, "try.near.table")
    qtbot.waitUntil(lambda: table.model().rowCount() == 10, timeout=LONG)
    assert table.model().index(0, 0).data() == "1.000"
    assert table.model().index(0, 2).data() == " ".join(row.content["text"].split())
    words = find(window, QLabel, "try.near.words").text()
    assert words.startswith("Of the 10 nearest, ")
    assert "with the label that is said, “food”" in words
    table.activated.emit(table.model().index(0, 0))
    qtbot.waitUntil(lambda: window.page_name == "label" and window.hub.background.idle, timeout=LONG)
    page = window.page("label")
    assert isinstance(page, LabelPage)
    assert page.item is not None
    assert page.item.content == row.content


def test_a_row_in_label_is_asked_why(qtbot: QtBot, window: MainWindow, trained: Path) -> None:
    open_in(qtbot, window, trained, "label")
    page = window.page("label")
    assert isinstance(page, LabelPage)
    window.hub.page_asked.emit("label", {"item": 3})
    qtbot.waitUntil(lambda: window.hub.background.idle and page.item is not None, timeout=LONG)
    assert page.item is not None
    text = page.item.content["text"]
    press(qtbot, page, "Ctrl+B")
    qtbot.waitUntil(lambda: window.page_name == "try", timeout=LONG)
    qtbot.waitUntil(lambda: _table(window).rowCount() > 0, timeout=LONG)
    assert find(window, QPlainTextEdit, "try.text").toPlainText() == text


def test_an_explanation_is_stopped_in_the_process(qtbot: QtBot, trained: Path) -> None:
    """The engine's own process: what is dropped ends there, and the next question is answered."""
    project = Project.open(trained)
    model = project.runs.folder(1).model
    project.close()
    line, doing = Line(), threading.Event()
    try:
        answer: Future[object] = line.explain(model, {"text": TEXT}, "", lambda words: doing.set())  # type: ignore[assignment]
        assert doing.wait(LONG / 1000)
        line.unwanted(answer)
        one, told = Explaining(line), list[str]()
        one.failed.connect(told.append)
        with qtbot.waitSignal(one.told, timeout=LONG) as heard:
            one.ask(model, {"text": TEXT}, "food")
        assert heard.args[0].label == "food"
        with qtbot.waitSignal(one.failed, timeout=LONG):
            one.ask(model, {"text": TEXT}, "drinks")
        assert "no label “drinks”" in told[0]
        one.ask(model, {"text": TEXT}, "")
        assert one.busy
        one.drop()
        assert not one.busy
    finally:
        line.close()
