"""Two people, each with a window and a copy: bundles by window both ways, a dispute decided by keys, both agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QSpinBox
from pytestqt.qtbot import QtBot

from desktop_llm.gui.pages.bundle_send import SendDialog
from desktop_llm.gui.pages.bundle_take import TakeDialog
from desktop_llm.gui.pages.data import DataPage
from desktop_llm.gui.pages.data_people import PeopleTab
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.pages.projects import ProjectsPage
from desktop_llm.gui.window import MainWindow
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from tests.gui.pages.conftest import TASK, fill
from tests.windows import LONG, OpenWindow, click, find, open_in, press, project_of

TEXTS = [f"<b>text {place}</b>" for place in range(5)]


def _label(window: MainWindow) -> LabelPage:
    page = window.page("label")
    assert isinstance(page, LabelPage)
    return page


def _people(window: MainWindow, qtbot: QtBot) -> PeopleTab:
    """Show the tab People."""
    window.show_page("data", tab="people")
    page = window.page("data")
    assert isinstance(page, DataPage)
    tab = page.tab("people")
    assert isinstance(tab, PeopleTab)
    qtbot.waitUntil(lambda: tab.isVisible() and window.hub.background.idle, timeout=LONG)
    return tab


def _go_by(window: MainWindow, name: str, qtbot: QtBot) -> None:
    """Type one's name where one is asked for it."""
    tab = _people(window, qtbot)
    field = find(tab, QLineEdit, "people.name")
    field.selectAll()
    QTest.keyClicks(field, name)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert window.hub.settings.labeler == name


def _send(window: MainWindow, file: Path, qtbot: QtBot) -> None:
    """Write a bundle by the dialog."""
    window.show_page("data", send=True)
    dialog = find(window, SendDialog, "bundle.send")
    qtbot.waitUntil(lambda: dialog.rows.count() > 1, timeout=LONG)
    dialog.write(file)
    words = find(dialog, QLabel, "bundle.send.work.words")
    qtbot.waitUntil(lambda: str(file) in words.text(), timeout=LONG)
    dialog.reject()


def _drop(page: DataPage | ProjectsPage, file: Path) -> TakeDialog:
    """Drop a file on a page; the dialog that opens."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    nothing = Qt.KeyboardModifier.NoModifier
    page.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, nothing))
    return find(page, TakeDialog, "bundle.take")


def _said(project: Project) -> dict[str, Any]:
    """The labels that stand and all entries, by text."""
    return {
        row.content["text"]: (
            row.value,
            sorted((copy.uid, copy.over, value, copy.active) for copy, value in project.joining.events([row.id])),
        )
        for row in project.items.page(Filter(), 0, 100)
    }


@pytest.fixture
def windows(qtbot: QtBot, open_window: OpenWindow, tmp_path: Path) -> tuple[MainWindow, MainWindow]:
    """Ann's, with a project whose first three rows she has labeled by keys; Ben's, with nothing."""
    project = Project.create(tmp_path / "Ann", TASK.name, "Tickets")
    project.classes.ensure(["yes", "no"])
    fill(project, [(text, None) for text in TEXTS])
    project.close()
    ann, ben = open_window(), open_window()
    ann.hub.save_settings(labeler="Ann")
    open_in(qtbot, ann, tmp_path / "Ann", "label")
    page = _label(ann)
    qtbot.waitUntil(lambda: page.item is not None)
    QTest.keyClicks(page, "112")
    return ann, ben


def test_a_second_opinion_comes_back_and_what_differs_is_decided(
    qtbot: QtBot, windows: tuple[MainWindow, MainWindow], tmp_path: Path
) -> None:
    ann, ben = windows
    tab = _people(ann, qtbot)
    find(tab, QSpinBox, "people.share").setValue(100)
    qtbot.waitUntil(lambda: project_of(ann).people.share == 1.0, timeout=LONG)
    qtbot.waitUntil(lambda: ann.hub.background.idle, timeout=LONG)
    _send(ann, tmp_path / "from Ann.dllm", qtbot)

    projects = ben.page("projects")
    assert isinstance(projects, ProjectsPage)
    dialog = _drop(projects, tmp_path / "from Ann.dllm")
    qtbot.waitUntil(lambda: find(dialog, QLabel, "bundle.take.from").text() == "Ann", timeout=LONG)
    dialog.name.setText("Mine")
    with qtbot.waitSignal(ben.hub.project_opened, timeout=LONG):
        click(qtbot, dialog, "bundle.take.go")
    _go_by(ben, "Ben", qtbot)
    assert find(_people(ben, qtbot), QLabel, "people.waiting").text().startswith("3 rows")
    click(qtbot, ben, "people.label")
    page = _label(ben)
    qtbot.waitUntil(lambda: ben.page_name == "label" and page.item is not None and ben.hub.background.idle)
    QTest.keyClicks(page, "121")  # of the second and third text he thinks otherwise
    _send(ben, tmp_path / "from Ben.dllm", qtbot)

    data = ann.page("data")
    assert isinstance(data, DataPage)
    dialog = _drop(data, tmp_path / "from Ben.dllm")
    click(qtbot, dialog, "bundle.take.go")
    words = find(dialog, QLabel, "bundle.take.work.words")
    qtbot.waitUntil(lambda: "2 rows have two labels" in words.text(), timeout=LONG)
    click(qtbot, dialog, "bundle.take.decide")
    page = _label(ann)
    qtbot.waitUntil(lambda: ann.page_name == "label" and ann.hub.background.idle, timeout=LONG)
    assert page.item is not None
    assert page.item.content["text"] == TEXTS[1]
    press(qtbot, ann, "Alt+2")
    press(qtbot, ann, "Alt+1")
    assert project_of(ann).people.disputed() == 0
    assert [row.value for row in project_of(ann).items.page(Filter(), 0, 9)] == [1, 2, 2, None, None]

    _send(ann, tmp_path / "decided.dllm", qtbot)
    data = ben.page("data")
    assert isinstance(data, DataPage)
    dialog = _drop(data, tmp_path / "decided.dllm")
    click(qtbot, dialog, "bundle.take.go")
    words = find(dialog, QLabel, "bundle.take.work.words")
    qtbot.waitUntil(lambda: "history: 2" in words.text(), timeout=LONG)
    assert _said(project_of(ann)) == _said(project_of(ben))
    assert project_of(ben).people.disputed() == 0
