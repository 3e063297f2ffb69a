"""The window as a whole: defects, projects held elsewhere, what is restored, the menus, the keys, the look."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QComboBox, QDialog, QLabel, QMenu, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm import app as start
from desktop_llm.errors import UserError
from desktop_llm.gui import theme
from desktop_llm.gui.defect import DefectDialog, Defects
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.store.project import Project
from desktop_llm.widgets import theme as colours
from desktop_llm.widgets.banner import Banner
from tests import projects
from tests.windows import OpenWindow, click, find, open_in, press, project_of


@pytest.fixture
def defects(window: MainWindow) -> Iterator[Defects]:
    """The hooks of the program, given back afterwards."""
    made = Defects(window)
    yield made
    made.release()


def _break_in_a_slot(qtbot: QtBot, window: MainWindow) -> QPushButton:
    broken = QPushButton("break", window.centralWidget())
    broken.clicked.connect(lambda: [][1])
    broken.show()
    qtbot.mouseClick(broken, Qt.MouseButton.LeftButton)
    return broken


@pytest.mark.expects_warnings
def test_a_defect_in_a_slot_is_one_dialog_and_the_program_goes_on(
    qtbot: QtBot, window: MainWindow, defects: Defects
) -> None:
    broken = _break_in_a_slot(qtbot, window)
    dialog = defects.dialog
    assert dialog is not None
    assert "IndexError" in dialog.details.toPlainText()
    assert "test_window.py" in dialog.details.toPlainText()
    broken.click()
    assert window.findChildren(DefectDialog) == [dialog]
    click(qtbot, dialog, "defect.close")
    assert not dialog.isVisible()
    click(qtbot, window, "rail.settings")
    assert window.page_name == "settings"
    broken.click()
    second = defects.dialog
    assert second is not None
    assert second is not dialog
    second.reject()


@pytest.mark.expects_warnings
def test_a_defect_in_a_thread_comes_to_the_window(qtbot: QtBot, window: MainWindow, defects: Defects) -> None:
    thread = threading.Thread(target=lambda: int("no number"))
    thread.start()
    qtbot.waitUntil(lambda: defects.dialog is not None)
    thread.join()
    assert defects.dialog is not None
    assert "ValueError" in defects.dialog.details.toPlainText()
    defects.dialog.reject()


def test_a_known_problem_in_a_slot_is_a_sentence_not_a_defect(
    qtbot: QtBot, window: MainWindow, defects: Defects
) -> None:
    def refuse() -> None:
        raise UserError("<b>The disk</b> is full.", details="no space left")

    QTimer.singleShot(0, window, refuse)
    qtbot.waitUntil(window.banner.isVisible)
    assert window.banner.text() == "<b>The disk</b> is full."
    assert defects.dialog is None
    click(qtbot, window, "banner.details")
    assert {one.textFormat() for one in window.banner.findChildren(QLabel)} == {Qt.TextFormat.PlainText}
    click(qtbot, window, "banner.close")
    assert not window.banner.isVisible()


def test_what_kept_a_project_from_opening_goes_away_when_one_opens(
    qtbot: QtBot, window: MainWindow, tickets: Path
) -> None:
    window.hub.open_project(tickets / "gone")
    qtbot.waitUntil(window.banner.isVisible)
    open_in(qtbot, window, tickets, "label")
    assert not window.banner.isVisible()
    window.hub.show_error(UserError("The disk is full."))
    with qtbot.waitSignal(window.hub.project_opened):
        window.hub.create_project(tickets.parent / "other", "text_classification")
    assert window.banner.isVisible()  # it may be about what was left


def test_a_project_held_elsewhere_is_read_only_and_says_by_whom(
    qtbot: QtBot, window: MainWindow, tickets: Path
) -> None:
    holder = Project.open(tickets)
    try:
        open_in(qtbot, window, tickets, "label")
        notice = find(window, Banner, "notice")
        assert notice.isVisible()
        assert "has it open" in notice.text()
        assert not find(window, QPushButton, "notice.close").isVisible()
        page = window.page("label")
        assert isinstance(page, LabelPage)
        assert page.item is not None
        before = page.item.id
        qtbot.keyClicks(page, "1")
        item = project_of(window).items.get(before)
        assert item is not None
        assert item.value is None
        click(qtbot, window, "rail.train")
        qtbot.waitUntil(lambda: window.hub.background.idle)
        assert not find(window, QPushButton, "train.start").isEnabled()
    finally:
        holder.close()
    open_in(qtbot, window, tickets, "data")
    assert not notice.isVisible()
    assert window.hub.writable


def test_the_open_project_stays_writable_when_it_is_chosen_again(
    qtbot: QtBot, window: MainWindow, tickets: Path
) -> None:
    project = open_in(qtbot, window, tickets, "data")
    click(qtbot, window, "rail.projects")
    qtbot.waitUntil(lambda: window.hub.background.idle)
    card = find(window, QPushButton, "projects.recent.0")
    # What a person's double click is made of.
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton)
    qtbot.mouseDClick(card, Qt.MouseButton.LeftButton)
    qtbot.mouseRelease(card, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.page_name == "label" and window.hub.background.idle)
    window.open_recent(str(tickets))
    qtbot.waitUntil(lambda: window.page_name == "data" and window.hub.background.idle)
    assert project_of(window) is project
    assert window.hub.writable
    assert not window.notice.isVisible()


def test_the_next_start_shows_what_the_last_one_did(qtbot: QtBot, open_window: OpenWindow, tickets: Path) -> None:
    first = open_window()
    first.resize(first.width(), 610)
    open_in(qtbot, first, tickets, "results")
    box = find(first, QComboBox, "label.show") if first.page("label") else None
    assert box is not None
    box.setCurrentIndex(box.findData("all"))
    first.close()
    second = open_window()
    assert second.size() == first.size()
    with qtbot.waitSignal(second.hub.project_opened):
        start._open_first(second.hub, None)
    qtbot.waitUntil(lambda: second.page_name == "results" and second.hub.background.idle)
    assert project_of(second).path == tickets
    second.show_page("label")
    assert find(second, QComboBox, "label.show").currentData() == "all"


def _actions(window: MainWindow) -> dict[str, QAction]:
    found = [one for one in window.findChildren(QAction) if one.objectName().startswith("action.")]
    return {one.objectName().removeprefix("action."): one for one in found}


def test_actions_of_a_project_wait_for_one(window: MainWindow) -> None:
    enabled = {name for name, action in _actions(window).items() if action.isEnabled() and action.shortcuts()}
    free = {"file.new", "file.open", "file.settings", "file.quit", "view.projects", "view.full", "help.keys"}
    assert enabled - {"train.pause"} == free


LEADS_TO = {
    "file.new": "projects",
    "file.settings": "settings",
    "edit.labels": "label",
    "view.data": "data",
    "view.label": "label",
    "view.train": "train",
    "view.results": "results",
    "view.try": "try",
    "view.export": "export",
    "view.projects": "projects",
    "data.find": "data",
    "train.export": "export",
    "train.pause": "train",
}


def test_menu_actions_lead_to_their_pages_by_their_keys(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    open_in(qtbot, window, tickets, "data")
    actions = _actions(window)
    keys = [keys.toString() for action in actions.values() for keys in action.shortcuts()]
    assert len(keys) == len(set(keys)), "two actions share a key"
    for name, page in LEADS_TO.items():
        elsewhere = "settings" if page != "settings" else "data"
        window.show_page(elsewhere)
        press(qtbot, window, actions[name].shortcut().toString())
        assert window.page_name == page, name
        for dialog in window.findChildren(QDialog):
            dialog.reject()
        qtbot.waitUntil(lambda: window.hub.background.idle)


def test_label_actions_work_on_the_label_page_and_nowhere_else(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    project = open_in(qtbot, window, tickets, "label")
    page, actions = window.page("label"), _actions(window)
    assert isinstance(page, LabelPage)
    assert page.item is not None
    first = page.item.id
    qtbot.keyClicks(page, "2")
    qtbot.waitUntil(lambda: window.hub.background.idle)
    actions["label.skip"].trigger()
    actions["label.previous"].trigger()
    actions["label.previous"].trigger()
    assert page.item is not None
    assert page.item.id == first
    assert page.item.value == 2
    actions["edit.undo"].trigger()
    actions["edit.undo"].trigger()
    undone = project.items.get(first)
    assert undone is not None
    assert undone.value is None
    actions["edit.redo"].trigger()
    again = project.items.get(first)
    assert again is not None
    assert again.value == 2
    window.show_page("data")
    anywhere = ("label.keys", "label.server")  # they open a dialog of their own
    of_page = [name for name in actions if name.startswith("label.") and name not in anywhere]
    names = [*of_page, "edit.undo", "edit.redo"]
    assert len(names) == 16
    assert [name for name in names if actions[name].isEnabled()] == []
    press(qtbot, window, "Ctrl+Z")
    kept = project.items.get(first)
    assert kept is not None
    assert kept.value == 2
    qtbot.waitUntil(lambda: window.hub.background.idle)


def test_recent_projects_stand_in_the_menu_as_they_are_called(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    open_in(qtbot, window, tickets, "data")
    menu = find(window, QMenu, "menu.recent")
    menu.aboutToShow.emit()
    (action,) = menu.actions()
    assert action.text() == str(tickets).replace("&", "&&")
    window.close_project()
    assert window.hub.project is None
    assert window.page_name == "projects"
    with qtbot.waitSignal(window.hub.project_opened):
        action.trigger()
    assert project_of(window).path == tickets
    qtbot.waitUntil(lambda: window.hub.background.idle)


def test_the_keys_are_told_on_f1(qtbot: QtBot, window: MainWindow) -> None:
    press(qtbot, window, "F1")
    sheet = find(window, QDialog, "shortcuts")
    words = " ".join(one.text() for one in sheet.findChildren(QLabel))
    for keys in ("Ctrl+T", "Backspace", "Space", "Enter", "D · ↓", "A · ↑", "F11"):
        assert keys in words
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    assert not sheet.isVisible()


def test_the_look_changes_at_once(qtbot: QtBot, window: MainWindow) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    window.hub.settings_changed.connect(lambda settings: theme.apply(app, settings.theme))
    window.show_page("settings")
    box = find(window, QComboBox, "settings.theme")
    seen = []
    for scheme, background in (("dark", colours.DARK.bg), ("light", colours.LIGHT.bg)):
        box.setCurrentIndex(box.findData(scheme))
        assert colours.current().bg == background
        seen.append(window.grab().toImage().pixelColor(window.width() - 5, window.height() // 2).name())
    assert seen == [colours.DARK.bg, colours.LIGHT.bg]


def test_a_project_without_rows_says_the_next_step_on_every_page(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    Project.create(tmp_path / "Empty", projects.TASK).close()
    open_in(qtbot, window, tmp_path / "Empty", "data")
    for page, step, leads_to in (
        ("label", "label.go_data", "data"),
        ("results", "results.go", "train"),
        ("try", "try.go", "train"),
        ("export", "export.to_train", "train"),
    ):
        click(qtbot, window, f"rail.{page}")
        click(qtbot, window, step)
        assert window.page_name == leads_to
    qtbot.waitUntil(lambda: "no labeled texts" in find(window, QLabel, "train.problem").text())
    assert not find(window, QPushButton, "train.start").isEnabled()
    qtbot.waitUntil(lambda: window.hub.background.idle)


def test_few_texts_from_scratch_get_an_advice(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    open_in(qtbot, window, tickets, "train")
    advice = find(window, QLabel, "train.advice")
    qtbot.waitUntil(advice.isVisible)
    assert "model folder" in advice.text()
    assert find(window, QLabel, "train.before.train").text() == "80"
    qtbot.waitUntil(lambda: window.hub.background.idle)
