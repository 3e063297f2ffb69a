"""The tab People: who labels, the share that two people label, what waits, and figures that can be sorted."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QSpinBox, QTableView
from pytestqt.qtbot import QtBot

from desktop_llm.errors import Cancelled
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.pages.data_people import PeopleTab
from desktop_llm.rows import Changes
from desktop_llm.store import people
from desktop_llm.store.project import Project
from desktop_llm.verbs import agreeing
from tests.gui.pages.test_data import HOSTILE, page
from tests.windows import click, find

__all__ = ["page"]
ROWS = 40
YES, NO = 1, 2


@pytest.fixture
def project(page: DataPage, opened: Callable[..., Project], hub: Hub) -> Project:
    """Ann has labeled all rows and Ben ten of them, blind, two otherwise than she; he also changed one of hers."""
    hub.save_settings(labeler="Ben")
    made = opened([(f"{HOSTILE} {place}", None) for place in range(ROWS)])
    made.classes.ensure(["yes", "no"])
    for item in range(1, ROWS + 1):
        made.labels.set(item, (YES, NO)[item % 2], "Ann", "suggestion" if item > 30 else "person", seconds=2.0)
    for item in range(1, 11):
        made.labels.answer(item, (YES, NO)[item % 2] if item > 2 else (NO, YES)[item % 2], "Ben", seconds=4.0)
    made.labels.set(40, NO, "Ben", seconds=6.0)
    return made


@pytest.fixture
def tab(page: DataPage, project: Project, qtbot: QtBot) -> PeopleTab:
    """The tab with its figures."""
    return show(page, qtbot)


def show(page: DataPage, qtbot: QtBot) -> PeopleTab:
    """Show the tab and wait until all is there."""
    qtbot.waitUntil(page.tab_bar.isVisible)
    page.show_tab("people")
    made = page.tab("people")
    assert isinstance(made, PeopleTab)
    qtbot.waitUntil(lambda: page.hub.background.idle)
    return made


def cells(tab: PeopleTab, name: str) -> list[list[str]]:
    """A table as it is shown now."""
    model = find(tab, QTableView, f"people.{name}").model()
    return [
        [str(model.index(row, column).data()) for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def words(tab: PeopleTab, name: str) -> str:
    """What a label says."""
    return find(tab, QLabel, f"people.{name}").text()


def test_figures_are_those_of_the_verb(tab: PeopleTab, project: Project) -> None:
    told = agreeing.report(project)
    assert tab.figures.tiles["percent"].value() == "80 %"
    assert tab.figures.tiles["fleiss"].value() == f"{told.overall.fleiss:.2f}"
    assert tab.figures.tiles["alpha"].value() == f"{told.overall.alpha:.2f}"
    assert tab.figures.tiles["rows"].value() == "10"
    assert cells(tab, "labelers") == [
        ["Ann", "40", "2.0", "80 %", "2 %", "25 %"],
        ["Ben", "11", "4.0", "80 %", "0 %", "0 %"],
    ]
    assert [one[:3] for one in cells(tab, "labels")] == [["yes", "25", "6"], ["no", "26", "6"]]
    assert cells(tab, "pairs") == [["Ann", "Ben", "10", f"{told.overall.cohen['Ann', 'Ben'][0]:.2f}"]]
    assert words(tab, "meaning").startswith("10 rows say little")
    assert words(tab, "who") == "Labels so far: Ann (40), Ben (11)"


def test_a_click_on_a_title_sorts_by_figures_and_missing_ones_come_last(
    tab: PeopleTab, project: Project, hub: Hub, qtbot: QtBot
) -> None:
    project.labels.set(5, YES, "Carl")
    click(qtbot, tab, "people.count")
    qtbot.waitUntil(lambda: len(cells(tab, "labelers")) == 3)
    view = find(tab, QTableView, "people.labelers")
    names = {}
    for column, order in ((1, Qt.SortOrder.AscendingOrder), (2, Qt.SortOrder.DescendingOrder)):
        view.sortByColumn(column, order)
        names[column] = [one[0] for one in cells(tab, "labelers")]
    assert names == {1: ["Carl", "Ben", "Ann"], 2: ["Ben", "Ann", "Carl"]}
    view.sortByColumn(2, Qt.SortOrder.AscendingOrder)
    assert [one[0] for one in cells(tab, "labelers")] == ["Ann", "Ben", "Carl"]
    click(qtbot, tab, "people.count")
    qtbot.waitUntil(lambda: hub.background.idle)
    assert [one[0] for one in cells(tab, "labelers")] == ["Ann", "Ben", "Carl"]


def test_figures_of_before_say_so_until_they_are_counted_again(
    tab: PeopleTab, project: Project, hub: Hub, qtbot: QtBot
) -> None:
    def stale() -> bool:
        return any("count again" in one.text() for one in tab.figures.findChildren(QLabel))

    assert not stale()
    hub.changed.emit(project.labels.answer(11, YES, "Ben"))
    assert stale()
    assert tab.figures.tiles["rows"].value() == "10"
    click(qtbot, tab, "people.count")
    qtbot.waitUntil(lambda: tab.figures.tiles["rows"].value() == "11")
    assert not stale()


def test_the_share_is_set_behind_the_window_and_says_what_it_means(
    tab: PeopleTab, project: Project, hub: Hub, qtbot: QtBot
) -> None:
    assert "nothing can be said" in words(tab, "share.meaning")
    assert not find(tab, QPushButton, "people.label").isEnabled()
    find(tab, QSpinBox, "people.share").setValue(50)
    assert "About 20 of 40 rows" in words(tab, "share.meaning")
    qtbot.waitUntil(lambda: project.people.share == 0.5 and hub.background.idle)
    waiting = project.people.waiting("Ben")
    assert 0 < waiting < 30
    qtbot.waitUntil(lambda: words(tab, "waiting") == f"{waiting} rows wait for your second label.")
    with qtbot.waitSignal(hub.page_asked) as asked:
        click(qtbot, tab, "people.label")
    assert asked.args == ["label", {"show": "second"}]
    assert not any("count again" in one.text() for one in tab.figures.findChildren(QLabel))


def test_disputed_rows_lead_to_label(tab: PeopleTab, hub: Hub, qtbot: QtBot) -> None:
    assert words(tab, "disputed") == "2 rows have labels that differ."
    with qtbot.waitSignal(hub.page_asked) as asked:
        click(qtbot, tab, "people.decide")
    assert asked.args == ["label", {"show": "disputed"}]


def test_a_share_that_was_stopped_goes_on_when_the_tab_is_opened_again(
    tab: PeopleTab, project: Project, page: DataPage, hub: Hub, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "AT_ONCE", 1)
    with project._connections.bulk_turn(lambda: False):  # an import is under way: the share has to wait
        tab.set_share(1.0)
        click(qtbot, tab, "people.sharing.cancel")
        qtbot.waitUntil(lambda: "not all rows" in words(tab, "sharing.words"))
    with pytest.raises(Cancelled):
        project.people.set_share(1.0, should_stop=lambda: True)
    assert project.people.waiting("Ben") == 0
    page.show_tab("rows")
    page.show_tab("people")
    qtbot.waitUntil(lambda: not project.people.unfinished and hub.background.idle)
    assert project.people.waiting("Ben") == 29
    assert words(tab, "sharing.words") == ""


def test_counting_can_be_stopped(
    page: DataPage, project: Project, hub: Hub, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, real = threading.Event(), agreeing.report

    def slow(project: Project, **how: Callable[[], bool]) -> agreeing.Report:
        begun.set()
        while not how["should_stop"]():
            threading.Event().wait(0.01)
        raise Cancelled

    monkeypatch.setattr(agreeing, "report", slow)
    qtbot.waitUntil(page.tab_bar.isVisible)
    page.show_tab("people")
    tab = page.tab("people")
    assert isinstance(tab, PeopleTab)
    qtbot.waitUntil(begun.is_set)
    assert not find(tab, QPushButton, "people.count").isEnabled()
    click(qtbot, tab, "people.counting.cancel")
    qtbot.waitUntil(lambda: words(tab, "counting.words").startswith("Stopped"))
    monkeypatch.setattr(agreeing, "report", real)
    click(qtbot, tab, "people.count")
    qtbot.waitUntil(lambda: tab.figures.tiles["rows"].value() == "10")


def test_ones_name_is_kept_and_what_waits_follows_it(tab: PeopleTab, project: Project, hub: Hub, qtbot: QtBot) -> None:
    hub.changed.emit(project.people.set_share(1.0))
    qtbot.waitUntil(lambda: words(tab, "waiting").startswith("29 rows"))
    name = find(tab, QLineEdit, "people.name")
    warning = find(tab, QLabel, "people.no_name")
    assert warning.isHidden()
    name.setFocus()
    name.selectAll()
    QTest.keyClicks(name, " Ann ")
    QTest.keyClick(name, Qt.Key.Key_Return)
    assert hub.settings.labeler == "Ann"
    qtbot.waitUntil(lambda: words(tab, "waiting").startswith("0 rows"))
    name.clear()
    QTest.keyClick(name, Qt.Key.Key_Return)
    assert hub.settings.labeler == ""
    assert not warning.isHidden()
    hub.save_settings(labeler="Carl")
    assert name.text() == "Carl"


def test_another_project_has_other_people(
    tab: PeopleTab, page: DataPage, opened: Callable[..., Project], hub: Hub, qtbot: QtBot
) -> None:
    opened([("first", None)], "Other")
    qtbot.waitUntil(lambda: words(tab, "who") == "Nobody has labeled here yet." and hub.background.idle)
    assert cells(tab, "labelers") == []
    assert tab.figures.tiles["percent"].value() == "–"
    assert words(tab, "meaning").startswith("No row was labeled by two people")


def test_data_is_plain_text_and_a_reader_changes_nothing(
    tab: PeopleTab, project: Project, hub: Hub, qtbot: QtBot
) -> None:
    project.labels.set(1, YES, HOSTILE)
    hub.changed.emit(Changes(labels=True))
    qtbot.waitUntil(lambda: HOSTILE in words(tab, "who"))
    assert {one.textFormat() for one in tab.findChildren(QLabel) if one.text()} == {Qt.TextFormat.PlainText}
    other = Project.open(project.path)
    assert other.read_only
    hub.project = other
    tab.reload()
    qtbot.waitUntil(lambda: not find(tab, QSpinBox, "people.share").isEnabled())
    assert not find(tab, QPushButton, "people.take").isEnabled()
    assert find(tab, QPushButton, "people.send").isEnabled()
    qtbot.waitUntil(lambda: hub.background.idle)
    hub.project = project
    other.close()


def test_every_control_has_a_name_and_is_reached_by_tab(tab: PeopleTab, qtbot: QtBot) -> None:
    tab.activateWindow()
    controls = [
        one
        for kind in (QPushButton, QLineEdit, QSpinBox, QTableView)
        for one in tab.findChildren(kind)
        if one.isVisible() and one.isEnabled() and one.objectName() != "qt_spinbox_lineedit"
    ]
    assert all(one.objectName().startswith("people.") and one.accessibleName() for one in controls)
    find(tab, QLineEdit, "people.name").setFocus()
    seen = set()
    for _ in range(3 * len(controls)):
        focused = tab.focusWidget()
        assert focused is not None
        seen.add(focused.objectName())
        QTest.keyClick(focused, Qt.Key.Key_Tab)
    assert {one.objectName() for one in controls} <= seen


def test_in_a_narrow_window_the_tiles_stand_two_by_two(tab: PeopleTab, page: DataPage, qtbot: QtBot) -> None:
    tiles = [tab.figures.tiles[name] for name in ("percent", "fleiss", "alpha", "rows")]
    assert len({one.y() for one in tiles}) == 1
    page.resize(760, 460)
    qtbot.waitUntil(lambda: len({one.y() for one in tiles}) == 2)
    assert tiles[0].x() == tiles[2].x()
