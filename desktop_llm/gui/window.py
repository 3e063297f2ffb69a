"""The main window: rail, pages, banner, status bar, menus. It decides nothing; it brings the parts together."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QPaintEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui import leaving
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.menus import Menus
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages import PAGES
from desktop_llm.gui.rail import OF_MODELS, WORK, Rail
from desktop_llm.gui.search_index import SearchIndex
from desktop_llm.gui.status import Status
from desktop_llm.rows import Changes
from desktop_llm.widgets.banner import Banner

USUAL = (1280, 800)
LEAST = (940, 520)
"""Fits a screen of 1920 × 1080 at 200 %."""


class MainWindow(QMainWindow):
    """The one window of the program. Signals: `first_painted()`: there is something to see."""

    first_painted = Signal()

    def __init__(self, hub: Hub) -> None:
        """Shows the Projects page; others are made when they are first shown."""
        super().__init__()
        self.hub = hub
        self.setObjectName("window")
        self.setWindowTitle("desktop_llm")
        self.setMinimumSize(*LEAST)
        self.resize(QSize(*USUAL).boundedTo(self.screen().availableSize()))
        self._pages: dict[str, Page] = {}
        self._current = ""
        self._painted = False
        self.leaving = False
        """Whether the program ends without asking: by a signal, or in a test."""
        try:
            self._states: dict[str, Any] = dict(json.loads(hub.settings.page_state))
        except (ValueError, TypeError):
            self._states = {}
        self._build()
        self.menus = Menus(self)
        self._connect()
        if hub.settings.window_geometry:
            self.restoreGeometry(QByteArray.fromBase64(hub.settings.window_geometry.encode()))
        self.show_page("projects")

    @property
    def page_name(self) -> str:
        """The page shown."""
        return self._current

    def page(self, name: str) -> Page:
        """The page of that name, made now if it was never shown."""
        if name not in self._pages:
            made = PAGES[name](self.hub)
            self._pages[name] = made
            self._stack.addWidget(made)
            made.restore(self._states.get(name, {}))
            if self.hub.project is not None:
                made.set_project(self.hub.project)
        return self._pages[name]

    def show_page(self, name: str, **arguments: Any) -> None:
        """Show a page; those of a project only while one is open."""
        if name in WORK and self.hub.project is None:
            name = "projects"
        if name in OF_MODELS and self.hub.task is not None and not self.hub.task.learns:
            name = "label"
        page = self.page(name)
        self._current = name
        self._stack.setCurrentWidget(page)
        self.rail.mark(name)
        self.menus.show_state()
        page.opened(**arguments)

    def open_recent(self, place: str) -> None:
        """Open a project of the past on its data."""
        self.hub.open_project(Path(place), then_page="data")

    def close_project(self) -> None:
        """Close the open project; a run under way is a reason not to."""
        try:
            self.hub.close_project()
        except UserError as error:
            self.hub.show_error(error)

    def leave(self) -> None:
        """Close without asking: a run under way leaves with a checkpoint."""
        self.leaving = True
        # A dialog that waits for an answer would keep the program alive.
        for dialog in self.findChildren(QDialog):
            dialog.reject()
        self.close()

    def turn_full_screen(self) -> None:
        """To the full screen, and back."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _build(self) -> None:
        middle = QWidget()
        line = QHBoxLayout(middle)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        self.rail = Rail(self.hub)
        line.addWidget(self.rail)
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        banners = QVBoxLayout()
        banners.setContentsMargins(24, 8, 24, 0)
        self.notice = Banner("notice")
        self.banner = Banner("banner")
        self._told_at_the_door = False
        banners.addWidget(self.notice)
        banners.addWidget(self.banner)
        right.addLayout(banners)
        self._stack = QStackedWidget()
        right.addWidget(self._stack, 1)
        line.addLayout(right, 1)
        self.setCentralWidget(middle)
        self.status = Status(self.hub)
        self.setStatusBar(self.status)

    def _connect(self) -> None:
        self._search_index = SearchIndex(self.hub, self)
        self.rail.chosen.connect(self.show_page)
        self.hub.page_asked.connect(lambda name, told: self.show_page(name, **told))
        self.hub.project_opened.connect(self._on_project_opened)
        self.hub.changed.connect(self._on_changed)
        self.hub.error_shown.connect(self._on_error_shown)

    def _on_project_opened(self, project: Any) -> None:
        task = self.hub.task
        learns = task is None or task.learns
        self.rail.set_project(project.name if project else "", task.title if task else "", learns=learns)
        self.setWindowTitle(f"{project.name} – desktop_llm" if project else "desktop_llm")
        self.menus.show_state()
        self.notice.hide()
        if project is not None and self._told_at_the_door:
            self.banner.hide()  # what kept somebody from opening one is over
        if project is not None and project.read_only:
            sentence = self.tr("This project can only be read now: {why}").format(why=project.holder)
            self.notice.tell(sentence, level="warning", closable=False)
        for page in self._pages.values():
            page.set_project(project)
        if project is None:
            self.status.show_saved(None)
            if self._current:
                self.show_page("projects")
        else:
            self._count()

    def _on_changed(self, changes: Changes) -> None:
        for page in self._pages.values():
            page.on_changes(changes)
        if changes.labels or changes.items:
            self._count()

    def _count(self) -> None:
        project, task = self.hub.project, self.hub.task
        if project is not None:
            show = partial(self.status.show_saved, of_labels=task is None or not task.unsupervised)
            self.hub.background.run(lambda _: project.items.counts().labeled, on_done=show)

    def _on_error_shown(self, error: UserError) -> None:
        self._told_at_the_door = self.hub.project is None
        self.banner.tell(error.message, error.details)

    def _may_close(self) -> bool:
        """Ask what becomes of a run under way."""
        if not self.hub.is_training or self.leaving:
            return True
        answer = leaving.ask(self)
        if answer == "stop" and self.hub.is_training:
            # The model is written first; the window waits for it with its bar, then closes.
            self.hub.training.ended.connect(self.close, Qt.ConnectionType.QueuedConnection)
            self.hub.training.stop()
            self.hub.show_message(self.tr("The run stops and keeps its model; then the window closes."))
            return False
        # Told to leave while the question stood: that is the answer.
        return self.leaving or answer != "stay"

    def _paint_told(self) -> None:
        if not self._painted:
            self._painted = True
            # After the event loop has handed this painting on to the screen.
            QTimer.singleShot(0, self, self.first_painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Keep the window's state, end what runs."""
        if not self._may_close():
            event.ignore()
            return
        states = {**self._states, **{name: page.state() for name, page in self._pages.items()}}
        states["page"] = self._current
        geometry = bytes(self.saveGeometry().toBase64().data()).decode()
        self.hub.save_settings(window_geometry=geometry, page_state=json.dumps(states))
        self.hide()
        self.hub.close()
        event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The first painting is news: what can wait begins after it."""
        super().paintEvent(event)
        self._paint_told()
