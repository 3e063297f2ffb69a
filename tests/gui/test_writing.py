"""Texts written through the real window, by keys and by mouse: kept at once, one step, never lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QTextEdit
from pytestqt.qtbot import QtBot

from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.rows import Changes
from desktop_llm.store.project import Project
from desktop_llm.widgets.writing_field import WritingField
from tests.gui.written import (
    NBSP,
    TEXTS,
    label_page,
    open_for_labels,
    project_with,
    shown_id,
    steps_of,
    value_of,
)
from tests.windows import LONG, OpenWindow, click, find, open_in, press, project_of


def _is_kept(window: MainWindow, item: int, value: object) -> bool:
    return bool(value_of(window, item) == value)


@pytest.fixture
def texts(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> WritingField:
    """The field of the first text that waits, with the keyboard in it."""
    open_for_labels(qtbot, window, project_with(tmp_path / "Texts", "rewriting", TEXTS))
    field = find(window, WritingField, "label.writing")
    qtbot.waitUntil(field.hasFocus)
    return field


def test_a_text_is_written_from_its_draft_by_keys(qtbot: QtBot, window: MainWindow, texts: WritingField) -> None:
    assert texts.text() == f"Good{NBSP}tag"
    assert texts.textCursor().atEnd()
    assert value_of(window, 1) is None
    QTest.keyClick(texts, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert value_of(window, 1) == f"Good{NBSP}tag"
    assert shown_id(window) == 2
    assert texts.hasFocus()
    assert find(window, QLabel, "label.text").text() == "<b>早上好</b>"
    QTest.keyClicks(texts, "Good morning")
    QTest.keyClick(texts, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    texts.insertPlainText(f"早{NBSP}上")
    QTest.keyClick(texts, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert value_of(window, 2) == f"Good morning\n早{NBSP}上"
    assert steps_of(window, 2) == 1
    texts.setFocus()
    QTest.keyClick(texts, Qt.Key.Key_Escape)
    assert not texts.hasFocus()
    press(qtbot, window, "Ctrl+Z")
    assert (shown_id(window), value_of(window, 2)) == (2, None)


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
    assert steps_of(window, 1) == 1
    assert shown_id(window) == 1
    QTest.keyClick(texts, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert steps_of(window, 1) == 1
    assert shown_id(window) == 2
    QTest.keyClick(texts, Qt.Key.Key_Escape)
    press(qtbot, window, "Ctrl+Z")
    assert (shown_id(window), value_of(window, 1)) == (1, None)
    assert texts.text() == f"Good{NBSP}tag"


def test_the_same_text_is_a_label_again_after_an_undo(qtbot: QtBot, window: MainWindow, texts: WritingField) -> None:
    QTest.keyClicks(texts, "!")
    wanted = texts.text()
    qtbot.waitUntil(partial(_is_kept, window, 1, wanted))
    QTest.keyClick(texts, Qt.Key.Key_Escape)
    press(qtbot, window, "Ctrl+Z")
    assert value_of(window, 1) is None
    texts.setFocus()
    QTest.keyClicks(texts, "!")
    assert texts.text() == wanted
    QTest.keyClick(texts, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert (value_of(window, 1), shown_id(window)) == (wanted, 2)


@pytest.mark.parametrize("way", ["next row", "other page", "other project", "while another opens", "Ctrl+W", "close"])
def test_what_was_typed_a_moment_ago_is_kept_whatever_comes(
    qtbot: QtBot, window: MainWindow, texts: WritingField, tmp_path: Path, way: str
) -> None:
    path = project_of(window).path
    QTest.keyClicks(texts, "!")
    wanted = texts.text()
    if way == "next row":
        QTest.keyClick(texts, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
        assert shown_id(window) == 2
        assert texts.text() == ""
    elif way == "other page":
        window.show_page("data")
    elif way == "other project":
        window.show_page("projects")
        open_in(qtbot, window, project_with(tmp_path / "Other", "rewriting", TEXTS), "label")
        assert value_of(window, 1) is None
    elif way == "while another opens":
        other = project_with(tmp_path / "Other", "rewriting", TEXTS)
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
    assert shown_id(window) == 1
    assert "nothing written" in find(window, QLabel, "label.counts").text()
    assert value_of(window, 1) is None
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
    label_page(window).do("next")
    label_page(window).do("previous")
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
    qtbot.waitUntil(lambda: value_of(window, 1) == "Good day, Sir")


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
    path = project_with(tmp_path / "Texts", "rewriting", TEXTS[1:])
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


def test_where_nothing_can_be_kept_nothing_is_typed(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    path = project_with(tmp_path / "Texts", "rewriting", TEXTS)
    with closing(Project.open(path)):
        open_for_labels(qtbot, window, path)
        field = find(window, WritingField, "label.writing")
        assert project_of(window).read_only
        QTest.keyClicks(field, "lost")
        QTest.keyClick(field, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        assert field.text() == f"Good{NBSP}tag"
        assert not find(window, QPushButton, "label.give").isEnabled()


def _said(window: MainWindow) -> list[str]:
    return [one.text() for one in window.findChildren(QLabel) if one.isVisible()]


@pytest.mark.parametrize("which", ["second", "disputed"])
def test_a_draft_of_an_opinion_or_decision_outlives_the_window(
    qtbot: QtBot, open_window: OpenWindow, tmp_path: Path, which: str
) -> None:
    """It is no label before it is given, says so, and is nobody else's."""
    path = project_with(tmp_path / "Texts", "rewriting", TEXTS)
    with closing(Project.open(path)) as project:
        project.people.set_share(1.0)
        project.labels.set(1, "Good day", "Ann")
        if which == "disputed":
            project.labels.answer(1, "Hello", "Cid")
        entries = len(project.labels.history(1))

    def written(window: MainWindow, labeler: str) -> WritingField:
        window.hub.save_settings(labeler=labeler)
        if window.hub.project is None:
            open_for_labels(qtbot, window, path)
        window.hub.page_asked.emit("label", {"show": which})
        qtbot.waitUntil(lambda: shown_id(window) == 1 and window.hub.background.idle)
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
