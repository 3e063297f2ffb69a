"""What tests of imports do on the Data page, and what they read there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QTableView
from pytestqt.qtbot import QtBot

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data import DataPage
from desktop_llm.rows import Filter
from desktop_llm.store.project import Project
from desktop_llm.widgets.card import Tile

Opened = Callable[..., Project]


def open_page(qtbot: QtBot, hub: Hub) -> DataPage:
    """The page, shown, and told of projects and changes as the window does."""
    made = DataPage(hub)
    qtbot.addWidget(made)
    hub.project_opened.connect(made.set_project)
    hub.changed.connect(made.on_changes)
    made.resize(1096, 640)
    made.show()
    return made


def button(page: DataPage, name: str) -> QPushButton:
    """The button of that object name."""
    found = page.findChild(QPushButton, name)
    assert isinstance(found, QPushButton)
    return found


def click(page: DataPage, name: str) -> None:
    """Click it, as a person would: it must be there and enabled."""
    found = button(page, name)
    assert found.isVisible()
    assert found.isEnabled()
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)


def label(page: DataPage, name: str) -> QLabel:
    """The label of that object name."""
    found = page.findChild(QLabel, name)
    assert isinstance(found, QLabel)
    return found


def figure(page: DataPage, name: str) -> str:
    """A figure of the report."""
    found = page.findChild(Tile, f"data.report.{name}")
    assert isinstance(found, Tile)
    return found.value()


def grid(page: DataPage, name: str) -> list[list[str]]:
    """The texts of a small table."""
    view = page.findChild(QTableView, name)
    assert isinstance(view, QTableView)
    model = view.model()
    return [
        [str(model.data(model.index(row, column))) for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """A file with this text."""
    path.write_text(text, encoding=encoding)
    return path


def look(page: DataPage, qtbot: QtBot, *files: Path) -> None:
    """Show a file and wait until it was looked at."""
    page.import_files(list(files))
    qtbot.waitUntil(lambda: button(page, "data.go").isEnabled())


def take(page: DataPage, qtbot: QtBot) -> None:
    """Import what is shown and wait for the report."""
    click(page, "data.go")
    qtbot.waitUntil(lambda: button(page, "data.done").isVisible(), timeout=30_000)


def texts(project: Project) -> list[str]:
    """All texts of a project, in order."""
    return [item.content["text"] for item in project.items.page(Filter(), 0, 10_000)]
