"""Fast hands on the Label page: the list, one line of undoing, recent labels, other keys, the guideline, time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QProgressBar, QPushButton, QTableView
from pytestqt.qtbot import QtBot

from desktop_llm import keymap
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.pages.label_clock import PAUSE_SECONDS, Clock
from desktop_llm.gui.pages.label_list import PAGE
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.rows import Changes, Filter
from desktop_llm.store.project import Project
from desktop_llm.verbs import merging
from desktop_llm.widgets.choice_row import ChoiceRow
from tests.gui.pages.conftest import TASK, Rows
from tests.windows import LONG, click, find

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
WAITING = 70
ROWS: Rows = [("first", "yes"), ("second", "no"), *((f"text {place}", None) for place in range(WAITING))]


@pytest.fixture
def page(qtbot: QtBot, hub: Hub, opened: Callable[[Rows], Project]) -> Iterator[LabelPage]:
    """The page on a project of seventy-two texts, two of them labeled."""
    made = LabelPage(hub)
    made.resize(1100, 700)
    made.show()
    hub.project_opened.connect(made.set_project)
    opened(ROWS)
    qtbot.waitUntil(lambda: made.item is not None and hub.background.idle)
    yield made
    qtbot.waitUntil(lambda: hub.background.idle)
    made.close()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _project(page: LabelPage) -> Project:
    assert page.hub.project is not None
    return page.hub.project


def _values(page: LabelPage, *items: int) -> list[object]:
    return [row.value for row in _project(page).items.get_many(items)]


def _table(page: LabelPage) -> QTableView:
    found = page.findChild(QTableView, "label.list")
    assert isinstance(found, QTableView)
    return found


def _selected(page: LabelPage) -> list[int]:
    return sorted(index.row() for index in _table(page).selectionModel().selectedRows())


def _idle(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.waitUntil(lambda: page.hub.background.idle)


@pytest.fixture
def table(qtbot: QtBot, page: LabelPage) -> QTableView:
    """The list, after its key."""
    qtbot.keyClick(page, Qt.Key.Key_F3)
    found = _table(page)
    qtbot.waitUntil(found.isVisible)
    return found


def test_a_key_labels_all_selected_rows_as_one_operation(qtbot: QtBot, page: LabelPage, table: QTableView) -> None:
    assert table.model().rowCount() == PAGE
    for _ in range(3):
        qtbot.keyClick(table, Qt.Key.Key_Down, SHIFT)
    assert _selected(page) == [0, 1, 2, 3]
    qtbot.keyClicks(table, "2")
    _idle(qtbot, page)
    assert _values(page, 3, 4, 5, 6, 7) == [2, 2, 2, 2, None]
    assert [(one.title, one.count) for one in _project(page).operations.all()] == [("Labeled “no”", 4)]
    assert table.model().index(1, 1).data() == "no"
    assert _selected(page) == [4]  # the next one
    qtbot.keyClick(table, Qt.Key.Key_Z, CONTROL)
    _idle(qtbot, page)
    assert _values(page, 3, 4, 5, 6) == [None] * 4
    assert table.model().index(1, 1).data() == ""
    qtbot.keyClick(table, Qt.Key.Key_Y, CONTROL)
    _idle(qtbot, page)
    assert _values(page, 3, 4, 5, 6) == [2] * 4


@pytest.mark.parametrize("way", ["F3", "button", "Show", "other page"])
def test_the_keys_of_the_list_work_however_it_was_opened(qtbot: QtBot, page: LabelPage, way: str) -> None:
    page.activateWindow()
    page.setFocus()
    qtbot.waitUntil(page.hasFocus)
    if way == "button":
        click(qtbot, page, "label.list_mode")
    elif way == "other page":
        page.opened(listing=True, filter=Filter())
    else:
        qtbot.keyClick(page, Qt.Key.Key_F3)
    if way == "Show":
        box = find(page, QComboBox, "label.show")
        box.setFocus()
        box.setCurrentIndex(box.findData("all"))
    _idle(qtbot, page)
    qtbot.keyClick(page.window().focusWidget(), Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert _selected(page) == [0, 1]
    qtbot.keyClick(page.window().focusWidget(), Qt.Key.Key_F3)
    assert page.hasFocus()
    qtbot.keyClick(page, Qt.Key.Key_F3)
    qtbot.keyClick(page.window().focusWidget(), Qt.Key.Key_End)
    assert _selected(page) == [_table(page).model().rowCount() - 1]


def test_one_row_of_the_list_is_a_label_of_its_own(qtbot: QtBot, page: LabelPage, table: QTableView) -> None:
    qtbot.keyClicks(table, "1")
    assert _values(page, 3) == [1]
    assert _selected(page) == [1]
    history = _project(page).labels.history(3)[-1]
    assert (history.origin, history.seconds is not None) == ("person", True)
    assert _project(page).operations.all() == []
    qtbot.keyClick(table, Qt.Key.Key_Space)
    row = _project(page).items.get(4)
    assert row is not None
    assert row.skipped


def test_the_list_has_the_room_of_the_session(qtbot: QtBot, page: LabelPage, table: QTableView) -> None:
    short, bar = (page.findChild(kind, name) for kind, name in ((QLabel, "label.session.short"), (QProgressBar, "")))
    assert isinstance(short, QLabel)
    assert isinstance(bar, QProgressBar)
    qtbot.waitUntil(lambda: short.text().startswith("2 of 72 · 0:"))
    assert short.isVisible()
    assert not bar.isVisible()
    qtbot.keyClick(page, Qt.Key.Key_F3)
    assert bar.isVisible()
    assert not short.isVisible()


def test_undo_goes_back_through_both_kinds_in_order(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClicks(page, "1")  # row 3
    qtbot.keyClick(page, Qt.Key.Key_F3)
    table = _table(page)
    assert page.item is not None
    assert page.item.id == 4
    qtbot.keyClick(table, Qt.Key.Key_Down, SHIFT)
    qtbot.keyClicks(table, "2")  # rows 4 and 5
    qtbot.keyClick(page, Qt.Key.Key_F3)  # waits until that is on disk
    _idle(qtbot, page)
    qtbot.waitUntil(lambda: not table.isVisible())
    qtbot.keyClicks(page, "1")  # row 6
    assert _values(page, 3, 4, 5, 6) == [1, 2, 2, 1]
    seen = []
    for _ in range(3):
        qtbot.keyClick(page, Qt.Key.Key_Backspace)
        _idle(qtbot, page)
        seen.append(_values(page, 3, 4, 5, 6))
    assert seen == [[1, 2, 2, None], [1, None, None, None], [None] * 4]
    for _ in range(3):
        qtbot.keyClick(page, Qt.Key.Key_Y, CONTROL)
        _idle(qtbot, page)
    assert _values(page, 3, 4, 5, 6) == [1, 2, 2, 1]


def test_keys_pressed_while_an_operation_is_written_come_after_it(
    qtbot: QtBot, page: LabelPage, table: QTableView
) -> None:
    qtbot.keyClick(table, Qt.Key.Key_A, CONTROL)
    qtbot.keyClicks(table, "1")
    qtbot.keyClick(table, Qt.Key.Key_Z, CONTROL)
    qtbot.keyClick(table, Qt.Key.Key_Y, CONTROL)
    qtbot.keyClick(table, Qt.Key.Key_Z, CONTROL)
    qtbot.keyClicks(table, "2")
    _idle(qtbot, page)
    qtbot.waitUntil(lambda: page.hub.background.idle and not page._listing.many.busy)
    assert _project(page).operations.all()[-1].undone
    assert 2 in _values(page, *range(3, 53))
    assert 1 not in _values(page, *range(3, 53))


def test_pages_of_the_list_go_forth_and_back(qtbot: QtBot, page: LabelPage, table: QTableView) -> None:
    qtbot.keyClick(table, Qt.Key.Key_PageDown)
    assert table.model().rowCount() == WAITING - PAGE
    assert table.model().index(0, 0).data() == "text 50"
    qtbot.keyClick(table, Qt.Key.Key_PageUp)
    assert table.model().index(0, 0).data() == "text 0"
    for _ in range(PAGE):
        qtbot.keyClicks(table, "d")
    assert table.model().index(0, 0).data() == "text 50"


def test_enter_accepts_the_suggestions_of_all_selected_rows(qtbot: QtBot, page: LabelPage) -> None:
    project = _project(page)
    number = project.runs.create(TASK.recipe, model_title="from scratch", snapshot={}, schema={})
    told = [
        (item, Prediction(label=label, probability=0.6, uncertainty=0.1)) for item, label in ((3, "no"), (5, "yes"))
    ]
    page.on_changes(project.predictions.write(number, told))
    qtbot.keyClick(page, Qt.Key.Key_F3)
    table = _table(page)
    assert table.model().index(0, 2).data() == "no 0.60"
    for _ in range(2):
        qtbot.keyClick(table, Qt.Key.Key_Down, SHIFT)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    _idle(qtbot, page)
    assert _values(page, 3, 4, 5) == [2, None, 1]
    assert project.operations.all()[0].title == "Accepted 2 suggestions"


def test_a_task_without_one_key_labels_has_no_list(
    qtbot: QtBot, page: LabelPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    button = page.findChild(QPushButton, "label.list_mode")
    assert isinstance(button, QPushButton)
    qtbot.waitUntil(button.isVisible)
    monkeypatch.setattr(type(page._desk.editor), "can_list", False)
    page.hub.save_settings(advance_after_label=True)
    assert not button.isVisible()
    qtbot.keyClick(page, Qt.Key.Key_F3)
    assert not _table(page).isVisible()


def test_the_last_label_is_repeated_and_recent_ones_have_keys(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClicks(page, "21")
    qtbot.keyClicks(page, ".")
    assert _values(page, 3, 4, 5) == [2, 1, 1]
    qtbot.keyClick(page, Qt.Key.Key_F6)  # the one before
    assert _values(page, 6) == [2]
    qtbot.keyClick(page, Qt.Key.Key_F8)  # nobody's
    assert _values(page, 7) == [None]


def test_an_archived_label_is_neither_recent_nor_repeated(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClicks(page, "21")
    changes = _project(page).classes.archive(1)
    page.on_changes(changes)
    qtbot.keyClicks(page, ".")
    qtbot.keyClick(page, Qt.Key.Key_F6)
    assert _values(page, 5) == [None]
    qtbot.keyClick(page, Qt.Key.Key_F5)
    assert _values(page, 5) == [2]
    _project(page).classes.ensure([f"label {place}" for place in range(40)])
    page.on_changes(changes)
    _idle(qtbot, page)
    rows = [one for one in page.findChildren(ChoiceRow) if one.objectName().startswith("label.recent.")]
    assert [one.told.name for one in rows if not one.isHidden()] == ["no"]


def test_a_label_that_was_merged_is_repeated_as_what_it_is_now(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClicks(page, "12")
    page.on_changes(merging.merge(_project(page), TASK.labels, 2, 1).changes)
    qtbot.keyClicks(page, ".")
    assert _values(page, 4, 5) == [1, 1]
    qtbot.keyClick(page, Qt.Key.Key_F5)
    qtbot.keyClick(page, Qt.Key.Key_F6)  # there is one label left, and so one key
    assert _values(page, 6, 7) == [1, None]


@pytest.mark.parametrize("listed", [False, True])
def test_an_archived_label_is_not_accepted(qtbot: QtBot, page: LabelPage, listed: bool) -> None:
    project = _project(page)
    run = project.runs.create(Recipe(), model_title="x", snapshot={}, schema={"classes": ["yes"], "class_ids": [1]})
    told = Prediction(label="yes", probability=0.9, uncertainty=0.1)
    project.predictions.write(run, [(number, told) for number in (3, 4)])
    project.classes.archive(1)
    page.on_changes(Changes(predictions=True, classes=True))
    if listed:
        qtbot.keyClick(page, Qt.Key.Key_F3)
        _table(page).selectAll()
    with qtbot.waitSignal(page.hub.error_shown) as shown:
        qtbot.keyClick(page, Qt.Key.Key_Return)
    assert "“yes” is archived" in shown.args[0].message
    _idle(qtbot, page)
    assert _values(page, 3, 4) == [None, None]


def test_recent_labels_are_shown_where_not_all_fit(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClicks(page, "2")
    _idle(qtbot, page)
    assert [
        one for one in page.findChildren(ChoiceRow) if one.objectName() == "label.recent.1" and one.isVisible()
    ] == []
    changes = _project(page).classes.ensure([f"label {place}" for place in range(40)])
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
    assert _values(page, 4) == [2]


def test_a_label_is_taken_away(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClicks(page, "2")
    qtbot.keyClicks(page, "a")
    qtbot.keyClick(page, Qt.Key.Key_Delete)
    assert _values(page, 3) == [None]
    assert page.item is not None
    assert page.item.id == 3
    qtbot.keyClick(page, Qt.Key.Key_Backspace)
    assert _values(page, 3) == [2]


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
    row = _project(page).items.get(3)
    assert row is not None
    assert row.skipped
    changes = page.hub.keys.with_keys("undo", ["U"])
    page.hub.save_settings(key_changes=keymap.to_setting(changes))
    qtbot.keyClicks(page, "u")
    row = _project(page).items.get(3)
    assert row is not None
    assert not row.skipped
    qtbot.waitUntil(lambda: "U" in [one.text() for one in page.findChildren(QLabel) if one.isVisible()])


def test_a_label_whose_key_a_command_has_shows_none(qtbot: QtBot, page: LabelPage) -> None:
    _project(page).classes.set_key(2, "x")
    page._load_classes()
    row = page.findChild(ChoiceRow, "label.choice.2")
    assert isinstance(row, ChoiceRow)
    assert row.told.key == "x"
    page.hub.save_settings(key_preset="prodigy")
    assert row.told.key == ""


def test_an_archived_label_is_shown_only_where_it_is_given(qtbot: QtBot, page: LabelPage) -> None:
    _project(page).classes.archive(2)
    page._load_classes()
    row = page.findChild(ChoiceRow, "label.choice.2")
    assert isinstance(row, ChoiceRow)
    assert row.isHidden()
    page.opened(item=2)
    assert not row.isHidden()
    qtbot.keyClicks(page, "d")
    assert row.isHidden()


def test_the_guideline_opens_by_its_key_and_stays_for_the_next_start(qtbot: QtBot, page: LabelPage) -> None:
    project = _project(page)
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
    _idle(qtbot, page)
    other.deleteLater()
    qtbot.keyClicks(page, "g")
    assert not page._desk.guideline.isVisible()


def test_a_split_shows_the_texts_of_one_label_as_a_list(qtbot: QtBot, page: LabelPage) -> None:
    page.opened(filter=Filter(class_id=2), words="no", listing=True)
    table = _table(page)
    qtbot.waitUntil(table.isVisible)
    assert [table.model().index(row, 0).data() for row in range(table.model().rowCount())] == ["second"]


def test_another_project_begins_another_session(
    qtbot: QtBot, hub: Hub, page: LabelPage, opened: Callable[..., Project]
) -> None:
    hub.changed.connect(page.on_changes)
    shown = {name: find(page, QLabel, f"label.session.{name}") for name in ("speed", "time", "agreement")}
    project = _project(page)
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
