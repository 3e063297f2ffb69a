"""The tab Personal: finds are shown, decided on, masked, undone; the rule for exports is kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.data.personal.find import KINDS
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.pages.data_personal import PersonalTab
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from desktop_llm.verbs import personal
from desktop_llm.verbs.personal import Found
from tests.gui.pages.test_data import page
from tests.windows import find

__all__ = ["page"]
ROWS = [("Write to <b>jane.doe@mailbox.com</b>", None), ("or 13812345678", "a"), ("nothing", None)]


@pytest.fixture
def project(page: DataPage, opened: Callable[..., Project]) -> Project:
    """Three texts, two with personal data."""
    return opened(ROWS)


@pytest.fixture
def tab(page: DataPage, project: Project, qtbot: QtBot) -> PersonalTab:
    """The tab, after looking."""
    qtbot.waitUntil(page.tab_bar.isVisible)
    page.show_tab("personal")
    made = page.tab("personal")
    assert isinstance(made, PersonalTab)
    assert count(made, "email") == ""
    press(made, "personal.look")
    qtbot.waitUntil(lambda: count(made, "email") == "1 to review")
    qtbot.waitUntil(lambda: made.findChild(QPushButton, "personal.look").isVisible())  # type: ignore[union-attr]
    return made


def press(tab: PersonalTab, name: str) -> None:
    """Click a button."""
    found = tab.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    assert found.isEnabled()
    assert found.isVisible()
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)


def count(tab: PersonalTab, kind: str) -> str:
    """What is said of a kind."""
    told = [find(tab, QLabel, f"personal.{what}.{kind}").accessibleName() for what in ("count", "kept")]
    return ", ".join(filter(None, told))


def choose(tab: PersonalTab, kind: str, way: str) -> None:
    """Decide on a kind."""
    box = tab.findChild(QComboBox, f"personal.way.{kind}")
    assert isinstance(box, QComboBox)
    assert box.isEnabled()
    box.setCurrentIndex(box.findData(way))


def texts(project: Project) -> list[str]:
    """All texts."""
    return [item.content["text"] for item in project.items.page(Filter(), 0, 100)]


def test_finds_are_shown_in_their_texts_as_they_are(tab: PersonalTab) -> None:
    assert "Write to <b>jane.doe@mailbox.com</b>" in tab.finds.toPlainText()
    press(tab, "personal.kind.phone")
    assert tab.finds.toPlainText() == "Row 2\nor 13812345678"


def test_each_kind_is_decided_applied_and_undone(tab: PersonalTab, project: Project, qtbot: QtBot) -> None:
    choose(tab, "email", "mask")
    choose(tab, "phone", "keep")
    press(tab, "personal.apply")
    qtbot.waitUntil(lambda: count(tab, "phone") == "0 to review, 1 may stay")
    assert count(tab, "email") == "0 to review"
    assert texts(project) == ["Write to <b>[EMAIL]</b>", "or 13812345678", "nothing"]
    qtbot.waitUntil(lambda: tab.findChild(QPushButton, "personal.undo").isVisible())  # type: ignore[union-attr]
    press(tab, "personal.undo")
    qtbot.waitUntil(lambda: count(tab, "email") == "1 to review")
    assert texts(project) == [text for text, _ in ROWS]
    assert count(tab, "phone") == "1 to review"  # what was let stay in the same go is undone with it


def test_all_of_a_kind_may_stay_and_that_is_undone(
    tab: PersonalTab, page: DataPage, project: Project, hub: Hub, qtbot: QtBot
) -> None:
    hub.save_settings(labeler="Ada")
    press(tab, "personal.kind.phone")
    press(tab, "personal.stay")
    qtbot.waitUntil(lambda: count(tab, "phone") == "0 to review, 1 may stay")
    qtbot.waitUntil(lambda: find(tab, QPushButton, "personal.undo").isVisible())
    assert find(tab, QLabel, "personal.words").text() == "What was chosen may stay."
    done = project.operations.all()
    assert [(one.title, one.count, one.labeler) for one in done] == [
        ("Personal data: telephone numbers may stay", 1, "Ada")
    ]
    press(tab, "personal.undo")
    qtbot.waitUntil(lambda: count(tab, "phone") == "1 to review")
    page.show_tab("history")
    history = page.tab("history")
    turn = find(history, QPushButton, "data.history.turn")
    qtbot.waitUntil(lambda: turn.isEnabled() and turn.text() == "Do again")
    turn.click()
    qtbot.waitUntil(lambda: [one.undone for one in project.operations.all()] == [False])
    qtbot.waitUntil(lambda: turn.isEnabled())
    assert personal.scan(project).kept == {"phone": 1}


def test_the_rule_for_exports_is_kept(tab: PersonalTab, project: Project, qtbot: QtBot) -> None:
    assert not personal.refuses(project)
    tab.rule.click()
    qtbot.waitUntil(lambda: personal.refuses(project))


def fits(label: QLabel) -> bool:
    """Whether its text is to be read in full."""
    return label.width() >= label.sizeHint().width()


def test_large_numbers_are_whole_in_a_small_window(tab: PersonalTab, qtbot: QtBot) -> None:
    many = dict.fromkeys(KINDS, 1_234_567)
    tab._on_found(Found(rows=2_000_000, open=many, kept=many, columns={}, examples={}))
    for kind in KINDS:
        for what in ("count", "kept"):
            number = find(tab, QLabel, f"personal.{what}.{kind}")
            qtbot.waitUntil(partial(fits, number))
            assert number.text() == "1,234,567"
        name = find(tab, QPushButton, f"personal.kind.{kind}")
        assert name.width() >= name.sizeHint().width()
