"""The tab Profile: counts are those of the rows, and a bar opens its rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot

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
