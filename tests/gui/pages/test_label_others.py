"""Rows that two people judge: a second opinion given blind, a dispute decided by key, and the row's history."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QFrame, QLabel, QListView, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.pages.label_history import RowHistory
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Changes
from desktop_llm.store.project import Project
from tests.gui.pages.conftest import TASK, Rows
from tests.windows import click, find, press

ROWS: Rows = [("first", "yes"), ("second", "no"), *[(f"<b>text {place}</b>", None) for place in range(6)]]
YES, NO = 1, 2


@pytest.fixture
def page(qtbot: QtBot, hub: Hub, opened: Callable[[Rows], Project]) -> Iterator[LabelPage]:
    """The page for Ben, on a project in which Ann has labeled rows 3, 4 and 5 as yes."""
    hub.save_settings(labeler="Ben")
    made = LabelPage(hub)
    made.resize(1100, 700)
    made.show()
    hub.project_opened.connect(made.set_project)
    hub.changed.connect(made.on_changes)
    project = opened(ROWS)
    for item in (3, 4, 5):
        project.labels.set(item, YES, "Ann", seconds=1.0)
    number = project.runs.create(TASK.recipe, model_title="from scratch", snapshot={}, schema={})
    told = [(item, Prediction(label="no", probability=0.6, uncertainty=item / 10)) for item in (3, 4, 5, 6)]
    changes = project.predictions.write(number, told) | project.predictions.rebuild_uncertainty(number)
    made.on_changes(changes)
    qtbot.waitUntil(lambda: made.item is not None and hub.background.idle)
    yield made
    qtbot.waitUntil(lambda: hub.background.idle)
    made.close()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _project(page: LabelPage) -> Project:
    assert page.hub.project is not None
    return page.hub.project


def _shown(page: LabelPage) -> int:
    assert page.item is not None
    return page.item.id


def _is_empty(page: LabelPage) -> bool:
    return page.item is None


def _standing(page: LabelPage, item: int) -> object:
    row = _project(page).items.get(item)
    assert row is not None
    return row.value


def _offered(page: LabelPage) -> list[str]:
    box = find(page, QComboBox, "label.show")
    return [str(box.itemData(place)) for place in range(box.count())]


def _choose(page: LabelPage, which: str, qtbot: QtBot) -> None:
    box = find(page, QComboBox, "label.show")
    qtbot.waitUntil(lambda: box.findData(which) >= 0)
    box.setCurrentIndex(box.findData(which))
    qtbot.waitUntil(lambda: page.hub.background.idle)


def _answers(page: LabelPage) -> list[str]:
    rows = find(page, QFrame, "label.others").findChildren(QPushButton)
    return [one.accessibleName() for one in rows if one.objectName().startswith("label.answer.") and one.isVisible()]


def _checked(page: LabelPage) -> list[str]:
    """The labels that are marked as the row's."""
    rows = [one for one in page.findChildren(QPushButton) if one.objectName().startswith("label.choice.")]
    return [one.accessibleName() for one in rows if one.isChecked()]


def _share_all(page: LabelPage) -> None:
    page.hub.changed.emit(_project(page).people.set_share(1.0))


def test_what_there_is_nothing_of_is_not_offered(page: LabelPage, qtbot: QtBot) -> None:
    assert _offered(page) == ["unlabeled", "all", "labeled", "skipped"]
    _share_all(page)
    qtbot.waitUntil(lambda: _offered(page)[4:] == ["second"])
    page.hub.changed.emit(_project(page).labels.answer(3, NO, "Ben"))
    qtbot.waitUntil(lambda: _offered(page)[4:] == ["second", "disputed"])
    _project(page).labels.undo()
    page.hub.changed.emit(_project(page).people.set_share(0.0))
    qtbot.waitUntil(lambda: len(_offered(page)) == 4)


def test_a_second_opinion_sees_neither_the_first_nor_a_suggestion(page: LabelPage, qtbot: QtBot) -> None:
    _share_all(page)
    _choose(page, "second", qtbot)
    assert _shown(page) == 3
    assert page.item is not None
    assert (page.item.value, page.item.prediction) == (None, None)
    assert _checked(page) == []
    assert "not see" in find(page, QLabel, "label.others.sentence").text()
    qtbot.keyClick(page, Qt.Key.Key_Return)  # there is no suggestion to accept
    assert _shown(page) == 3
    qtbot.keyClicks(page, "2")
    assert _shown(page) == 4
    assert _standing(page, 3) == YES
    qtbot.keyClicks(page, "1")
    qtbot.keyClick(page, Qt.Key.Key_Space)
    entries = [_project(page).labels.history(item)[-1] for item in (3, 4, 5)]
    assert [(one.labeler, one.after, one.skipped, one.origin) for one in entries] == [
        ("Ben", NO, False, "blind"),
        ("Ben", YES, False, "blind"),
        ("Ben", None, True, "blind"),
    ]
    assert _is_empty(page)  # nothing waits any more
    assert find(page, QFrame, "label.others").isHidden()
    assert _project(page).people.disputed() == 1


