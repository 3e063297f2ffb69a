"""Two answers without names, and keys that say which is better."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.widgets.blind_view import BlindView
from tests.windows import find

PROMPT = [{"role": "user", "content": "Why <b>not</b>?"}]


@pytest.fixture
def view(qtbot: QtBot) -> BlindView:
    made = BlindView()
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    made.setFocus()
    qtbot.waitUntil(made.hasFocus)
    return made


@pytest.mark.parametrize(
    ("key", "side"),
    [(Qt.Key.Key_1, "left"), (Qt.Key.Key_2, "right"), (Qt.Key.Key_0, "tie"), (Qt.Key.Key_Right, "right")],
)
def test_a_key_says_which_is_better_once(view: BlindView, key: Qt.Key, side: str) -> None:
    said: list[str] = []
    view.judged.connect(said.append)
    QTest.keyClick(view, key)
    assert said == []
    view.show_duel(PROMPT, "one", "")
    assert find(view, QLabel, "judge.prompt.text").text() == "Why <b>not</b>?"
    assert find(view, QLabel, "judge.left.text").text() == "one"
    assert find(view, QLabel, "judge.right.text").text() == "(It says nothing.)"
    QTest.keyClick(view, key)
    QTest.keyClick(view, key)
    assert said == [side]


def test_who_wins_is_shown_only_when_it_is_asked(view: BlindView) -> None:
    result, shown = find(view, QPushButton, "judge.result"), find(view, QLabel, "judge.standing")
    view.show_progress(0, 9, "")
    assert not result.isEnabled()
    view.show_progress(3, 9, "Run 2 wins 67%")
    assert find(view, QLabel, "judge.progress").text() == "3 of 9 held-out prompts judged"
    assert not shown.isVisible()
    result.click()
    assert shown.isVisible()
    assert shown.text() == "Run 2 wins 67%"
    view.show_progress(4, 9, "Run 2 wins 75%")
    assert shown.text() == "Run 2 wins 75%"
    result.click()
    assert not shown.isVisible()


def test_undo_waits_for_a_verdict(view: BlindView) -> None:
    undone: list[bool] = []
    view.undo_asked.connect(lambda: undone.append(True))
    QTest.keyClick(view, Qt.Key.Key_Backspace)
    assert undone == []
    view.show_progress(1, 9, "x")
    QTest.keyClick(view, Qt.Key.Key_Backspace)
    assert undone == [True]
