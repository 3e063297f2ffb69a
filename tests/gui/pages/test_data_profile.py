"""The tab Profile: counts are those of the rows, and a bar opens its rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages import data_profile
from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.pages.data_profile import ProfileTab
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from desktop_llm.widgets.card import Tile
from tests.gui.pages.test_data import page, wait_for

__all__ = ["page"]
ROWS = [("a", "x"), ("bb", "x"), ("cc", None), ("ddd", "y"), ("DDD", "y")]


@pytest.fixture
def tab(page: DataPage, opened: Callable[..., Project], qtbot: QtBot) -> ProfileTab:
    """The tab with the rows counted."""
    opened(ROWS)
    qtbot.waitUntil(page.tab_bar.isVisible)
    page.show_tab("profile")
    made = page.tab("profile")
    assert isinstance(made, ProfileTab)
    qtbot.waitUntil(lambda: made.labels.accessibleName() == "x 2, y 2, no label 1", timeout=20_000)
    return made


def test_figures_are_those_of_the_rows(tab: ProfileTab) -> None:
    tile = tab.findChild(Tile, "profile.tile.repeats")
    assert isinstance(tile, Tile)
    assert tile.value() == "1"
    assert tab.lengths.accessibleName() == "1 1, 2 2, 3 2"


def test_a_bar_opens_its_rows(tab: ProfileTab, page: DataPage, qtbot: QtBot) -> None:
    tab.lengths.clicked.emit(1)
    wait_for(qtbot, page, ["bb", "cc"])
    assert page.overview.rows.told() == Filter(min_length=2, max_length=2)
    page.show_tab("profile")
    tab.labels.clicked.emit(2)
    wait_for(qtbot, page, ["cc"])
    page.show_tab("profile")
    tab.labels.clicked.emit(1)
    wait_for(qtbot, page, ["ddd", "DDD"])


def test_bars_that_no_filter_can_tell_open_their_rows_too(tab: ProfileTab, page: DataPage, qtbot: QtBot) -> None:
    repeats = tab.findChild(QPushButton, "profile.repeats")
    assert isinstance(repeats, QPushButton)
    repeats.click()
    wait_for(qtbot, page, ["ddd", "DDD"])
    chip = page.overview.rows.findChild(QPushButton, "data.narrowed")
    assert isinstance(chip, QPushButton)
    assert chip.isVisibleTo(page.overview.rows)
    chip.click()
    wait_for(qtbot, page, [text for text, _ in ROWS])
    assert not chip.isVisibleTo(page.overview.rows)
    page.show_tab("profile")
    tab.words.clicked.emit(0)
    wait_for(qtbot, page, [text for text, _ in ROWS])
    page.show_tab("profile")
    tab.languages.clicked.emit(0)
    qtbot.waitUntil(chip.isVisible)
    assert not tab.tokens.isVisibleTo(tab)  # no run has a tokenizer yet


def test_nothing_is_to_be_counted_once_the_rows_are(
    page: DataPage, opened: Callable[..., Project], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_profile, "BY_ITSELF", 0)
    opened(ROWS)
    qtbot.waitUntil(page.tab_bar.isVisible)
    page.show_tab("profile")
    tab, count = page.tab("profile"), page.findChild(QPushButton, "profile.count")
    words = page.findChild(QLabel, "profile.words_left")
    assert isinstance(tab, ProfileTab)
    assert isinstance(count, QPushButton)
    assert isinstance(words, QLabel)
    qtbot.waitUntil(lambda: words.text() == "5 rows to be counted.")
    tab.reload()
    count.click()  # before the number of rows is known again
    qtbot.waitUntil(lambda: tab.labels.accessibleName() == "x 2, y 2, no label 1", timeout=20_000)
    assert words.text() == ""
