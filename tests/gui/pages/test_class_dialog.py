"""The dialog of the labels: meaning and guideline, merge, split, archive; each change is on disk at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QCheckBox, QInputDialog, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.class_dialog import ClassDialog
from desktop_llm.gui.pages.class_table import KEY
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from tests.gui.pages.conftest import Rows

ROWS: Rows = [("first", "yes"), ("second", "yep"), ("third", "no"), ("fourth", "yep")]


@pytest.fixture
def dialog(qtbot: QtBot, hub: Hub, opened: Callable[[Rows], Project]) -> Iterator[ClassDialog]:
    """The dialog on a project with yes, yep and no."""
    opened(ROWS)
    parent = QWidget()
    made = ClassDialog(hub, parent)
    made.show()
    yield made
    made.reject()
    qtbot.waitUntil(lambda: hub.background.idle)
    parent.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _project(dialog: ClassDialog) -> Project:
    project = dialog._hub.project
    assert project is not None
    return project


def _press(dialog: ClassDialog, name: str) -> None:
    found = dialog.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    found.click()


def _problem(dialog: ClassDialog) -> str:
    found = dialog.findChild(QLabel, "classes.problem")
    assert isinstance(found, QLabel)
    return found.text()


def _names(dialog: ClassDialog) -> list[str]:
    rows = range(dialog.table.rowCount())
    return [one.name for row in rows if (one := dialog.table.class_at(row)) is not None]


def _question(dialog: ClassDialog, name: str) -> QInputDialog:
    found = dialog.findChild(QInputDialog, name)
    assert isinstance(found, QInputDialog)
    return found


def test_what_a_label_means_is_kept_when_another_is_chosen(qtbot: QtBot, dialog: ClassDialog) -> None:
    dialog.table.selectRow(1)
    dialog.meaning.text.setPlainText("Agrees, in short.\n“Yep!”")
    dialog.table.selectRow(2)
    assert _project(dialog).classes.all()[1].description == "Agrees, in short.\n“Yep!”"
    assert _project(dialog).guidelines.current() == 1
    assert dialog.meaning.text.toPlainText() == ""
    dialog.table.selectRow(1)
    assert dialog.meaning.text.toPlainText() == "Agrees, in short.\n“Yep!”"
    assert _project(dialog).guidelines.current() == 1


def test_the_guideline_is_kept_when_the_dialog_closes(qtbot: QtBot, dialog: ClassDialog) -> None:
    dialog.begin(guideline=True)
    dialog._guideline.text.setPlainText("Be kind.")
    dialog.accept()
    assert _project(dialog).guidelines.get().text == "Be kind."


def test_a_label_is_merged_into_another(qtbot: QtBot, dialog: ClassDialog) -> None:
    dialog.table.selectRow(1)
    _press(dialog, "classes.merge")
    question = _question(dialog, "classes.merge_into")
    assert question.comboBoxItems() == ["yes", "no"]
    question.textValueSelected.emit("yes")
    qtbot.waitUntil(lambda: dialog._hub.background.idle and dialog._work is None)
    assert [row.value for row in _project(dialog).items.get_many([1, 2, 3, 4])] == [1, 1, 3, 1]
    assert _names(dialog) == ["yes", "no"]
    box = dialog.findChild(QCheckBox, "classes.show_archived")
    assert isinstance(box, QCheckBox)
    box.setChecked(True)
    assert _names(dialog) == ["yes", "yep", "no"]


def test_a_label_is_archived_and_restored(qtbot: QtBot, dialog: ClassDialog) -> None:
    dialog.table.selectRow(1)
    _press(dialog, "classes.archive")
    assert _names(dialog) == ["yes", "no"]
    box = dialog.findChild(QCheckBox, "classes.show_archived")
    assert isinstance(box, QCheckBox)
    box.setChecked(True)
    dialog.table.selectRow(1)
    _press(dialog, "classes.archive")
    assert not _project(dialog).classes.all()[1].archived
    assert _project(dialog).items.get_many([2])[0].value == 2


def test_a_split_makes_a_label_and_asks_for_its_texts(qtbot: QtBot, dialog: ClassDialog) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []
    dialog._hub.page_asked.connect(lambda name, told: asked.append((name, told)))
    dialog.table.selectRow(1)
    _press(dialog, "classes.split")
    question = _question(dialog, "classes.split_into")
    question.textValueSelected.emit("no")
    assert "already" in _problem(dialog)
    assert asked == []
    question.textValueSelected.emit("yup")
    assert asked == [("label", {"filter": Filter(class_id=2), "words": "yep", "listing": True})]
    assert not dialog.isVisible()


def test_a_key_that_a_command_has_is_refused_by_name(qtbot: QtBot, dialog: ClassDialog) -> None:
    for typed, words in (("d", "Next row"), ("ab", "one digit or letter")):
        cell = dialog.table.item(1, KEY)
        assert cell is not None
        cell.setText(typed)
        assert words in _problem(dialog)
    assert _project(dialog).classes.all()[1].key == "2"
    dialog._hub.save_settings(key_preset="doccano")
    cell = dialog.table.item(1, KEY)
    assert cell is not None
    cell.setText("x")
    assert _problem(dialog) == ""
    assert _project(dialog).classes.all()[1].key == "x"
