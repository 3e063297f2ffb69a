"""The Settings page: what is set there is kept at once, and what is set elsewhere is shown there."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm import __version__, settings
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.settings import SettingsPage


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
    names = {one.objectName() for kind in (QComboBox, QLineEdit, QCheckBox) for one in page.findChildren(kind)}
    assert {f"settings.{name}" for name in shown} <= names


def test_versions_can_be_copied_for_a_report(page: SettingsPage) -> None:
    copy = page.findChild(QPushButton, "settings.copy_versions")
    assert isinstance(copy, QPushButton)
    copy.click()
    assert f"desktop_llm {__version__}" in QGuiApplication.clipboard().text()
