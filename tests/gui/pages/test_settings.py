"""The Settings page: what is set there is kept at once, and what is set elsewhere is shown there."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm import __version__, settings
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.settings import SettingsPage
from desktop_llm.store.project import Project
from tests.windows import click, find


@pytest.fixture
def page(qtbot: QtBot, hub: Hub) -> SettingsPage:
    """The page, shown."""
    made = SettingsPage(hub)
    qtbot.addWidget(made)
    made.resize(1096, 640)
    made.show()
    return made


def kept() -> dict[str, object]:
    """The settings as they are on disk."""
    told: dict[str, object] = json.loads(settings.settings_file().read_text(encoding="utf-8"))
    return told


def test_the_theme_is_set_and_kept_at_once(page: SettingsPage, hub: Hub, qtbot: QtBot) -> None:
    box = page.findChild(QComboBox, "settings.theme")
    assert isinstance(box, QComboBox)
    with qtbot.waitSignal(hub.settings_changed):
        box.setCurrentIndex(box.findText("Dark"))
    assert hub.settings.theme == "dark"
    assert kept()["theme"] == "dark"


def test_a_name_and_a_tick_are_kept(page: SettingsPage, hub: Hub) -> None:
    line = page.findChild(QLineEdit, "settings.labeler")
    tick = page.findChild(QCheckBox, "settings.train_in_window")
    assert isinstance(line, QLineEdit)
    assert isinstance(tick, QCheckBox)
    QTest.keyClicks(line, "Ann <b>Lee</b>")
    QTest.keyClick(line, Qt.Key.Key_Return)
    tick.click()
    assert kept()["labeler"] == "Ann <b>Lee</b>"
    assert hub.settings.train_in_window is True


def test_what_is_set_elsewhere_is_shown(page: SettingsPage, hub: Hub) -> None:
    hub.save_settings(theme="light")
    box = page.findChild(QComboBox, "settings.theme")
    assert isinstance(box, QComboBox)
    assert box.currentData() == "light"


def test_every_setting_a_person_may_change_has_its_control(page: SettingsPage) -> None:
    from dataclasses import fields

    shown = {one.name for one in fields(settings.Settings) if not one.metadata.get("hidden")}
    names = {one.objectName() for kind in (QComboBox, QLabel, QLineEdit, QCheckBox) for one in page.findChildren(kind)}
    assert {f"settings.{name}" for name in shown} <= names


def test_versions_can_be_copied_for_a_report(page: SettingsPage) -> None:
    copy = page.findChild(QPushButton, "settings.copy_versions")
    assert isinstance(copy, QPushButton)
    copy.click()
    assert f"desktop_llm {__version__}" in QGuiApplication.clipboard().text()


def rename(page: SettingsPage, name: str) -> None:
    """Write another name, as a person does."""
    line = find(page, QLineEdit, "settings.labeler")
    line.clear()
    QTest.keyClicks(line, name)
    QTest.keyClick(line, Qt.Key.Key_Return)


def offered(page: SettingsPage) -> str:
    """What is asked; '' where nothing is."""
    words = find(page, QLabel, "settings.labeler_offer.words")
    return words.text() if words.isVisible() else ""


@pytest.fixture
def labeled(page: SettingsPage, hub: Hub, opened: Callable[..., Project]) -> Project:
    """A project in which Ann, who has just opened it, has labeled two rows, and Ben one."""
    hub.save_settings(labeler="Ann")
    project = opened([("one", None), ("two", None), ("three", "x"), ("four", None)])
    project.labels.set(1, 1, "Ann")
    project.labels.set(2, 1, "Ann")
    project.labels.set(4, 1, "Ben")
    return project


def test_who_takes_another_name_is_asked_for_the_labels_under_the_old_one(
    page: SettingsPage, labeled: Project, qtbot: QtBot
) -> None:
    rename(page, "Ann <b>Lee</b>")
    qtbot.waitUntil(lambda: offered(page) != "")
    assert offered(page).startswith("In “Tickets” 2 rows were labeled by “Ann”. Is that you?")
    assert "one person" not in offered(page)
    click(qtbot, page, "settings.labeler_offer.take")
    qtbot.waitUntil(lambda: offered(page) == "The labels of 2 rows are yours under the new name.")
    assert labeled.people.labelers() == {"Ann <b>Lee</b>": 2, "Ben": 1}
    click(qtbot, page, "settings.labeler_offer.undo")
    qtbot.waitUntil(lambda: labeled.people.labelers() == {"Ann": 2, "Ben": 1})
    qtbot.waitUntil(lambda: offered(page).startswith("In “Tickets” 2 rows"))


def test_labels_stay_where_nobody_takes_them_along(
    page: SettingsPage, labeled: Project, hub: Hub, qtbot: QtBot
) -> None:
    rename(page, "Ben")
    qtbot.waitUntil(lambda: "“Ben” has labeled here, too: taken along, the two are one person." in offered(page))
    click(qtbot, page, "settings.labeler_offer.leave")
    assert offered(page) == ""
    assert labeled.people.labelers() == {"Ann": 2, "Ben": 1}
    rename(page, "Cid")
    qtbot.waitUntil(lambda: "1 row was labeled by “Ben”" in offered(page))
    rename(page, "Ben")
    qtbot.waitUntil(lambda: hub.background.idle)
    assert offered(page) == ""


def test_a_name_that_was_mended_twice_still_finds_the_labels(
    page: SettingsPage, labeled: Project, qtbot: QtBot
) -> None:
    rename(page, "Anne Le")
    qtbot.waitUntil(lambda: offered(page) != "")
    rename(page, "Anne Lee")
    qtbot.waitUntil(lambda: "2 rows were labeled by “Ann”" in offered(page))


def test_without_a_project_nothing_is_asked_until_one_is_opened(
    page: SettingsPage, hub: Hub, opened: Callable[..., Project], qtbot: QtBot
) -> None:
    rename(page, "Ann")
    qtbot.waitUntil(lambda: hub.background.idle)
    assert offered(page) == ""
    project = opened([("one", None), ("two", "x")], "Elsewhere")
    project.labels.set(1, 1)
    hub.project_opened.emit(project)
    qtbot.waitUntil(lambda: "In “Elsewhere” 1 row was labeled without a name. Was that you?" in offered(page))
