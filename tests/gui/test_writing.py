"""Texts and conversations written, and answers compared, through the real window, by keys and by mouse."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPlainTextEdit, QPushButton, QTabBar, QTextEdit, QWidget
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.rows import Changes, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.tasks import task as task_named
from desktop_llm.tasks.preference.screen import sides
from desktop_llm.tasks.task import no_learn_room, no_score
from desktop_llm.widgets.turn_list import TurnList
from desktop_llm.widgets.writing_field import WritingField
from tests.windows import LONG, OpenWindow, click, find, open_in, press, project_of

NBSP = "\u00a0"
TEXTS = [
    NewItem(content={"source": "Guten Tag", "draft": f"Good{NBSP}tag"}),
    NewItem(content={"source": "<b>早上好</b>"}),
    NewItem(content={"source": "Danke"}, label="Thanks"),
]
SYSTEM = {"role": "system", "content": "Be brief."}
QUESTION = {"role": "user", "content": "Where is it?"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": {"name": "look"}}]}
ANSWER = {"role": "assistant", "content": "Hear.", "weight": 0.5}
TALKS = [
    NewItem(content={"messages": json.dumps([SYSTEM, QUESTION])}),
    NewItem(content={"messages": json.dumps([QUESTION, CALL, ANSWER])}),
    NewItem(content={"messages": json.dumps([QUESTION, ANSWER])}),
]
CHOICES = [
    NewItem(content={"prompt": f"question {place}", "a": f"<i>one</i> {place}", "b": f"two {place}"})
    for place in range(6)
]


def _project(path: Path, task: str, rows: Sequence[NewItem]) -> Path:
    labels = task_named(task).labels
    with closing(Project.create(path, task, path.name)) as project:
        project.items.insert("rows.jsonl", rows, to_value=labels.to_value, class_names=labels.names)
    return path


def _page(window: MainWindow) -> LabelPage:
    page = window.page("label")
    assert isinstance(page, LabelPage)
    return page


def _shown(window: MainWindow) -> int:
    item = _page(window).item
    assert item is not None
    return item.id


def _value(window: MainWindow, item: int) -> Any:
    row = project_of(window).items.get(item)
    assert row is not None
    return row.value


def _steps(window: MainWindow, item: int) -> int:
    return sum(not one.undone and one.origin != "import" for one in project_of(window).labels.history(item))


def _is_kept(window: MainWindow, item: int, value: object) -> bool:
    return bool(_value(window, item) == value)


def _show(window: MainWindow, which: str) -> None:
    box = find(window, QComboBox, "label.show")
    box.setCurrentIndex(box.findData(which))


def _open(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    """Open a project for labeling, with the keyboard in the window."""
    open_in(qtbot, window, path, "label")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


@pytest.fixture
def texts(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> WritingField:
    """The field of the first text that waits, with the keyboard in it."""
    _open(qtbot, window, _project(tmp_path / "Texts", "rewriting", TEXTS))
    field = find(window, WritingField, "label.writing")
    qtbot.waitUntil(field.hasFocus)
    return field


@pytest.fixture
def talk(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> TurnList:
    """The turns of the first conversation."""
    _open(qtbot, window, _project(tmp_path / "Talks", "dialogue", TALKS))
    return find(window, TurnList, "label.turns")


def _keys(window: MainWindow, *keys: Qt.Key, ctrl: bool = False) -> None:
    """Keys on the page, where the keyboard is when nothing is written."""
    for key in keys:
        modifier = Qt.KeyboardModifier.ControlModifier if ctrl else Qt.KeyboardModifier.NoModifier
        QTest.keyClick(_page(window), key, modifier)


def _open_field(talk: TurnList) -> QPlainTextEdit:
    field = talk.indexWidget(talk.currentIndex())
    assert isinstance(field, QPlainTextEdit)
    return field


def test_a_text_is_written_from_its_draft_by_keys(qtbot: QtBot, window: MainWindow, texts: WritingField) -> None:
    assert texts.text() == f"Good{NBSP}tag"
    assert texts.textCursor().atEnd()
    assert _value(window, 1) is None
    QTest.keyClick(texts, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert _value(window, 1) == f"Good{NBSP}tag"
    assert _shown(window) == 2
    assert texts.hasFocus()
    assert find(window, QLabel, "label.text").text() == "<b>早上好</b>"
    QTest.keyClicks(texts, "Good morning")
    QTest.keyClick(texts, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    texts.insertPlainText(f"早{NBSP}上")
    QTest.keyClick(texts, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert _value(window, 2) == f"Good morning\n早{NBSP}上"
    assert _steps(window, 2) == 1
    texts.setFocus()
    QTest.keyClick(texts, Qt.Key.Key_Escape)
    assert not texts.hasFocus()
    press(qtbot, window, "Ctrl+Z")
    assert (_shown(window), _value(window, 2)) == (2, None)


def test_what_is_typed_is_kept_at_once_and_is_one_step(qtbot: QtBot, window: MainWindow, texts: WritingField) -> None:
    path = project_of(window).path
    for words in (" and", " good night"):
        texts.moveCursor(texts.textCursor().MoveOperation.End)
        QTest.keyClicks(texts, words)
        wanted = texts.text()
        qtbot.waitUntil(partial(_is_kept, window, 1, wanted))
        # what another program would read of the file now, as it would after a crash
        with closing(Project.open(path)) as other:
            row = other.items.get(1)
            assert row is not None
            assert row.value == wanted
        assert texts.text() == wanted
        assert texts.hasFocus()
    assert _steps(window, 1) == 1
    assert _shown(window) == 1
    QTest.keyClick(texts, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert _steps(window, 1) == 1
    assert _shown(window) == 2
    QTest.keyClick(texts, Qt.Key.Key_Escape)
    press(qtbot, window, "Ctrl+Z")
    assert (_shown(window), _value(window, 1)) == (1, None)
    assert texts.text() == f"Good{NBSP}tag"


def test_the_same_text_is_a_label_again_after_an_undo(qtbot: QtBot, window: MainWindow, texts: WritingField) -> None:
    QTest.keyClicks(texts, "!")
    wanted = texts.text()
    qtbot.waitUntil(partial(_is_kept, window, 1, wanted))
    QTest.keyClick(texts, Qt.Key.Key_Escape)
    press(qtbot, window, "Ctrl+Z")
    assert _value(window, 1) is None
    texts.setFocus()
    QTest.keyClicks(texts, "!")
    assert texts.text() == wanted
    QTest.keyClick(texts, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert (_value(window, 1), _shown(window)) == (wanted, 2)


@pytest.mark.parametrize("way", ["next row", "other page", "other project", "while another opens", "Ctrl+W", "close"])
def test_what_was_typed_a_moment_ago_is_kept_whatever_comes(
    qtbot: QtBot, window: MainWindow, texts: WritingField, tmp_path: Path, way: str
) -> None:
    path = project_of(window).path
    QTest.keyClicks(texts, "!")
    wanted = texts.text()
    if way == "next row":
        QTest.keyClick(texts, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
        assert _shown(window) == 2
        assert texts.text() == ""
    elif way == "other page":
        window.show_page("data")
    elif way == "other project":
        window.show_page("projects")
        open_in(qtbot, window, _project(tmp_path / "Other", "rewriting", TEXTS), "label")
        assert _value(window, 1) is None
    elif way == "while another opens":
        other = _project(tmp_path / "Other", "rewriting", TEXTS)
        with qtbot.waitSignal(window.hub.project_opened, timeout=LONG):
            window.hub.open_project(other, then_page="label")
            QTest.keyClicks(texts, "!")
            wanted = texts.text()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        assert [one.after for one in project_of(window).labels.history(1)] == []
    elif way == "Ctrl+W":
        press(qtbot, window, "Ctrl+W")
        qtbot.waitUntil(lambda: window.page_name == "projects" and window.hub.background.idle)
    else:
        window.leave()
    with closing(Project.open(path)) as project:
        told = [row.value for row in project.items.get_many([1, 2])]
    assert told == [wanted, None]


def test_an_empty_text_is_no_label(qtbot: QtBot, window: MainWindow, texts: WritingField) -> None:
    texts.selectAll()
    QTest.keyClick(texts, Qt.Key.Key_Delete)
    QTest.keyClick(texts, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert _shown(window) == 1
    assert "nothing written" in find(window, QLabel, "label.counts").text()
    assert _value(window, 1) is None
    QTest.keyClick(texts, Qt.Key.Key_Escape)
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Space)
    row = project_of(window).items.get(1)
    assert row is not None
    assert row.skipped


def test_the_models_draft_comes_first_and_changes_to_it_are_shown(
    qtbot: QtBot, window: MainWindow, texts: WritingField
) -> None:
    project = project_of(window)
    number = project.runs.create(Recipe(), model_title="elsewhere", snapshot={}, schema={})
    project.predictions.write(number, [(1, Prediction(label="Good day, Sir", probability=0.5, uncertainty=0.5))])
    window.hub.changed.emit(Changes(predictions=True))
    _page(window).do("next")
    _page(window).do("previous")
    assert texts.text() == "Good day, Sir"
    texts.setFocus()
    for _ in "Sir":
        QTest.keyClick(texts, Qt.Key.Key_End)
        QTest.keyClick(texts, Qt.Key.Key_Backspace)
    QTest.keyClicks(texts, "Madam")
    click(qtbot, window, "label.show_changes")
    shown = find(window, QTextEdit, "label.changes")
    qtbot.waitUntil(lambda: "Madam" in shown.toPlainText(), timeout=LONG)
    assert "Sir" in shown.toPlainText()
    click(qtbot, window, "label.draft")
    assert texts.text() == "Good day, Sir"
    qtbot.waitUntil(lambda: _value(window, 1) == "Good day, Sir")


def test_length_is_told_in_words_and_characters(qtbot: QtBot, window: MainWindow, texts: WritingField) -> None:
    texts.selectAll()
    texts.insertPlainText("早上好 friend")
    told = find(window, QLabel, "label.counts")
    qtbot.waitUntil(lambda: told.text() == "10 characters · 4 words")


KILLED = """
import os, sys, time
from pathlib import Path
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
app = QApplication([])
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.window import MainWindow
window = MainWindow(Hub())
window.show()
window.hub.open_project(Path(sys.argv[1]), then_page="label")
from desktop_llm.widgets.writing_field import WritingField
field = None
while field is None or not window.hub.background.idle:
    app.processEvents()
    field = window.findChild(WritingField)