def test_the_queue_ticks_what_is_done_here_not_what_others_did(page: LabelPage, qtbot: QtBot) -> None:
    _share_all(page)
    _choose(page, "second", qtbot)
    queue = find(page, QListView, "label.queue").model()
    told = [str(queue.index(place, 0).data()) for place in range(queue.rowCount())]
    assert told == ["<b>text 0</b>", "<b>text 1</b>", "<b>text 2</b>"]
    qtbot.keyClicks(page, "2")
    assert str(queue.index(0, 0).data()).startswith("✓")
    assert not str(queue.index(1, 0).data()).startswith("✓")


def test_no_list_shows_what_is_kept_back(page: LabelPage, qtbot: QtBot) -> None:
    def listed() -> bool:
        return page._desk.listing

    page.do("list")
    assert listed()
    _share_all(page)
    _choose(page, "second", qtbot)
    assert not listed()
    assert _shown(page) == 3
    page.do("list")
    assert not listed()
    _choose(page, "unlabeled", qtbot)
    assert listed()


def test_back_on_a_row_ones_own_word_is_marked_and_nobody_elses(page: LabelPage, qtbot: QtBot) -> None:
    _share_all(page)
    _choose(page, "second", qtbot)
    qtbot.keyClicks(page, "2a")
    assert _shown(page) == 3
    assert _checked(page) == ["no (2)"]
    qtbot.keyClick(page, Qt.Key.Key_Backspace)
    assert _shown(page) == 3
    assert _checked(page) == []


def test_rows_of_others_come_as_in_the_file(page: LabelPage, qtbot: QtBot) -> None:
    order = find(page, QComboBox, "label.order")
    order.setCurrentIndex(order.findData("uncertain"))
    _share_all(page)
    _choose(page, "second", qtbot)
    assert not order.isEnabled()
    assert _shown(page) == 3
    _choose(page, "unlabeled", qtbot)
    assert order.isEnabled()
    assert _shown(page) == 6


def _dispute(page: LabelPage, qtbot: QtBot) -> None:
    for item in (3, 4):
        _project(page).labels.answer(item, NO, "Ben")
    page.hub.changed.emit(Changes(labels=True))
    page.opened(show="disputed")
    qtbot.waitUntil(lambda: page.hub.background.idle)
    assert _shown(page) == 3


def test_a_dispute_is_decided_by_the_key_of_an_answer(page: LabelPage, qtbot: QtBot) -> None:
    _dispute(page, qtbot)
    assert page.item is not None
    assert (page.item.value, page.item.prediction) == (None, None)
    assert [one.split(" – ")[0] for one in _answers(page)] == ["Decide: yes", "Decide: no"]
    assert "Ann" in _answers(page)[0]
    assert "Ben" in _answers(page)[1]
    press(qtbot, page, "Alt+2")
    assert _standing(page, 3) == NO
    assert _project(page).labels.history(3)[-1].origin == "decision"
    assert _shown(page) == 4
    press(qtbot, page, "Alt+3")  # there are two
    assert _shown(page) == 4
    press(qtbot, page, "Alt+1")
    assert _standing(page, 4) == YES
    assert _project(page).people.disputed() == 0
    assert _is_empty(page)
    qtbot.waitUntil(lambda: page.hub.background.idle)
    qtbot.keyClick(page, Qt.Key.Key_Backspace)
    assert (_shown(page), _project(page).people.disputed()) == (4, 1)
    assert len(_answers(page)) == 2
    queue = find(page, QListView, "label.queue").model()
    assert str(queue.index(0, 0).data()) == "<b>text 1</b>"
    press(qtbot, page, "Ctrl+Shift+Z")
    assert str(queue.index(0, 0).data()) == "✓ <b>text 1</b>"


def test_a_third_answer_is_given_by_a_labels_own_key_and_a_click_decides_too(page: LabelPage, qtbot: QtBot) -> None:
    _project(page).classes.ensure(["perhaps"])
    page.hub.changed.emit(Changes(classes=True))
    _dispute(page, qtbot)
    page.setFocus()
    qtbot.keyClicks(page, "3")
    assert _standing(page, 3) == 3
    assert _project(page).people.disputed() == 1
    click(qtbot, page, "label.answer.2")
    assert _standing(page, 4) == NO


def test_space_leaves_a_dispute_open(page: LabelPage, qtbot: QtBot) -> None:
    _dispute(page, qtbot)
    qtbot.keyClick(page, Qt.Key.Key_Space)
    assert _shown(page) == 4
    assert _project(page).people.disputed() == 2


def test_names_can_be_hidden_and_then_the_order_tells_nothing(page: LabelPage, qtbot: QtBot) -> None:
    _dispute(page, qtbot)
    find(page, QCheckBox, "label.others.hide").setChecked(True)
    assert _answers(page) == ["Decide: no", "Decide: yes"]
    assert page.state()["hide_names"] is True
    press(qtbot, page, "Alt+1")
    assert _standing(page, 3) == NO
    history = _history(page, qtbot)
    assert {one[1] for one in history} == {"hidden"}


