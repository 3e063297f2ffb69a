"""The tab Clean: steps are shown on real rows, applied, undone; what is chosen is remembered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QSpinBox
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.pages.data_clean import CleanTab
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from tests.gui.pages.test_data import page

__all__ = ["page"]
ROWS = [("<b>bold</b>  text", "One"), ("fine", "one"), ("good one", "one"), ("tiny\u200b", None)]


@pytest.fixture
def project(page: DataPage, opened: Callable[..., Project]) -> Project:
    """Rows of which most need cleaning."""
    return opened([*ROWS, ("FINE", "one")])


@pytest.fixture
def tab(page: DataPage, project: Project, qtbot: QtBot) -> CleanTab:
    """The tab with its first preview."""
    qtbot.waitUntil(page.tab_bar.isVisible)
    page.show_tab("clean")
    made = page.tab("clean")
    assert isinstance(made, CleanTab)
    qtbot.waitUntil(lambda: "Row 1" in made.preview.toPlainText())
    return made


def press(tab: CleanTab, name: str) -> None:
    """Click a button."""
    found = tab.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    assert found.isEnabled()
    assert found.isVisible()
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)


def words(tab: CleanTab) -> str:
    """What the line says."""
    found = tab.findChild(QLabel, "clean.words")
    assert isinstance(found, QLabel)
    return found.text()


def check(tab: CleanTab, name: str, *, on: bool) -> None:
    """Choose a step or not."""
    found = tab.findChild(QCheckBox, f"clean.step.{name}")
    assert isinstance(found, QCheckBox)
    found.setChecked(on)


def texts(project: Project) -> list[str]:
    """All texts."""
    return [item.content["text"] for item in project.items.page(Filter(), 0, 100)]


def test_markup_is_shown_as_it_is_and_never_obeyed(tab: CleanTab) -> None:
    shown = tab.preview.toPlainText()
    assert "<b>" in shown
    assert "⟨200B⟩" in shown


def test_steps_are_applied_to_all_rows_and_undone(tab: CleanTab, project: Project, qtbot: QtBot) -> None:
    before = texts(project)
    press(tab, "clean.apply")
    qtbot.waitUntil(lambda: words(tab) == "3 rows changed.", timeout=20_000)
    assert texts(project) == ["bold text", "fine", "good one", "tiny"]
    qtbot.waitUntil(lambda: tab.go.isEnabled())
    press(tab, "clean.undo")
    qtbot.waitUntil(lambda: words(tab) == "3 rows are as before.", timeout=20_000)
    assert texts(project) == before


def test_other_settings_show_other_rows(tab: CleanTab, qtbot: QtBot) -> None:
    for name in ("html", "invisible", "whitespace", "exact_duplicates", "unicode", "control", "mojibake", "empty"):
        check(tab, name, on=False)
    check(tab, "length", on=True)
    least = tab.findChild(QSpinBox, "clean.length.least_characters")
    assert isinstance(least, QSpinBox)
    least.setValue(5)
    qtbot.waitUntil(lambda: "fewer than 5" in tab.preview.toPlainText())
    assert tab.state()["steps"]["length"]["least_characters"] == 5
    told = tab.state()
    tab.restore({"steps": {}})
    assert tab.steps.steps() == []
    tab.restore(told)
    assert tab.state() == told


def test_spellings_of_labels_are_merged(tab: CleanTab, project: Project, qtbot: QtBot) -> None:
    press(tab, "clean.variants")
    qtbot.waitUntil(lambda: words(tab) == "1 row changed.")
    assert {one.name: one.count for one in project.classes.all()} == {"One": 0, "one": 4}
    qtbot.waitUntil(lambda: tab.go.isEnabled())
    press(tab, "clean.leaks")
    qtbot.waitUntil(lambda: words(tab).startswith("Nothing was found"))
