"""Keys in the real window: the sheet tells them as they are, the dialog changes them and warns, menus follow."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QLabel
from pytestqt.qtbot import QtBot

from desktop_llm import keymap
from desktop_llm.gui import key_dialog, shortcuts
from desktop_llm.gui.key_dialog import KEYS, NOTE, KeyDialog
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.rows import NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from tests.windows import click, find, open_in, press, project_of

CONTENT = {
    "rewriting": {"source": "one text"},
    "dialogue": {"messages": '[{"role": "user", "content": "one text"}]'},
    "preference": {"prompt": "which", "a": "one", "b": "two"},
}


def _lines(window: MainWindow) -> dict[str, str]:
    return {words: key for one in shortcuts.sections(window.hub, window) for key, words in one.lines}


def _row(dialog: KeyDialog, name: str) -> int:
    return next(row for row, one in enumerate(dialog._commands) if one.name == name)


def _cell(dialog: KeyDialog, name: str, column: int) -> str:
    cell = dialog.table.item(_row(dialog, name), column)
    assert cell is not None
    return cell.text()


def test_the_sheet_opens_by_its_keys_and_tells_all_of_them(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    open_in(qtbot, window, tickets, "label")
    page = window.page("label")
    for key in (Qt.Key.Key_Question, Qt.Key.Key_F1):
        qtbot.keyClick(page, key)
        sheet = find(window, QDialog, "shortcuts")
        assert sheet.isVisible()
        sheet.reject()
        qtbot.waitUntil(lambda: window.findChild(QDialog, "shortcuts") is None)
    told = _lines(window)
    assert told["Accept the suggestion"] == "Enter"
    assert told["travel"] == "2"
    assert told["Start training"] == "Ctrl+T"
    window.hub.save_settings(key_preset="label_studio")
    assert _lines(window)["Accept the suggestion"] == "Ctrl+Enter · Enter"


@pytest.mark.parametrize("task", TASKS)
def test_only_keys_that_do_something_are_told(qtbot: QtBot, window: MainWindow, tmp_path: Path, task: str) -> None:
    project = Project.create(tmp_path / "Kind", task)
    labels = TASKS[task].labels
    item = NewItem(content=CONTENT.get(task, {"text": "one text"}))
    project.items.insert("a.csv", [item], to_value=labels.to_value, class_names=labels.names)
    project.close()
    open_in(qtbot, window, tmp_path / "Kind", "label")
    editor = shortcuts.editor_of(window)
    assert editor is not None
    told = [line for one in shortcuts.sections(window.hub, window) for line in one.lines]
    keys = [key for line in told for key in line[0].split(" · ")]
    assert sorted(keys) == sorted(set(keys))
    lines = _lines(window)
    assert ("Repeat the last label" in lines) == ("List or single rows" in lines) == editor.can_list
    assert ("The doubted label is right" in lines) == (TASKS[task].loop is not None)
    assert ("Accept the suggestion" in lines) == TASKS[task].learns
    window.menus.show_state()
    shown = {name for action, name, _ in window.menus._by_key if action.isVisible()}
    assert ("repeat" in shown) == ("page_next" in shown) == editor.can_list
    ways = [
        key for action, name, _ in window.menus._by_key if action.isVisible() for key in action.text().split("\t")[1:]
    ]
    own = {keymap.words(key) for one in editor.commands() for key in one.keys}
    assert not own & set(ways)


def test_menus_show_and_follow_the_keys(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    open_in(qtbot, window, tickets, "label")
    skip, undo = (window.findChild(QAction, f"action.{name}") for name in ("label.skip", "edit.undo"))
    assert isinstance(skip, QAction)
    assert isinstance(undo, QAction)
    assert skip.text() == "Skip\tSpace"
    assert [key.toString() for key in undo.shortcuts()] == ["Ctrl+Z"]
    window.hub.save_settings(key_preset="label_studio")
    assert skip.text() == "Skip"
    page, project = window.page("label"), project_of(window)
    assert isinstance(page, LabelPage)
    assert page.item is not None
    first = page.item.id
    press(qtbot, window, "Ctrl+Space")
    row = project.items.get(first)
    assert row is not None
    assert row.skipped
    press(qtbot, window, "Ctrl+Z")
    row = project.items.get(first)
    assert row is not None
    assert not row.skipped
    qtbot.waitUntil(lambda: window.hub.background.idle)


def test_a_key_is_changed_after_a_warning(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    open_in(qtbot, window, tickets, "label")
    dialog = key_dialog.open_dialog(window.hub, window)
    problem = find(dialog, QLabel, "keys.problem")
    dialog.table.selectRow(_row(dialog, "skip"))
    qtbot.keyClick(dialog.field, Qt.Key.Key_D)
    assert problem.text() == "“Next row” has this key now and would lose it."
    click(qtbot, dialog, "keys.add")
    assert (_cell(dialog, "skip", KEYS), _cell(dialog, "next", KEYS)) == ("Space · D", "↓")
    assert window.hub.keys.command("d") == "skip"
    qtbot.keyClick(dialog.field, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert "menus" in problem.text()
    click(qtbot, dialog, "keys.set")
    assert window.hub.keys.command("Ctrl+T") == ""
    qtbot.keyClick(dialog.field, Qt.Key.Key_2)
    assert problem.text() == "The label “travel” would no longer be given by it."
    click(qtbot, dialog, "keys.set")
    assert _cell(dialog, "skip", NOTE) == "2: travel"
    click(qtbot, dialog, "keys.none")
    assert _cell(dialog, "skip", KEYS) == ""
    click(qtbot, dialog, "keys.reset")
    assert (_cell(dialog, "skip", KEYS), _cell(dialog, "next", KEYS)) == ("Space", "D · ↓")
    dialog.preset.setCurrentIndex(dialog.preset.findData("prodigy"))
    assert _cell(dialog, "accept", KEYS) == "A · Enter"
    assert window.hub.settings.key_preset == "prodigy"
    dialog.accept()
    qtbot.waitUntil(lambda: window.hub.background.idle)
