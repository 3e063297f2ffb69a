"""Labels of several classes and levels of a scale, given by keys on the Label page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.rows import Changes, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.task import Task
from desktop_llm.verbs import importing
from desktop_llm.verbs.naming import Fates

SEVERAL = next(one for one in TASKS.values() if one.several)
ORDERED = next(one for one in TASKS.values() if one.ordered)
NO_FATES = Fates(merged={}, archived=frozenset())
Opened = Callable[[Task, list[tuple[str, object]]], LabelPage]


@pytest.fixture
def opened(qtbot: QtBot, hub: Hub, tmp_path: Path) -> Iterator[Opened]:
    """The page on a project of a task with (text, label in names or None)."""
    page = LabelPage(hub)
    page.resize(1100, 700)
    page.show()
    hub.project_opened.connect(page.set_project)

    def make(task: Task, rows: list[tuple[str, object]]) -> LabelPage:
        project = Project.create(tmp_path / "Kinds", task.name)
        items = [NewItem(content={"text": text}, label=label) for text, label in rows]
        project.items.insert("a.csv", items, to_value=task.labels.to_value, class_names=task.labels.names)
        project.classes.order_by_number()
        project.close()
        hub.open_project(tmp_path / "Kinds")
        qtbot.waitUntil(lambda: page.item is not None and hub.background.idle)
        return page

    yield make
    qtbot.waitUntil(lambda: hub.background.idle)
    page.close()
    page.deleteLater()
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


def _button(page: LabelPage, name: str) -> QPushButton:
    found = page.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    return found


TOPICS: list[tuple[str, object]] = [
    ("one", ["a", "b"]),
    ("two", ["c"]),
    ("three", None),
    ("four", None),
    ("five", None),
]


def test_keys_switch_labels_on_and_off_and_enter_goes_on(qtbot: QtBot, opened: Opened) -> None:
    page = opened(SEVERAL, TOPICS)
    assert _shown(page) == 3
    qtbot.keyClicks(page, "31")
    assert _shown(page) == 3
    assert _value(page, 3) == [1, 3]
    assert [_button(page, f"label.choice.{place}").isChecked() for place in (1, 2, 3)] == [True, False, True]
    qtbot.keyClicks(page, "3")
    assert _value(page, 3) == [1]
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert _shown(page) == 4
    # without any label left the text has none, which is not the same as “none of them”
    qtbot.keyClicks(page, "22")
    assert _value(page, 4) is None
    qtbot.keyClicks(page, "0")
    assert _value(page, 4) == []
    assert _shown(page) == 5
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert _value(page, 5) is None
    assert _shown(page) == 5
    qtbot.waitUntil(lambda: page.hub.background.idle)
    assert _project(page).items.counts().labeled == 4


def test_each_switch_is_undone_by_itself(qtbot: QtBot, opened: Opened) -> None:
    page = opened(SEVERAL, TOPICS)
    qtbot.keyClicks(page, "12")
    for wanted in ([1], None):
        qtbot.keyClick(page, Qt.Key.Key_Backspace)
        assert _value(page, 3) == wanted
    qtbot.keyClick(page, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert _value(page, 3) == [1]


def test_a_click_and_a_found_label_switch_too(qtbot: QtBot, opened: Opened) -> None:
    page = opened(SEVERAL, TOPICS)
    qtbot.mouseClick(_button(page, "label.choice.2"), Qt.MouseButton.LeftButton)
    qtbot.keyClick(page, Qt.Key.Key_Slash)
    field = page.findChild(QLineEdit, "label.filter")
    assert field is not None
    qtbot.keyClicks(field, "c")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert _value(page, 3) == [2, 3]
    assert _shown(page) == 3
    assert not _button(page, "label.none").isChecked()
    qtbot.mouseClick(_button(page, "label.none"), Qt.MouseButton.LeftButton)
    assert _value(page, 3) == []
    assert _shown(page) == 4
    qtbot.keyClicks(page, "a")
    assert _button(page, "label.none").isChecked()


def test_what_the_model_suggests_is_accepted_or_changed(qtbot: QtBot, opened: Opened) -> None:
    page = opened(SEVERAL, TOPICS)
    project = _project(page)
    schema = {"classes": ["a", "b", "c"], "class_ids": [1, 2, 3]}
    run = project.runs.create(Recipe(), model_title="x", snapshot={}, schema=schema)
    said = [(3, ["c", "a"]), (4, ["b", "a"]), (5, [])]
    told = [
        (item, Prediction(label=label, probability=0.9, uncertainty=0.1, top=(("a", 0.9),))) for item, label in said
    ]
    project.predictions.write(run, told)
    page.on_changes(Changes(predictions=True))
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert _value(page, 3) == [1, 3]
    assert _shown(page) == 4
    qtbot.keyClick(page, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert _value(page, 4) == [1, 2]
    assert _shown(page) == 4
    qtbot.keyClicks(page, "1")
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert _value(page, 4) == [2]
    assert _shown(page) == 5
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert _value(page, 5) == []


def test_a_level_is_one_key(qtbot: QtBot, opened: Opened) -> None:
    rows: list[tuple[str, object]] = [("one", "5"), ("two", "1"), ("three", "3")]
    page = opened(ORDERED, [*rows, ("four", None), ("five", None), ("six", None)])
    names = {one.id: one.name for one in _project(page).classes.all()}
    shown = [_button(page, f"label.choice.{place}").accessibleName() for place in (1, 2, 3)]
    assert shown == ["1 (1)", "3 (3)", "5 (5)"]
    qtbot.keyClicks(page, "5")
    assert names[int(str(_value(page, 4)))] == "5"
    assert _shown(page) == 5
    qtbot.mouseClick(_button(page, "label.choice.2"), Qt.MouseButton.LeftButton)
    assert names[int(str(_value(page, 5)))] == "3"
    qtbot.keyClicks(page, "a")
    assert [_button(page, f"label.choice.{place}").isChecked() for place in (1, 2, 3)] == [False, True, False]


def test_the_form_of_an_import_says_what_parts_labels(qtbot: QtBot, hub: Hub, opened: Opened, tmp_path: Path) -> None:
    from desktop_llm.gui.pages.import_form import ImportForm
    from desktop_llm.gui.pages.import_words import ImportWords

    file = tmp_path / "a.csv"
    file.write_text("text,label\none,a; b\ntwo,a\nthree,b\n", "utf-8")
    form = ImportForm()
    qtbot.addWidget(form)
    form.begin(SEVERAL.fields, has_rows=False, several=True)
    form.show_plan(importing.plan(SEVERAL, file))
    assert form.separator_box.currentText() == "; (detected)"
    assert "separator" not in form.told()
    form.separator_box.setCurrentIndex(form.separator_box.findData(""))
    assert form.told()["separator"] == ""
    words = ImportWords().what_happens(importing.plan(SEVERAL, file), NO_FATES, split="", only_labels=False)
    assert "“;” in a cell parts several labels." in words
    form.begin(ORDERED.fields, has_rows=False, several=False)
    form.show_plan(importing.plan(ORDERED, file))
    assert form.separator_box.isHidden()
    assert "separator" not in form.told()


def _for_ben(page: LabelPage, which: str, qtbot: QtBot) -> None:
    """Ann has said that rows 3 and 4 are a, and for a dispute Cid that they are b; Ben looks at them."""
    project = _project(page)
    for item in (3, 4):
        project.labels.set(item, [1], "Ann")
    changes = project.people.set_share(1.0)
    if which == "disputed":
        for item in (3, 4):
            project.labels.answer(item, [2], "Cid")
    page.hub.save_settings(labeler="Ben")
    page.hub.changed.emit(changes)
    page.opened(show=which)
    qtbot.waitUntil(lambda: page.hub.background.idle)
    assert _shown(page) == 3


def test_a_second_opinion_is_one_entry_once_it_is_given(qtbot: QtBot, opened: Opened) -> None:
    """Not one for each label switched; what is not given yet waits on its row, and undo drops it."""
    page = opened(SEVERAL, TOPICS)
    _for_ben(page, "second", qtbot)
    qtbot.keyClicks(page, "23")
    assert page.item is not None
    assert page.item.value == [2, 3]
    assert len(_project(page).labels.history(3)) == 1
    qtbot.keyClicks(page, "da")
    assert (_shown(page), page.item.value) == (3, [2, 3])
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert [one.after for one in _project(page).labels.history(3)] == [[1], [2, 3]]
    assert _shown(page) == 4
    qtbot.keyClicks(page, "1")
    qtbot.keyClick(page, Qt.Key.Key_Backspace)
    assert (_shown(page), page.item.value) == (4, None)
    qtbot.keyClicks(page, "a")
    qtbot.keyClick(page, Qt.Key.Key_Return)  # says again what stands
    assert len(_project(page).labels.history(3)) == 2


def test_a_dispute_ends_with_the_whole_decision(qtbot: QtBot, opened: Opened) -> None:
    page = opened(SEVERAL, TOPICS)
    _for_ben(page, "disputed", qtbot)
    qtbot.keyClicks(page, "13")
    assert _project(page).people.disputed() == 2
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert _project(page).people.disputed() == 1
    assert _value(page, 3) == [1, 3]
    assert [one.origin for one in _project(page).labels.history(3)] == ["person", "blind", "decision"]


def test_labels_that_begin_late_are_announced(tmp_path: Path, qtbot: QtBot) -> None:
    from desktop_llm.gui.pages.import_words import ImportWords
    from desktop_llm.verbs.naming import Fates

    file = tmp_path / "late.jsonl"
    bare = "".join(f'{{"text": "number {place}"}}\n' for place in range(1100))
    announced = []
    for late in ("", '{"text": "a late one", "label": "travel"}\n'):
        file.write_text(bare + late, "utf-8")
        plan, fates = importing.plan(ORDERED, file), Fates(merged={}, archived=frozenset())
        words = ImportWords().what_happens(plan, fates, split="", only_labels=False)
        announced.append("The first rows have no label; later ones have." in words)
    assert announced == [False, True]