for words in ("one ", "two ", "three "):
    QTest.keyClicks(field, words)
    wanted, project = field.text().strip(), window.hub.project
    while project.items.get(1).value != wanted:
        app.processEvents()
    print(wanted, flush=True)
QTest.keyClicks(field, "never kept")
print("typed", flush=True)
time.sleep(60)
"""


def test_a_kill_loses_no_more_than_the_last_moment(tmp_path: Path) -> None:
    path = _project(tmp_path / "Texts", "rewriting", TEXTS[1:])
    environment = {**os.environ, "DESKTOP_LLM_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            if line.strip() == "typed":
                break
            told.append(line.strip())
        process.send_signal(signal.SIGKILL)
    assert told == ["one", "one two", "one two three"]
    with closing(Project.open(path)) as project:
        row = project.items.get(1)
        assert row is not None
        assert row.value == "one two three"
        assert [one.after for one in project.labels.history(1)] == ["one two three"]


def test_a_conversation_is_answered_by_keys(qtbot: QtBot, window: MainWindow, talk: TurnList) -> None:
    assert talk.place == 1
    _keys(window, Qt.Key.Key_N)
    field = _open_field(talk)
    QTest.keyClicks(field, "On its way")
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClicks(field, "to you.")
    wanted = [SYSTEM, QUESTION, {"role": "assistant", "content": "On its way\nto you."}]
    qtbot.waitUntil(lambda: _value(window, 1) == wanted)
    assert field.hasFocus() or field.isVisible()
    QTest.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert _shown(window) == 2
    assert _value(window, 1) == wanted
    press(qtbot, window, "Ctrl+Z")
    assert (_shown(window), _value(window, 1)) == (1, None)
    assert talk.turns.messages() == [SYSTEM, QUESTION]


def test_tool_calls_and_all_else_in_a_turn_stay(qtbot: QtBot, window: MainWindow, talk: TurnList) -> None:
    _keys(window, Qt.Key.Key_D)
    assert _shown(window) == 2
    talk.choose(2)
    _keys(window, Qt.Key.Key_E)
    field = _open_field(talk)
    field.selectAll()
    QTest.keyClicks(field, "Here.")
    QTest.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert _value(window, 2) == [QUESTION, CALL, {**ANSWER, "content": "Here."}]


def test_turns_are_moved_given_away_and_removed_each_a_step(qtbot: QtBot, window: MainWindow, talk: TurnList) -> None:
    _keys(window, Qt.Key.Key_D)
    talk.choose(0)
    _keys(window, Qt.Key.Key_Down)
    _keys(window, Qt.Key.Key_Up, ctrl=True)
    assert _value(window, 2) == [CALL, QUESTION, ANSWER]
    assert talk.place == 0
    _keys(window, Qt.Key.Key_Down, Qt.Key.Key_R)
    assert _value(window, 2) == [CALL, {**QUESTION, "role": "assistant"}, ANSWER]
    _keys(window, Qt.Key.Key_Delete)
    assert _value(window, 2) == [CALL, ANSWER]
    assert _steps(window, 2) == 3
    for wanted in ([CALL, {**QUESTION, "role": "assistant"}, ANSWER], [CALL, QUESTION, ANSWER], None):
        press(qtbot, window, "Ctrl+Z")
        assert _value(window, 2) == wanted
    assert talk.turns.messages() == [QUESTION, CALL, ANSWER]
    _keys(window, Qt.Key.Key_Return)
    assert _value(window, 2) == [QUESTION, CALL, ANSWER]
    assert _shown(window) == 3


def test_the_mouse_does_the_same(qtbot: QtBot, window: MainWindow, talk: TurnList) -> None:
    _keys(window, Qt.Key.Key_D, Qt.Key.Key_D)
    assert _shown(window) == 3
    place = talk.visualRect(talk.turns.index(1)).center()
    QTest.mouseClick(talk.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(talk.viewport(), Qt.MouseButton.LeftButton, pos=place)
    field = _open_field(talk)
    field.selectAll()
    QTest.keyClicks(field, "Here.")
    click(qtbot, window, "label.turn.add")
    assert _value(window, 3) == [QUESTION, {**ANSWER, "content": "Here."}]
    QTest.keyClicks(_open_field(talk), "Thanks!")
    click(qtbot, window, "label.turn.up")
    talk.choose(2)
    box = find(window, QComboBox, "label.turn.role")
    box.setCurrentIndex(box.findData("system"))
    box.activated.emit(box.currentIndex())
    click(qtbot, window, "label.turn.remove")
    click(qtbot, window, "label.give")
    assert _value(window, 3) == [QUESTION, {"role": "user", "content": "Thanks!"}]


def test_a_turn_that_says_nothing_is_shown_instead_of_kept(qtbot: QtBot, window: MainWindow, talk: TurnList) -> None:
    _keys(window, Qt.Key.Key_N)
    QTest.keyClick(_open_field(talk), Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert _shown(window) == 1
    assert _value(window, 1) is None
    assert "Turn 3 says nothing" in find(window, QLabel, "label.counts").text()
    _keys(window, Qt.Key.Key_Delete)
    assert talk.turns.messages() == [SYSTEM, QUESTION]


def test_a_long_conversation_is_quick(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    import time

    turns = [{"role": ("user", "assistant")[place % 2], "content": "word " * 60} for place in range(2000)]
    rows = [NewItem(content={"messages": json.dumps(turns)})]
    _open(qtbot, window, _project(tmp_path / "Long", "dialogue", rows))
    talk = find(window, TurnList, "label.turns")
    talk.choose(1000)
    _keys(window, Qt.Key.Key_E)
    field = _open_field(talk)
    began = time.perf_counter()
    QTest.keyClicks(field, "twenty more letters.")
    assert (time.perf_counter() - began) / 20 < 0.1
    assert talk.viewport().rect().intersects(field.geometry())


def test_answers_are_compared_by_keys_and_kept_by_name(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    _open(qtbot, window, _project(tmp_path / "Choices", "preference", CHOICES))
    keys = (Qt.Key.Key_1, Qt.Key.Key_Right, Qt.Key.Key_T, Qt.Key.Key_X, Qt.Key.Key_2, Qt.Key.Key_Left)
    for place, key in enumerate(keys):
        left, right = sides(CHOICES[place].content)
        assert find(window, QLabel, "label.answer.left.text").text() == CHOICES[place].content[left]
        assert find(window, QLabel, "label.answer.right.text").text() == CHOICES[place].content[right]
        _keys(window, key)
        wanted = {"1": left, "2": right, "T": "tie", "X": "both bad"}.get(chr(int(key)) if int(key) < 256 else "", "")
        wanted = wanted or {Qt.Key.Key_Right: right, Qt.Key.Key_Left: left}[key]
        assert _value(window, place + 1) == wanted
    assert len({sides(one.content) for one in CHOICES}) == 2, "both orders are seen"
    press(qtbot, window, "Ctrl+Z")
    assert (_shown(window), _value(window, 6)) == (6, None)
    _show(window, "all")
    click(qtbot, window, "label.choice.right")
    assert _value(window, 1) == sides(CHOICES[0].content)[1]


def test_a_choice_is_shown_as_chosen(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    _open(qtbot, window, _project(tmp_path / "Choices", "preference", CHOICES))
    _show(window, "all")
    _keys(window, Qt.Key.Key_X)
    _keys(window, Qt.Key.Key_A)
    chosen = [name for name in ("left", "tie", "both bad", "right") if _checked(window, f"label.choice.{name}")]
    assert chosen == ["both bad"]


def _checked(window: MainWindow, name: str) -> bool:
    return find(window, QPushButton, name).isChecked()


@pytest.mark.parametrize(("task", "rows"), [("rewriting", TEXTS), ("preference", CHOICES)])
def test_what_is_not_there_has_no_button(
    qtbot: QtBot,
    window: MainWindow,
    tmp_path: Path,
    task: str,
    rows: Sequence[NewItem],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # whichever tasks have a model by now, here they have none
    monkeypatch.setitem(TASKS, task, replace(TASKS[task], open_learn=no_learn_room, open_score=no_score, metrics=()))
    open_in(qtbot, window, _project(tmp_path / "Rows", task, rows), "data")
    for name in ("train", "results", "try", "export"):
        assert not find(window, QPushButton, f"rail.{name}").isVisible()
        action = window.findChild(QAction, f"action.view.{name}")
        assert isinstance(action, QAction)
        assert not action.isVisible()
        assert not action.isEnabled()
        window.show_page(name)
        assert window.page_name == "label"
    for name in ("train.start", "train.export", "edit.labels", "label.find"):
        action = window.findChild(QAction, f"action.{name}")
        assert isinstance(action, QAction)
        assert not action.isVisible()
        assert not action.isEnabled()
    press(qtbot, window, "Ctrl+T")
    press(qtbot, window, "Ctrl+4")
    assert window.page_name == "label"
    for name in ("label.order", "data.label_filter", "data.more.disagrees", "data.more.predicted"):
        found = window.findChildren(QWidget, name)
        assert not any(one.isVisibleTo(window) for one in found)
    window.show_page("data")
    bar = find(window, QTabBar, "data.tabs")
    assert [bar.tabText(place) for place in range(bar.count()) if not bar.isTabVisible(place)] == ["Snapshots"]
    window.hub.close_project()
    assert find(window, QPushButton, "rail.train").isVisible()


def test_rows_are_found_by_their_words_and_shown_in_one_line(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    open_in(qtbot, window, _project(tmp_path / "Talks", "dialogue", TALKS), "data")
    page = window.page("data")
    rows = page.overview.rows  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: rows.model.rowCount() == 3)
    shown = rows.model.index(0, 0).data()
    assert shown == "Where is it?"
    find(window, QLineEdit, "data.search").setText("Be brief")
    qtbot.waitUntil(lambda: rows.model.rowCount() == 1, timeout=LONG)


def _hints(window: MainWindow) -> list[str]:
    """The keys that the page tells below what is shown."""
    told = _page(window).findChildren(QLabel)
    return [one.text() for one in told if one.property("role") == "keycap" and one.isVisible()]


def test_hints_of_a_conversation_are_those_of_the_moment(qtbot: QtBot, window: MainWindow, talk: TurnList) -> None:
    assert _hints(window) == ["Enter", "↑ / ↓", "E", "N", "D / A"]
    _keys(window, Qt.Key.Key_E)
    qtbot.waitUntil(lambda: _hints(window) == ["Ctrl+Enter", "Esc", "Alt+↓ / Alt+↑"])
    QTest.keyClick(_open_field(talk), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: _hints(window) == ["Enter", "↑ / ↓", "E", "N", "D / A"])


def test_hints_follow_the_keys_that_somebody_has_chosen(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    _open(qtbot, window, _project(tmp_path / "Choices", "preference", CHOICES))
    assert _hints(window) == ["← / →", "Space", "Backspace", "D / A"]
    window.hub.save_settings(key_preset="prodigy")
    qtbot.waitUntil(lambda: _hints(window) == ["← / →", "Space", "Backspace", "↓ / ↑"])


def test_where_nothing_can_be_kept_nothing_is_typed(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    path = _project(tmp_path / "Texts", "rewriting", TEXTS)
    with closing(Project.open(path)):
        _open(qtbot, window, path)
        field = find(window, WritingField, "label.writing")
        assert project_of(window).read_only
        QTest.keyClicks(field, "lost")
        QTest.keyClick(field, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        assert field.text() == f"Good{NBSP}tag"
        assert not find(window, QPushButton, "label.give").isEnabled()


def test_where_nothing_can_be_kept_no_conversation_is_changed(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    path = _project(tmp_path / "Talks", "dialogue", TALKS)
    with closing(Project.open(path)):
        _open(qtbot, window, path)
        talk = find(window, TurnList, "label.turns")
        before = talk.turns.messages()
        qtbot.mouseDClick(talk.viewport(), Qt.MouseButton.LeftButton, pos=talk.visualRect(talk.currentIndex()).center())
        for key in (Qt.Key.Key_E, Qt.Key.Key_N, Qt.Key.Key_R, Qt.Key.Key_Delete):
            _keys(window, key)
        for key in (Qt.Key.Key_Up, Qt.Key.Key_Return):
            _keys(window, key, ctrl=True)
        assert not talk.writing
        assert talk.turns.messages() == before
        names = ("role", "write", "add", "up", "down", "remove")
        there = [one for one in window.findChildren(QWidget) if one.objectName() in {f"label.turn.{n}" for n in names}]
        assert len(there) == len(names)
        assert not any(one.isEnabled() for one in there)
        assert not find(window, QPushButton, "label.give").isEnabled()
        assert _hints(window) == ["↑ / ↓", "D / A"]
        _keys(window, Qt.Key.Key_D)
        assert _shown(window) == 2


def _said(window: MainWindow) -> list[str]:
    return [one.text() for one in window.findChildren(QLabel) if one.isVisible()]


@pytest.mark.parametrize("which", ["second", "disputed"])
def test_a_draft_of_an_opinion_or_decision_outlives_the_window(
    qtbot: QtBot, open_window: OpenWindow, tmp_path: Path, which: str
) -> None:
    """It is no label before it is given, says so, and is nobody else's."""
    path = _project(tmp_path / "Texts", "rewriting", TEXTS)
    with closing(Project.open(path)) as project:
        project.people.set_share(1.0)
        project.labels.set(1, "Good day", "Ann")
        if which == "disputed":
            project.labels.answer(1, "Hello", "Cid")
        entries = len(project.labels.history(1))

    def written(window: MainWindow, labeler: str) -> WritingField:
        window.hub.save_settings(labeler=labeler)
        if window.hub.project is None:
            _open(qtbot, window, path)
        window.hub.page_asked.emit("label", {"show": which})
        qtbot.waitUntil(lambda: _shown(window) == 1 and window.hub.background.idle)
        return find(window, WritingField, "label.writing")

    window = open_window()
    field = written(window, "Ben")
    field.selectAll()
    QTest.keyClicks(field, "Good mor")
    qtbot.waitUntil(lambda: "draft kept, not given yet" in _said(window))
    assert len(project_of(window).labels.history(1)) == entries
    window.leave()
    window = open_window()
    assert written(window, "Eve").text() != "Good mor"
    field = written(window, "Ben")
    qtbot.waitUntil(lambda: field.text() == "Good mor")
    QTest.keyClicks(field, "ning")
    QTest.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert [one.after for one in project_of(window).labels.history(1)][entries:] == ["Good morning"]
    assert project_of(window).drafts.of("Ben") == {}
