"""Originals of masked texts: kept until a person, told what goes and what stays, lets them go."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.pages.data_history import HistoryTab
from desktop_llm.gui.pages.data_personal import PersonalTab
from desktop_llm.rows import Changes, Filter
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import bulk, forgetting, personal, training
from desktop_llm.verbs.bulk import Rows
from tests.gui.pages.test_data import page
from tests.windows import click, find

__all__ = ["page"]
ROWS = [(f"text {place} of jane.doe@mailbox.com", ("a", "b")[place % 2]) for place in range(12)]
KEPT = "History keeps the originals of 12 rows, so that masking can be undone."


@pytest.fixture
def project(page: DataPage, opened: Callable[..., Project]) -> Project:
    """Twelve rows with an address each; a run has learned from them, and then they were masked."""
    made = opened(ROWS)
    training.prepare(made, TASKS["text_classification"].recipe)
    personal.treat(made, {"email": "mask"})
    return made


@pytest.fixture
def tab(page: DataPage, project: Project, qtbot: QtBot) -> PersonalTab:
    """The tab, once it knows what is kept."""
    qtbot.waitUntil(page.tab_bar.isVisible)
    page.show_tab("personal")
    made = page.tab("personal")
    assert isinstance(made, PersonalTab)
    qtbot.waitUntil(lambda: words(made) == KEPT)
    return made


def words(tab: PersonalTab) -> str:
    """What the card says."""
    return find(tab, QLabel, "personal.originals.words").text()


def test_they_go_when_it_was_asked_and_told_what_stays(
    tab: PersonalTab, page: DataPage, project: Project, qtbot: QtBot
) -> None:
    click(qtbot, tab, "personal.originals.ask")
    forget = find(tab, QPushButton, "personal.originals.forget")
    qtbot.waitUntil(forget.isVisible)
    assert words(tab).startswith("The originals of 12 rows go for ever")
    assert "Run 1 learned from personal data that nobody has reviewed, and keeps it." in words(tab)
    assert project.forgetting.waiting(personal.OPERATION) == (1, 12)
    click(qtbot, tab, "personal.originals.forget")
    qtbot.waitUntil(lambda: words(tab).startswith("History keeps none."))
    assert project.forgetting.waiting(personal.OPERATION) == (0, 0)
    page.show_tab("history")
    history = page.tab("history")
    assert isinstance(history, HistoryTab)
    turn = find(history, QPushButton, "data.history.turn")
    qtbot.waitUntil(lambda: history.table.model().rowCount() == 1)
    assert history.table.model().index(0, 3).data() == "final"
    assert not turn.isEnabled()
    assert "forgotten" in turn.toolTip()


def test_where_history_keeps_none_runs_and_bin_are_told(
    tab: PersonalTab, page: DataPage, project: Project, qtbot: QtBot
) -> None:
    forgetting.forget(project)
    bulk.delete(project, Rows(told=Filter(), ranges=((0, 1),), places=project.items.places(Filter())))
    page.hub.changed.emit(Changes(items=True))
    qtbot.waitUntil(lambda: words(tab).startswith("History keeps none."))
    assert "Runs keep the rows that they learned from as they were then." in words(tab)
    assert "The bin keeps its 2 rows as they were" in words(tab)
    ask = find(tab, QPushButton, "personal.originals.ask")
    assert ask.text() == "Look in the runs"
    click(qtbot, tab, "personal.originals.ask")
    told = "Run 1 learned from personal data that nobody has reviewed, and keeps it."
    qtbot.waitUntil(lambda: told in words(tab))
    assert not find(tab, QPushButton, "personal.originals.forget").isVisible()
    assert not ask.isVisible()


def test_they_stay_when_the_person_thinks_better_of_it(tab: PersonalTab, project: Project, qtbot: QtBot) -> None:
    click(qtbot, tab, "personal.originals.ask")
    keep = find(tab, QPushButton, "personal.originals.cancel")
    qtbot.waitUntil(lambda: keep.isVisible() and keep.text() == "Keep them")
    tab.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is keep)
    click(qtbot, tab, "personal.originals.cancel")
    assert words(tab) == KEPT
    assert project.forgetting.waiting(personal.OPERATION) == (1, 12)


def test_finds_of_further_columns_say_so(tab: PersonalTab, project: Project, qtbot: QtBot) -> None:
    from desktop_llm.rows import Edit

    project.operations.apply("by hand", "by hand", [Edit(item=3, extra={"<b>from": "shop@mailbox.com"})])
    click(qtbot, tab, "personal.look")
    qtbot.waitUntil(lambda: "Row 3 · <b>from" in tab.finds.toPlainText())
    assert find(tab, QLabel, "personal.columns").text() == "1 in <b>from"
