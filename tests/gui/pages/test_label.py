"""Labeling by keys: each label on disk before the next text, undo, filter by typing, data shown as plain text."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.pages.label_chip import FilterChip
from desktop_llm.jobs.events import Finished
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.rows import Changes, Filter
from desktop_llm.store.project import Project
from tests.gui.pages.conftest import TASK, Rows

ROWS: Rows = [
    ("first", "yes"),
    ("second", "no"),
    ("<b>third</b> <img src='picture.png'>", None),
    ("fourth", None),
    ("fifth", None),
]
ARROW = 30
"""Pixels of a box that its words cannot have."""


@pytest.fixture
def page(qtbot: QtBot, hub: Hub, opened: Callable[[Rows], Project]) -> Iterator[LabelPage]:
    """The page on a project of five texts, two of them labeled."""
    made = LabelPage(hub)
    made.resize(1100, 700)
    made.show()
    hub.project_opened.connect(made.set_project)
    opened(ROWS)
    qtbot.waitUntil(lambda: made.item is not None)
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


def _value(page: LabelPage, item: int) -> object:
    row = _project(page).items.get(item)
    assert row is not None
    return row.value


def test_a_key_labels_and_goes_on(qtbot: QtBot, page: LabelPage) -> None:
    assert _shown(page) == 3
    qtbot.keyClicks(page, "2")
    assert _value(page, 3) == 2
    assert _shown(page) == 4
    qtbot.keyClicks(page, "1")
    assert _value(page, 4) == 1
    assert _shown(page) == 5


def test_undo_brings_the_text_back_and_redo_the_label(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClicks(page, "2")
    qtbot.keyClick(page, Qt.Key.Key_Backspace)
    assert _shown(page) == 3
    assert _value(page, 3) is None
    qtbot.keyClick(page, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert _value(page, 3) == 2
    qtbot.keyClick(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert _value(page, 3) is None


def test_space_skips_and_letters_move(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClick(page, Qt.Key.Key_Space)
    row = _project(page).items.get(3)
    assert row is not None
    assert row.skipped
    assert _shown(page) == 4
    qtbot.keyClicks(page, "d")
    assert _shown(page) == 5
    qtbot.keyClicks(page, "a")
    assert _shown(page) == 4
    assert _value(page, 4) is None


def test_a_label_is_found_by_typing(qtbot: QtBot, page: LabelPage) -> None:
    qtbot.keyClick(page, Qt.Key.Key_Slash)
    field = page.findChild(QLineEdit, "label.filter")
    assert field is not None
    qtbot.keyClicks(field, "no")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert _value(page, 3) == 2
    assert field.text() == ""
    assert _shown(page) == 4


def test_enter_in_that_field_does_not_accept_what_is_suggested_next(qtbot: QtBot, page: LabelPage) -> None:
    project = _project(page)
    run = project.runs.create(Recipe(), model_title="x", snapshot={}, schema={"classes": ["yes"], "class_ids": [1]})
    project.predictions.write(run, [(4, Prediction(label="yes", probability=0.9, uncertainty=0.1))])
    page.on_changes(Changes(predictions=True))
    qtbot.keyClick(page, Qt.Key.Key_Slash)
    field = page.findChild(QLineEdit, "label.filter")
    assert field is not None
    qtbot.keyClicks(field, "no")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert (_value(page, 3), _value(page, 4)) == (2, None)
    assert _shown(page) == 4


def test_arrows_choose_among_the_labels_found(qtbot: QtBot, page: LabelPage) -> None:
    names = ["yes please", "yes thanks"]
    _project(page).classes.ensure(names)
    page.on_changes(Changes(classes=True))
    numbers = {one.name: one.id for one in _project(page).classes.all()}
    field = page.findChild(QLineEdit, "label.filter")
    assert field is not None
    for downs, ups, name in ((1, 0, "yes please"), (9, 0, "yes thanks"), (2, 9, "yes")):
        shown = _shown(page)
        qtbot.keyClick(page, Qt.Key.Key_Slash)
        qtbot.keyClicks(field, "yes")
        for key, times in ((Qt.Key.Key_Down, downs), (Qt.Key.Key_Up, ups)):
            for _ in range(times):
                qtbot.keyClick(field, key)
        qtbot.keyClick(field, Qt.Key.Key_Return)
        assert _value(page, shown) == numbers[name]


def test_enter_accepts_the_suggestion_and_the_least_certain_come_first(qtbot: QtBot, page: LabelPage) -> None:
    project = _project(page)
    number = project.runs.create(TASK.recipe, model_title="from scratch", snapshot={}, schema={})
    answers = [
        (item, Prediction(label="no", probability=0.6, uncertainty=item / 10, top=(("no", 0.6), ("yes", 0.4))))
        for item in (3, 4, 5)
    ]
    changes = project.predictions.write(number, answers) | project.predictions.rebuild_uncertainty(number)
    page.hub.changed.connect(page.on_changes)
    page.hub.changed.emit(changes)
    _choose(page, "label.order", "uncertain")
    assert _shown(page) == 5
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert _value(page, 5) == 2
    assert project.labels.history(5)[-1].origin == "suggestion"
    assert _shown(page) == 4


@pytest.mark.parametrize("order", ["file", "uncertain"])
def test_the_text_under_the_hand_stays_when_a_run_or_an_import_ends(qtbot: QtBot, page: LabelPage, order: str) -> None:
    project = _project(page)
    number = project.runs.create(TASK.recipe, model_title="from scratch", snapshot={}, schema={})
    told = [(item, Prediction(label="no", probability=0.6, uncertainty=item / 10)) for item in (3, 4, 5)]
    changes = project.predictions.write(number, told) | project.predictions.rebuild_uncertainty(number)
    page.on_changes(changes)
    _choose(page, "label.order", order)
    first = _shown(page)
    qtbot.keyClicks(page, "1")
    qtbot.keyClick(page, Qt.Key.Key_A)
    # back on a text that has its label by now and is in the queue no more
    assert _shown(page) == first
    assert _value(page, first) == 1
    page.on_changes(changes | Changes(items=True, runs=True))
    assert _shown(page) == first
    qtbot.keyClick(page, Qt.Key.Key_D)
    seen = _shown(page)
    assert seen != first
    page.on_changes(changes)
    assert _shown(page) == seen


def _choose(page: LabelPage, name: str, value: str) -> None:
    box = page.findChild(QComboBox, name)
    assert box is not None
    box.setCurrentIndex(box.findData(value))


def test_markup_in_a_text_is_shown_as_it_is(page: LabelPage) -> None:
    text = page.findChild(QLabel, "label.text")
    assert text is not None
    assert text.text() == ROWS[2][0]
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in page.findChildren(QLabel) if label.text())


def test_what_cannot_be_changed_is_not(qtbot: QtBot, page: LabelPage) -> None:
    other = Project.open(_project(page).path)
    assert other.read_only
    page.hub.project, kept = other, _project(page)
    qtbot.keyClicks(page, "2")
    page.hub.project = kept
    other.close()
    assert _value(page, 3) is None


def test_the_head_has_room_in_a_narrow_window(qtbot: QtBot, page: LabelPage) -> None:
    page.resize(756, 600)
    project = _project(page)
    number = project.runs.create(TASK.recipe, model_title="from scratch", snapshot={}, schema={})
    project.runs.folder(number).model.mkdir(parents=True)
    project.runs.ingest(number, [Finished(at=2.0, step=1, reason="completed", seconds=2.0)])
    page.opened(show="second")
    suggest = page.findChild(QPushButton, "label.suggest")
    assert suggest is not None
    qtbot.waitUntil(lambda: suggest.isVisible() and suggest.width() >= suggest.sizeHint().width())
    for name in ("label.show", "label.order"):
        box = page.findChild(QComboBox, name)
        assert box is not None
        assert box.width() >= box.fontMetrics().horizontalAdvance(box.currentText()) + ARROW
    page.opened(filter=Filter(), words="rows that one would describe & describe again " * 5)
    chip = page.findChild(FilterChip, "label.filter_chip")
    assert chip is not None
    qtbot.waitUntil(lambda: chip.isVisible() and chip.shown_text().endswith("…  ✕"))
    assert chip.width() > 600
    assert page.width() < 840
