"""The Label page on seventy-two texts, and what tests of fast hands ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.store.project import Project
from tests.gui.pages.conftest import Rows

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
WAITING = 70
ROWS: Rows = [("first", "yes"), ("second", "no"), *((f"text {place}", None) for place in range(WAITING))]


@contextmanager
def page_on_texts(qtbot: QtBot, hub: Hub, opened: Callable[[Rows], Project]) -> Iterator[LabelPage]:
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


def project_on(page: LabelPage) -> Project:
    """Its project."""
    assert page.hub.project is not None
    return page.hub.project


def values_on(page: LabelPage, *items: int) -> list[object]:
    """The labels of these rows."""
    return [row.value for row in project_on(page).items.get_many(items)]


def list_on(page: LabelPage) -> QTableView:
    """Its list."""
    found = page.findChild(QTableView, "label.list")
    assert isinstance(found, QTableView)
    return found


def until_idle(qtbot: QtBot, page: LabelPage) -> None:
    """Wait until nothing is written behind the page."""
    qtbot.waitUntil(lambda: page.hub.background.idle)
