"""The tab Splits: a rule is shown by what it gives, done, undone, and kept for runs to come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QProgressBar, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.pages.data_splits import SplitsTab
from desktop_llm.rows import Edit, Filter
from desktop_llm.store.project import Project
from desktop_llm.verbs import splitting
from tests.gui.pages.test_data import page
from tests.windows import find

__all__ = ["page"]


@pytest.fixture
def project(page: DataPage, opened: Callable[..., Project]) -> Project:
    """Forty rows of two labels."""
    return opened([(f"text {place}", ("one", "two")[place % 2]) for place in range(40)])


@pytest.fixture
def tab(page: DataPage, project: Project, qtbot: QtBot) -> SplitsTab:
    """The tab with the counts of the usual rule."""
    qtbot.waitUntil(page.tab_bar.isVisible)
    page.show_tab("splits")
    made = page.tab("splits")
    assert isinstance(made, SplitsTab)
    qtbot.waitUntil(lambda: last_row(made) == ["All", "32", "4", "4", "40"])
    return made


def last_row(tab: SplitsTab) -> list[str]:
    """The totals."""
    model = tab.table.model()
    return [str(model.index(model.rowCount() - 1, column).data()) for column in range(model.columnCount())] or ["none"]


def press(tab: SplitsTab, name: str) -> None:
    """Click a button."""
    found = tab.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    assert found.isVisible()
    assert found.isEnabled()
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)


def test_other_shares_are_shown_then_done_kept_and_undone(tab: SplitsTab, project: Project, qtbot: QtBot) -> None:
    tab.validation.setValue(25)
    tab.test.setValue(0)
    qtbot.waitUntil(lambda: last_row(tab) == ["All", "30", "10", "0", "40"])
    assert project.items.count(Filter(split="validation")) == 0
    press(tab, "splits.apply")
    qtbot.waitUntil(lambda: tab.words.text() == "40 rows have another split now.")
    assert project.items.count(Filter(split="validation")) == 10
    assert splitting.rule(project).validation == 0.25
    press(tab, "splits.undo")
    qtbot.waitUntil(lambda: tab.words.text() == "40 rows are as before.")
    assert project.items.counts().by_split == {}


def test_a_rule_without_its_column_says_what_is_missing(tab: SplitsTab, qtbot: QtBot) -> None:
    tab.method.setCurrentIndex(tab.method.findData("group"))
    qtbot.waitUntil(lambda: "needs the column" in tab.words.text())
    assert not tab.go.isEnabled()
    tab.method.setCurrentIndex(tab.method.findData("random"))
    qtbot.waitUntil(lambda: last_row(tab)[-1] == "40")
    assert tab.go.isEnabled()


@contextmanager
def at_work(project: Project) -> Iterator[None]:
    """Another operation is under way, and whoever wants to change many rows waits for it."""
    begun, end = threading.Event(), threading.Event()

    def edits() -> Iterator[Edit]:
        begun.set()
        end.wait()
        yield from ()

    thread = threading.Thread(target=lambda: project.operations.apply("by hand", "by hand", edits()))
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_dealing_out_shows_how_far_it_is_and_can_be_stopped(tab: SplitsTab, project: Project, qtbot: QtBot) -> None:
    bar, cancel = find(tab, QProgressBar, "splits.progress"), find(tab, QPushButton, "splits.cancel")
    assert not bar.isVisible()
    assert not cancel.isVisible()
    tab.validation.setValue(25)
    qtbot.waitUntil(lambda: last_row(tab)[2] == "10")
    with at_work(project):
        press(tab, "splits.apply")
        assert bar.isVisible()
        assert not tab.go.isEnabled()
        press(tab, "splits.cancel")
        qtbot.waitUntil(lambda: not bar.isVisible())
    assert tab.words.text() == "Stopped; nothing was changed."
    assert project.items.counts().by_split == {}
    assert splitting.rule(project).validation == 0.1
    press(tab, "splits.apply")
    qtbot.waitUntil(lambda: tab.words.text() == "40 rows have another split now.")
    assert bar.value() == bar.maximum()
    assert not cancel.isVisible()
