"""The model in the loop on the Label page: turned on there, its guesses accepted, doubtful labels looked through."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QFrame, QLabel, QPushButton, QSpinBox
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from desktop_llm.verbs.loop_results import Doubt, Mistakes, keep_doubts
from tests import run_folders
from tests.gui.pages.conftest import Rows
from tests.windows import find

SECONDS = 60_000
TRUTH = [(row["text"], row["label"]) for row in run_folders.rows(80, seed=6)]
ROWS: Rows = [(text, name if place < 40 else None) for place, (text, name) in enumerate(TRUTH)]


@pytest.fixture
def page(qtbot: QtBot, hub: Hub, opened: Callable[[Rows], Project]) -> Iterator[LabelPage]:
    """The page on eighty texts, half of them labeled."""
    made = LabelPage(hub)
    made.resize(1100, 700)
    made.show()
    hub.project_opened.connect(made.set_project)
    hub.changed.connect(made.on_changes)
    hub.page_asked.connect(lambda name, told: made.opened(**told))
    opened(ROWS)
    qtbot.waitUntil(lambda: made.item is not None)
    yield made
    qtbot.waitUntil(lambda: hub.background.idle, timeout=SECONDS)
    made.close()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_turned_on_it_guesses_and_enter_accepts(qtbot: QtBot, hub: Hub, page: LabelPage) -> None:
    """The history says that the label was a suggestion."""
    button = find(page, QPushButton, "label.loop")
    assert button.text() == "Model: off"
    button.click()
    find(page, QCheckBox, "label.loop.on").click()
    assert hub.project is not None
    project = hub.project
    qtbot.waitUntil(lambda: project.suggestions.count() > 0 and not hub.looping.busy, timeout=SECONDS)
    qtbot.waitUntil(lambda: page.item is not None and page.item.prediction is not None, timeout=SECONDS)
    assert button.text() == "Model: on"
    order = find(page, QComboBox, "label.order")
    order.setCurrentIndex(order.findData("uncertain"))
    item = page.item
    assert item is not None
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert project.labels.history(item.id)[-1].origin == "suggestion"


def test_doubted_labels_are_kept_corrected_or_hard(qtbot: QtBot, hub: Hub, page: LabelPage) -> None:
    """Each answer takes the row out of the queue; the keys do it, too."""
    assert hub.project is not None
    project = hub.project
    doubts = tuple(Doubt(item=number, text="", label="", instead="", sure=number / 10) for number in (2, 5, 7, 9))
    hub.changed.emit(keep_doubts(project, Mistakes(labels=40, likely=4, doubts=doubts, guesses=())))
    hub.page_asked.emit("label", {"order": "doubted"})
    assert page.item is not None
    assert page.item.id == 2
    assert find(page, QLabel, "label.look_again.words").text().startswith("Is “")
    show = find(page, QComboBox, "label.show")
    assert (show.isEnabled(), show.currentData()) == (False, "labeled")
    qtbot.waitUntil(lambda: hub.background.idle)
    queue = page._desk.queue
    assert "4 left" in [one.text() for one in queue.findChildren(QLabel)]
    bar = find(page, QFrame, "label.look_again")
    assert [one.text() for one in bar.findChildren(QLabel) if one.property("role") == "keycap"] == [
        hub.keys.told("keep"),
        hub.keys.told("hard"),
    ]
    find(page, QPushButton, "label.look_again.keep").click()
    assert project.doubts.marks(2) == ("checked",)
    assert page.item.id == 5
    find(page, QPushButton, "label.look_again.hard").click()
    assert project.doubts.marks(5) == ("hard",)
    assert page.item.id == 7
    other = next(number for number in project.classes.names() if number != page.item.value)
    key = next(one.key for one in project.classes.all() if one.id == other)
    qtbot.keyClicks(page, key)
    row = project.items.get(7)
    assert row is not None
    assert row.value == other
    assert page.item.id == 9
    order = find(page, QComboBox, "label.order")
    order.setCurrentIndex(order.findData("file"))
    assert (show.isEnabled(), show.currentData()) == (True, "unlabeled")
    assert project.doubts.count() == 1


def test_turned_on_before_there_are_guesses_it_orders_the_rows_once_it_can(
    qtbot: QtBot, hub: Hub, page: LabelPage, opened: Callable[..., Project]
) -> None:
    """Unless the person has chosen an order by then."""
    project = opened([(text, None) for text, _ in TRUTH], "Bare")
    find(page, QPushButton, "label.loop").click()
    page._loop._head.panel.order_asked.emit()  # type: ignore[union-attr]
    order = find(page, QComboBox, "label.order")
    assert order.currentData() == "file"
    hub.changed.emit(project.suggestions.order([9, 4, 7]))
    assert order.currentData() == "uncertain"
    assert page.item is not None
    assert page.item.id == 1  # the text that somebody reads stays
    qtbot.keyClicks(page, "d")
    assert page.item.id == 9


def test_an_order_that_was_chosen_by_then_stays(
    qtbot: QtBot, hub: Hub, page: LabelPage, opened: Callable[..., Project]
) -> None:
    project = opened([(text, None) for text, _ in TRUTH], "Bare")
    find(page, QPushButton, "label.loop").click()
    page._loop._head.panel.order_asked.emit()  # type: ignore[union-attr]
    show = find(page, QComboBox, "label.show")
    show.setCurrentIndex(show.findData("all"))
    hub.changed.emit(project.suggestions.order([9, 4, 7]))
    assert find(page, QComboBox, "label.order").currentData() == "file"


@pytest.mark.parametrize(("likely", "opens"), [(0, False), (1, True)])
def test_doubtful_labels_are_shown_where_one_is_likely_wrong(
    qtbot: QtBot, hub: Hub, page: LabelPage, likely: int, opens: bool
) -> None:
    find(page, QPushButton, "label.loop").click()
    doubt = Doubt(item=2, text="", label="", instead="", sure=0.4)
    assert hub.project is not None
    found = Mistakes(labels=40, likely=likely, doubts=(doubt,), guesses=(), left_out=3)
    keep_doubts(hub.project, found)
    hub.looping.doubts_found.emit(found)
    panel = page._loop._head.panel
    assert panel is not None
    words = find(panel, QLabel, "label.loop.answer").text()
    assert words.startswith("1 of 40" if opens else "None of 40")
    assert words.endswith("too few labels: 3.")
    assert (find(page, QComboBox, "label.order").currentData() == "doubted") is opens
    panel.hide()


def test_after_how_many_labels_it_learns_again_is_chosen_and_kept(qtbot: QtBot, hub: Hub, page: LabelPage) -> None:
    find(page, QPushButton, "label.loop").click()
    panel = page._loop._head.panel
    assert panel is not None
    every = find(panel, QSpinBox, "label.loop.every")
    assert every.text() == "20 labels"
    find(panel, QCheckBox, "label.loop.on").click()
    qtbot.waitUntil(lambda: len(hub.looping.curve) == 1 and not hub.looping.busy, timeout=SECONDS)
    every.setValue(5)
    assert hub.project is not None
    project = hub.project
    qtbot.waitUntil(lambda: project.notes.get("loop", default={}).get("every") == 5)
    assert not hub.looping.busy  # nothing new was said since it learned
    panel.hide()
    waiting = [row.id for row in project.items.page(Filter(show="unlabeled"), 0, 5)]
    for number in waiting:
        hub.changed.emit(project.labels.set(number, 1))
    qtbot.waitUntil(lambda: [one.labels for one in hub.looping.curve] == [40, 45], timeout=SECONDS)
    hub.project_opened.emit(project)
    assert hub.looping.choice.every == 5
