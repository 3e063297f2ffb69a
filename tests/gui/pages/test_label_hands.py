"""Fast hands on the Label page: one line of undoing, recent labels, other keys, the guideline, time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QTableView
from pytestqt.qtbot import QtBot

from desktop_llm import keymap
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.pages.label_clock import PAUSE_SECONDS, Clock
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.rows import Changes
from desktop_llm.store.project import Project
from desktop_llm.verbs import merging
from desktop_llm.widgets.choice_row import ChoiceRow
from tests.gui.pages.conftest import TASK, Rows
from tests.gui.pages.hands import CONTROL, ROWS, SHIFT, list_on, page_on_texts, project_on, until_idle, values_on
from tests.windows import LONG, find


@pytest.fixture
def table(qtbot: QtBot, page: LabelPage) -> QTableView:
    """The list, after its key."""
    qtbot.keyClick(page, Qt.Key.Key_F3)
    found = list_on(page)
    qtbot.waitUntil(found.isVisible)
    return found


@pytest.fixture
def page(qtbot: QtBot, hub: Hub, opened: Callable[[Rows], Project]) -> Iterator[LabelPage]:
    """The page on a project of seventy-two texts, two of them labeled."""
    with page_on_texts(qtbot, hub, opened) as made:
        yield made


def test_undo_goes_back_through_both_kinds_in_order(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClicks(page, "1")  # row 3
    qtbot.keyClick(page, Qt.Key.Key_F3)
    table = list_on(page)
    assert page.item is not None
    assert page.item.id == 4
    qtbot.keyClick(table, Qt.Key.Key_Down, SHIFT)
    qtbot.keyClicks(table, "2")  # rows 4 and 5
    qtbot.keyClick(page, Qt.Key.Key_F3)  # waits until that is on disk
    until_idle(qtbot, page)
    qtbot.waitUntil(lambda: not table.isVisible())
    qtbot.keyClicks(page, "1")  # row 6
    assert values_on(page, 3, 4, 5, 6) == [1, 2, 2, 1]
    seen = []
    for _ in range(3):
        qtbot.keyClick(page, Qt.Key.Key_Backspace)
        until_idle(qtbot, page)
        seen.append(values_on(page, 3, 4, 5, 6))
    assert seen == [[1, 2, 2, None], [1, None, None, None], [None] * 4]
    for _ in range(3):
        qtbot.keyClick(page, Qt.Key.Key_Y, CONTROL)
        until_idle(qtbot, page)
    assert values_on(page, 3, 4, 5, 6) == [1, 2, 2, 1]


def test_keys_pressed_while_an_operation_is_written_come_after_it(
    qtbot: QtBot, page: LabelPage, table: QTableView
) -> None:
    qtbot.keyClick(table, Qt.Key.Key_A, CONTROL)
    qtbot.keyClicks(table, "1")
    qtbot.keyClick(table, Qt.Key.Key_Z, CONTROL)
    qtbot.keyClick(table, Qt.Key.Key_Y, CONTROL)
    qtbot.keyClick(table, Qt.Key.Key_Z, CONTROL)
    qtbot.keyClicks(table, "2")
    until_idle(qtbot, page)
    qtbot.waitUntil(lambda: page.hub.background.idle and not page._listing.many.busy)
    assert project_on(page).operations.all()[-1].undone
    assert 2 in values_on(page, *range(3, 53))
    assert 1 not in values_on(page, *range(3, 53))


def test_the_last_label_is_repeated_and_recent_ones_have_keys(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClicks(page, "21")
    qtbot.keyClicks(page, ".")
    assert values_on(page, 3, 4, 5) == [2, 1, 1]
    qtbot.keyClick(page, Qt.Key.Key_F6)  # the one before
    assert values_on(page, 6) == [2]
    qtbot.keyClick(page, Qt.Key.Key_F8)  # nobody's
    assert values_on(page, 7) == [None]


def test_an_archived_label_is_neither_recent_nor_repeated(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClicks(page, "21")
    changes = project_on(page).classes.archive(1)
    page.on_changes(changes)
    qtbot.keyClicks(page, ".")
    qtbot.keyClick(page, Qt.Key.Key_F6)
    assert values_on(page, 5) == [None]
    qtbot.keyClick(page, Qt.Key.Key_F5)
    assert values_on(page, 5) == [2]
    project_on(page).classes.ensure([f"label {place}" for place in range(40)])
    page.on_changes(changes)
    until_idle(qtbot, page)
    rows = [one for one in page.findChildren(ChoiceRow) if one.objectName().startswith("label.recent.")]
    assert [one.told.name for one in rows if not one.isHidden()] == ["no"]


def test_a_label_that_was_merged_is_repeated_as_what_it_is_now(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClicks(page, "12")
    page.on_changes(merging.merge(project_on(page), TASK.labels, 2, 1).changes)
    qtbot.keyClicks(page, ".")
    assert values_on(page, 4, 5) == [1, 1]
    qtbot.keyClick(page, Qt.Key.Key_F5)
    qtbot.keyClick(page, Qt.Key.Key_F6)  # there is one label left, and so one key
    assert values_on(page, 6, 7) == [1, None]


@pytest.mark.parametrize("listed", [False, True])
def test_an_archived_label_is_not_accepted(qtbot: QtBot, page: LabelPage, listed: bool) -> None:
    project = project_on(page)
    run = project.runs.create(Recipe(), model_title="x", snapshot={}, schema={"classes": ["yes"], "class_ids": [1]})
    told = Prediction(label="yes", probability=0.9, uncertainty=0.1)
    project.predictions.write(run, [(number, told) for number in (3, 4)])
    project.classes.archive(1)
    page.on_changes(Changes(predictions=True, classes=True))
    if listed:
        qtbot.keyClick(page, Qt.Key.Key_F3)
        list_on(page).selectAll()
    with qtbot.waitSignal(page.hub.error_shown) as shown:
        qtbot.keyClick(page, Qt.Key.Key_Return)
    assert "“yes” is archived" in shown.args[0].message
    until_idle(qtbot, page)
    assert values_on(page, 3, 4) == [None, None]


def test_recent_labels_are_shown_where_not_all_fit(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClicks(page, "2")
    until_idle(qtbot, page)
    assert [
        one for one in page.findChildren(ChoiceRow) if one.objectName() == "label.recent.1" and one.isVisible()
    ] == []
    changes = project_on(page).classes.ensure([f"label {place}" for place in range(40)])
    assert len(changes) == 42
    page._load_classes()
    qtbot.waitUntil(lambda: any(one.objectName() == "label.recent.1" for one in page.findChildren(ChoiceRow)))
    row = next(one for one in page.findChildren(ChoiceRow) if one.objectName() == "label.recent.1")
    qtbot.waitUntil(row.isVisible)
    assert row.told.name == "no"
    found = page.findChild(QLineEdit, "label.filter")
    assert found is not None
    found.setText("label 3")
    assert not row.isVisible()
    found.clear()
    qtbot.waitUntil(row.isVisible)
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton)
    assert values_on(page, 4) == [2]


def test_a_label_is_taken_away(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClicks(page, "2")
    qtbot.keyClicks(page, "a")
    qtbot.keyClick(page, Qt.Key.Key_Delete)
    assert values_on(page, 3) == [None]
    assert page.item is not None
    assert page.item.id == 3
    qtbot.keyClick(page, Qt.Key.Key_Backspace)
    assert values_on(page, 3) == [2]


def test_advance_is_switched_from_the_page(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClick(page, Qt.Key.Key_F4)
    assert not page.hub.settings.advance_after_label
    qtbot.keyClicks(page, "2")
    assert page.item is not None
    assert (page.item.id, page.item.value) == (3, 2)
    qtbot.keyClick(page, Qt.Key.Key_F4)
    assert page.hub.settings.advance_after_label


def test_other_keys_work_at_once(qtbot: QtBot, page: LabelPage) -> None:
    page.hub.save_settings(key_preset="prodigy")
    qtbot.keyClicks(page, "x")
    row = project_on(page).items.get(3)
    assert row is not None
    assert row.skipped
    changes = page.hub.keys.with_keys("undo", ["U"])
    page.hub.save_settings(key_changes=keymap.to_setting(changes))
    qtbot.keyClicks(page, "u")
    row = project_on(page).items.get(3)
    assert row is not None
    assert not row.skipped
    qtbot.waitUntil(lambda: "U" in [one.text() for one in page.findChildren(QLabel) if one.isVisible()])


def test_a_label_whose_key_a_command_has_shows_none(qtbot: QtBot, page: LabelPage) -> None:
    project_on(page).classes.set_key(2, "x")
    page._load_classes()
    row = page.findChild(ChoiceRow, "label.choice.2")
    assert isinstance(row, ChoiceRow)
    assert row.told.key == "x"
    page.hub.save_settings(key_preset="prodigy")
    assert row.told.key == ""


def test_an_archived_label_is_shown_only_where_it_is_given(qtbot: QtBot, page: LabelPage) -> None:
    project_on(page).classes.archive(2)
    page._load_classes()
    row = page.findChild(ChoiceRow, "label.choice.2")
    assert isinstance(row, ChoiceRow)
    assert row.isHidden()
    page.opened(item=2)
    assert not row.isHidden()
    qtbot.keyClicks(page, "d")
    assert row.isHidden()


def test_the_guideline_opens_by_its_key_and_stays_for_the_next_start(qtbot: QtBot, page: LabelPage) -> None:
    project = project_on(page)
    project.guidelines.write("Say what they <b>want</b>.")
    project.guidelines.describe(1, "They agree.\n“Sure!”")
    qtbot.keyClicks(page, "g")
    texts = [one.text() for one in page._desk.guideline.findChildren(QLabel)]
    assert page._desk.guideline.isVisible()
    assert "Say what they <b>want</b>." in texts
    assert "They agree.\n“Sure!”" in texts
    row = page.findChild(ChoiceRow, "label.choice.1")
    assert isinstance(row, ChoiceRow)
    assert "They agree." in row.toolTip()
    assert page.state()["guideline"]
    other = LabelPage(page.hub)
    other.restore({**page.state(), "list": True})
    other.set_project(project)
    assert not other._desk.guideline.isHidden()
    assert other._desk.listing
    until_idle(qtbot, page)
    other.deleteLater()
    qtbot.keyClicks(page, "g")
    assert not page._desk.guideline.isVisible()


def test_another_project_begins_another_session(
    qtbot: QtBot, hub: Hub, page: LabelPage, opened: Callable[..., Project]
) -> None:
    hub.changed.connect(page.on_changes)
    shown = {name: find(page, QLabel, f"label.session.{name}") for name in ("speed", "time", "agreement")}
    project = project_on(page)
    run = project.runs.create(Recipe(), model_title="x", snapshot={}, schema={"classes": ["yes"], "class_ids": [1]})
    project.predictions.write(run, [(3, Prediction(label="yes", probability=0.9, uncertainty=0.1))])
    page.on_changes(Changes(predictions=True))
    qtbot.keyClicks(page, "111")
    assert [shown["agreement"].text(), shown["speed"].text().endswith("/ min")] == ["100 %", True]
    qtbot.waitUntil(lambda: shown["time"].text() != "0:00", timeout=LONG)
    opened(ROWS, "Other")
    assert [one.text() for one in shown.values()] == ["–", "0:00", "–"]
    qtbot.keyClicks(page, "1")
    assert shown["speed"].text() == "–"


def test_time_counts_work_and_no_pauses() -> None:
    now = 100.0
    clock = Clock(lambda: now)
    assert clock.total == 0
    clock.show_row()
    now += 4
    assert (clock.total, clock.row) == (4, 4)
    clock.count(1)
    assert clock.speed() is None
    clock.show_row()
    now += PAUSE_SECONDS + 1
    assert (clock.total, clock.row) == (4, 0)  # away
    clock.touch()
    now += 6
    clock.count(1)
    assert (clock.total, clock.row) == (10, 6)
    assert clock.speed() == pytest.approx(10)  # the second label took six seconds of work
    clock.rest()
    now += 5
    assert clock.total == 10
