"""Everybody can use every page: each control has a name and is reached by Tab; and data is never read as markup."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QSlider,
    QTableWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.rail import REST, WORK
from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks import TASKS
from desktop_llm.widgets.confusion import Confusion
from tests.gui.conftest import FOLDER, HOSTILE
from tests.windows import find, open_in, project_of

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QSlider,
    Confusion,
)
BY_OTHER_KEYS = ("label.choice.", "label.queue")
"""Labels have keys of their own and are found by typing; D and A move through the queue."""


def _controls(window: MainWindow, page: str) -> list[QWidget]:
    """What a person can work with on a page, by Tab or by other keys."""
    found = [one for kind in CONTROLS for one in window.page(page).findChildren(kind)]
    inside = {one for box in found for one in box.findChildren(QWidget)}
    return [one for one in found if one not in inside and one.isVisible() and one.isEnabled()]


def _open(qtbot: QtBot, window: MainWindow, path: Path, page: str) -> None:
    open_in(qtbot, window, path, "data")
    window.show_page(page)
    qtbot.waitUntil(lambda: window.hub.background.idle)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


def _by_arrows(one: QWidget) -> bool:
    """Whether another of the same choices holds: Tab reaches that one, and arrows go on from there."""
    group = one.group() if isinstance(one, QAbstractButton) else None
    return group is not None and group.exclusive() and group.checkedButton() not in (None, one)


def test_arrows_choose_what_a_new_project_is_for(qtbot: QtBot, window: MainWindow) -> None:
    window.show_page("projects")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    choices = [find(window, QAbstractButton, f"projects.task.{name}") for name in TASKS]
    choices[0].setFocus()
    reached = {choices[0]}
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Down) * len(choices):
        qtbot.keyClick(next(one for one in choices if one.isChecked()), key)
        (chosen,) = [one for one in choices if one.isChecked()]
        assert chosen.hasFocus()
        reached.add(chosen)
    assert reached == set(choices)


@pytest.mark.parametrize("page", [*WORK, *REST])
def test_every_control_has_a_name_and_is_reached_by_tab(
    qtbot: QtBot, window: MainWindow, tickets: Path, page: str
) -> None:
    _open(qtbot, window, tickets, page)
    controls = _controls(window, page)
    assert controls
    assert [one.objectName() or type(one).__name__ for one in controls if not one.accessibleName()] == []
    wanted = {one for one in controls if not one.objectName().startswith(BY_OTHER_KEYS) and not _by_arrows(one)}
    reached: set[QWidget] = set()
    at = QApplication.focusWidget()
    while at is not None and at not in reached:
        reached.add(at)
        qtbot.keyClick(at, Qt.Key.Key_Tab)
        at = QApplication.focusWidget()
    assert [one.objectName() for one in wanted - reached] == []


def _shown_texts(root: QWidget) -> list[str]:
    """The texts of all labels and tables below a widget."""
    texts = [one.text() for one in root.findChildren(QLabel)]
    for table in root.findChildren(QTableWidget):
        cells = (table.item(row, column) for row in range(table.rowCount()) for column in range(table.columnCount()))
        texts += [cell.text() for cell in cells if cell is not None]
    return texts


def test_a_label_that_looks_like_markup_is_shown_as_it_is(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    _open(qtbot, window, tickets, "label")
    page, project = window.page("label"), project_of(window)
    assert isinstance(page, LabelPage)
    prediction = Prediction(label=HOSTILE, probability=0.9, uncertainty=0.1, top=((HOSTILE, 0.9), ("travel", 0.1)))
    assert page.item is not None
    changes = project.predictions.write(1, [(page.item.id, prediction)]) | project.predictions.rebuild_uncertainty(1)
    window.hub.changed.emit(changes)
    qtbot.waitUntil(lambda: window.hub.background.idle)
    texts = _shown_texts(page)
    assert HOSTILE in texts, "the label to choose"
    assert f"{HOSTILE} 0.90" in texts, "the suggestion"
    assert any(text.startswith(HOSTILE) and text[-1].isdigit() for text in texts), "the text itself"
    window.show_page("results")
    qtbot.waitUntil(lambda: window.hub.background.idle)
    assert HOSTILE in _shown_texts(window.page("results"))
    assert find(window, QLabel, "rail.project").text() == FOLDER
    for name in (*WORK, *REST):
        window.show_page(name)
    qtbot.waitUntil(lambda: window.hub.background.idle)
    # A menu that the plots' library makes for itself, and that is never shown, has labels of its own.
    library = {one for menu in window.findChildren(QMenu) for one in menu.findChildren(QLabel)}
    labels = [one for one in window.findChildren(QLabel) if one not in library]
    rich = [one for one in labels if one.textFormat() != Qt.TextFormat.PlainText]
    assert [one.text() for one in rich] == []


def test_tool_tips_show_data_as_it_is(qtbot: QtBot, window: MainWindow, tickets: Path) -> None:
    _open(qtbot, window, tickets, "label")
    for name in (*WORK, *REST):
        window.show_page(name)
    qtbot.waitUntil(lambda: window.hub.background.idle)
    tips = {one.toolTip() for one in window.findChildren(QWidget)}
    assert any("&lt;b&gt;food&lt;/b&gt; &amp; &lt;img src=x&gt;" in tip for tip in tips)
    assert [tip for tip in tips if "<img" in tip or "<i>" in tip or "<b>" in tip] == []
