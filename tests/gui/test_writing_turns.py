"""Conversations written turn by turn through the real window, by keys and by mouse."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from desktop_llm.gui.window import MainWindow
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.widgets.turn_list import TurnList
from tests.gui.written import (
    hints_on,
    open_for_labels,
    press_on_page,
    project_with,
    shown_id,
    steps_of,
    value_of,
)
from tests.windows import LONG, click, find, open_in, press

SYSTEM = {"role": "system", "content": "Be brief."}
QUESTION = {"role": "user", "content": "Where is it?"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": {"name": "look"}}]}
ANSWER = {"role": "assistant", "content": "Hear.", "weight": 0.5}
TALKS = [
    NewItem(content={"messages": json.dumps([SYSTEM, QUESTION])}),
    NewItem(content={"messages": json.dumps([QUESTION, CALL, ANSWER])}),
    NewItem(content={"messages": json.dumps([QUESTION, ANSWER])}),
]


@pytest.fixture
def talk(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> TurnList:
    """The turns of the first conversation."""
    open_for_labels(qtbot, window, project_with(tmp_path / "Talks", "dialogue", TALKS))
    return find(window, TurnList, "label.turns")


def _open_field(talk: TurnList) -> QPlainTextEdit:
    field = talk.indexWidget(talk.currentIndex())
    assert isinstance(field, QPlainTextEdit)
    return field


def test_a_conversation_is_answered_by_keys(qtbot: QtBot, window: MainWindow, talk: TurnList) -> None:
    assert talk.place == 1
    press_on_page(window, Qt.Key.Key_N)
    field = _open_field(talk)
    QTest.keyClicks(field, "On its way")
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClicks(field, "to you.")
    wanted = [SYSTEM, QUESTION, {"role": "assistant", "content": "On its way\nto you."}]
    qtbot.waitUntil(lambda: value_of(window, 1) == wanted)
    assert field.hasFocus() or field.isVisible()
    QTest.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert shown_id(window) == 2
    assert value_of(window, 1) == wanted
    press(qtbot, window, "Ctrl+Z")
    assert (shown_id(window), value_of(window, 1)) == (1, None)
    assert talk.turns.messages() == [SYSTEM, QUESTION]


def test_tool_calls_and_all_else_in_a_turn_stay(qtbot: QtBot, window: MainWindow, talk: TurnList) -> None:
    press_on_page(window, Qt.Key.Key_D)
    assert shown_id(window) == 2
    talk.choose(2)
    press_on_page(window, Qt.Key.Key_E)
    field = _open_field(talk)
    field.selectAll()
    QTest.keyClicks(field, "Here.")
    QTest.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert value_of(window, 2) == [QUESTION, CALL, {**ANSWER, "content": "Here."}]


def test_turns_are_moved_given_away_and_removed_each_a_step(qtbot: QtBot, window: MainWindow, talk: TurnList) -> None:
    press_on_page(window, Qt.Key.Key_D)
    talk.choose(0)
    press_on_page(window, Qt.Key.Key_Down)
    press_on_page(window, Qt.Key.Key_Up, ctrl=True)
    assert value_of(window, 2) == [CALL, QUESTION, ANSWER]
    assert talk.place == 0
    press_on_page(window, Qt.Key.Key_Down, Qt.Key.Key_R)
    assert value_of(window, 2) == [CALL, {**QUESTION, "role": "assistant"}, ANSWER]
    press_on_page(window, Qt.Key.Key_Delete)
    assert value_of(window, 2) == [CALL, ANSWER]
    assert steps_of(window, 2) == 3
    for wanted in ([CALL, {**QUESTION, "role": "assistant"}, ANSWER], [CALL, QUESTION, ANSWER], None):
        press(qtbot, window, "Ctrl+Z")
        assert value_of(window, 2) == wanted
    assert talk.turns.messages() == [QUESTION, CALL, ANSWER]
    press_on_page(window, Qt.Key.Key_Return)
    assert value_of(window, 2) == [QUESTION, CALL, ANSWER]
    assert shown_id(window) == 3


def test_the_mouse_does_the_same(qtbot: QtBot, window: MainWindow, talk: TurnList) -> None:
    press_on_page(window, Qt.Key.Key_D, Qt.Key.Key_D)
    assert shown_id(window) == 3
    place = talk.visualRect(talk.turns.index(1)).center()
    QTest.mouseClick(talk.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(talk.viewport(), Qt.MouseButton.LeftButton, pos=place)
    field = _open_field(talk)
    field.selectAll()
    QTest.keyClicks(field, "Here.")
    click(qtbot, window, "label.turn.add")
    assert value_of(window, 3) == [QUESTION, {**ANSWER, "content": "Here."}]
    QTest.keyClicks(_open_field(talk), "Thanks!")
    click(qtbot, window, "label.turn.up")
    talk.choose(2)
    box = find(window, QComboBox, "label.turn.role")
    box.setCurrentIndex(box.findData("system"))
    box.activated.emit(box.currentIndex())
    click(qtbot, window, "label.turn.remove")
    click(qtbot, window, "label.give")
    assert value_of(window, 3) == [QUESTION, {"role": "user", "content": "Thanks!"}]


def test_a_turn_that_says_nothing_is_shown_instead_of_kept(qtbot: QtBot, window: MainWindow, talk: TurnList) -> None:
    press_on_page(window, Qt.Key.Key_N)
    QTest.keyClick(_open_field(talk), Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert shown_id(window) == 1
    assert value_of(window, 1) is None
    assert "Turn 3 says nothing" in find(window, QLabel, "label.counts").text()
    press_on_page(window, Qt.Key.Key_Delete)
    assert talk.turns.messages() == [SYSTEM, QUESTION]


def test_a_long_conversation_is_quick(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    import time

    turns = [{"role": ("user", "assistant")[place % 2], "content": "word " * 60} for place in range(2000)]
    rows = [NewItem(content={"messages": json.dumps(turns)})]
    open_for_labels(qtbot, window, project_with(tmp_path / "Long", "dialogue", rows))
    talk = find(window, TurnList, "label.turns")
    talk.choose(1000)
    press_on_page(window, Qt.Key.Key_E)
    field = _open_field(talk)
    began = time.perf_counter()
    QTest.keyClicks(field, "twenty more letters.")
    assert (time.perf_counter() - began) / 20 < 0.1
    assert talk.viewport().rect().intersects(field.geometry())


def test_rows_are_found_by_their_words_and_shown_in_one_line(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    open_in(qtbot, window, project_with(tmp_path / "Talks", "dialogue", TALKS), "data")
    page = window.page("data")
    rows = page.overview.rows  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: rows.model.rowCount() == 3)
    shown = rows.model.index(0, 0).data()
    assert shown == "Where is it?"
    find(window, QLineEdit, "data.search").setText("Be brief")
    qtbot.waitUntil(lambda: rows.model.rowCount() == 1, timeout=LONG)


def test_hints_of_a_conversation_are_those_of_the_moment(qtbot: QtBot, window: MainWindow, talk: TurnList) -> None:
    assert hints_on(window) == ["Enter", "↑ / ↓", "E", "N", "D / A"]
    press_on_page(window, Qt.Key.Key_E)
    qtbot.waitUntil(lambda: hints_on(window) == ["Ctrl+Enter", "Esc", "Alt+↓ / Alt+↑"])
    QTest.keyClick(_open_field(talk), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: hints_on(window) == ["Enter", "↑ / ↓", "E", "N", "D / A"])


def test_where_nothing_can_be_kept_no_conversation_is_changed(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    path = project_with(tmp_path / "Talks", "dialogue", TALKS)
    with closing(Project.open(path)):
        open_for_labels(qtbot, window, path)
        talk = find(window, TurnList, "label.turns")
        before = talk.turns.messages()
        qtbot.mouseDClick(talk.viewport(), Qt.MouseButton.LeftButton, pos=talk.visualRect(talk.currentIndex()).center())
        for key in (Qt.Key.Key_E, Qt.Key.Key_N, Qt.Key.Key_R, Qt.Key.Key_Delete):
            press_on_page(window, key)
        for key in (Qt.Key.Key_Up, Qt.Key.Key_Return):
            press_on_page(window, key, ctrl=True)
        assert not talk.writing
        assert talk.turns.messages() == before
        names = ("role", "write", "add", "up", "down", "remove")
        there = [one for one in window.findChildren(QWidget) if one.objectName() in {f"label.turn.{n}" for n in names}]
        assert len(there) == len(names)
        assert not any(one.isEnabled() for one in there)
        assert not find(window, QPushButton, "label.give").isEnabled()
        assert hints_on(window) == ["↑ / ↓", "D / A"]
        press_on_page(window, Qt.Key.Key_D)
        assert shown_id(window) == 2