def test_another_project_begins_with_its_own_rows(
    page: LabelPage, opened: Callable[..., Project], qtbot: QtBot
) -> None:
    _dispute(page, qtbot)
    opened(ROWS, "Other")
    qtbot.waitUntil(lambda: page.item is not None and page.hub.background.idle)
    assert _shown(page) == 3
    assert _offered(page) == ["unlabeled", "all", "labeled", "skipped"]
    assert find(page, QFrame, "label.others").isHidden()


def _history(page: LabelPage, qtbot: QtBot) -> list[list[str]]:
    """Open the history of the row by its button, read it, close it."""
    click(qtbot, page, "label.history.open")
    popup = find(page, RowHistory, "label.history")
    qtbot.waitUntil(lambda: page.hub.background.idle)
    model = popup.table.model()
    cells = [
        [str(model.index(row, column).data()) for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]
    QTest.keyClick(popup.table, Qt.Key.Key_Escape)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return cells


def test_the_history_says_who_gave_which_label_by_which_guideline(page: LabelPage, qtbot: QtBot) -> None:
    project = _project(page)
    project.guidelines.write("Yes means yes.", "Ann")
    project.labels.set(3, NO, "Ben")
    project.labels.set(3, YES, "Ben")
    project.labels.undo()
    page.opened(item=3)
    told = [one[1:] for one in _history(page, qtbot)]
    assert told == [
        ["Ann", "yes", "by hand", "", ""],
        ["Ben", "no", "by hand", "1", "stands"],
        ["Ben", "yes", "by hand", "1", "undone"],
    ]
    page.opened(item=1)
    assert [one[1:] for one in _history(page, qtbot)] == [["", "yes", "came with the text", "", ""]]


def test_the_history_shows_the_words_by_which_a_label_was_given(page: LabelPage, qtbot: QtBot) -> None:
    project = _project(page)
    project.guidelines.write("Yes means <b>yes</b>.", "Ann")
    project.labels.set(3, NO, "Ben")
    project.guidelines.describe(NO, "Refuses.", "Ann")
    project.guidelines.describe(YES, "Agrees.", "Ben")
    project.labels.set(3, YES, "Ben")
    page.opened(item=3)
    click(qtbot, page, "label.history.open")
    popup = find(page, RowHistory, "label.history")
    qtbot.waitUntil(lambda: page.hub.background.idle)
    shown = find(popup, QPlainTextEdit, "label.history.guideline")
    assert shown.toPlainText() == "Yes means <b>yes</b>.\n\nyes\nAgrees.\n\nno\nRefuses."
    assert popup.version.title.text().startswith("Guideline, version 3, 20")
    assert popup.version.title.text().endswith("· Ben")
    told = []
    for _ in range(2):
        QTest.keyClick(popup.table, Qt.Key.Key_Up)
        told.append(shown.toPlainText())
    assert told == ["Yes means <b>yes</b>.", ""]  # the first came before there was any
    QTest.keyClick(shown, Qt.Key.Key_Escape)
    assert not popup.isVisible()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_the_history_keeps_back_what_a_second_opinion_may_not_see(page: LabelPage, qtbot: QtBot) -> None:
    _share_all(page)
    _choose(page, "second", qtbot)
    assert _history(page, qtbot) == []
    qtbot.keyClicks(page, "2a")
    assert [one[1:3] for one in _history(page, qtbot)] == [["Ben", "no"]]


def test_the_history_of_a_dispute_tells_nobody_by_its_order(page: LabelPage, qtbot: QtBot) -> None:
    """While names are hidden: neither when, nor how, nor by which version of the guideline."""
    _dispute(page, qtbot)
    assert [one[2] for one in _history(page, qtbot)] == ["yes", "no"]
    find(page, QCheckBox, "label.others.hide").setChecked(True)
    assert _history(page, qtbot) == [["", "hidden", "no", "", "", "stands"], ["", "hidden", "yes", "", "", "stands"]]


def test_another_name_begins_with_rows_of_its_own(page: LabelPage, qtbot: QtBot) -> None:
    """What Ben said blind is not shown to Ann, whose label was the first."""
    _share_all(page)
    _choose(page, "second", qtbot)
    qtbot.keyClicks(page, "2a")
    assert _shown(page) == 3
    page.hub.save_settings(labeler="Ann")
    qtbot.waitUntil(lambda: page.hub.background.idle)
    assert _is_empty(page)
    page.hub.save_settings(labeler="Cid")
    qtbot.waitUntil(lambda: page.hub.background.idle)
    assert _shown(page) == 4
    qtbot.keyClick(page, Qt.Key.Key_F5)  # Ben's last label is not Cid's
    assert _shown(page) == 4
