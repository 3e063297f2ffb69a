"""The main window: rail, pages, banner, status bar, menus. It decides nothing; it brings the parts together."""

from __future__ import annotations

import json
from typing import Any

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenu, QMessageBox, QStackedWidget, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui import shortcuts
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages import PAGES
from desktop_llm.gui.rail import WORK, Rail
from desktop_llm.gui.status import Status
from desktop_llm.rows import Changes
from desktop_llm.widgets.banner import Banner


class MainWindow(QMainWindow):
    """The one window of the program."""

    def __init__(self, hub: Hub) -> None:
        """Shows the Projects page; others are made when they are first shown."""
        super().__init__()
        self.hub = hub
        self.setObjectName("window")
        self.setWindowTitle("desktop_llm")
        self.setMinimumSize(960, 600)
        self.resize(1280, 800)
        self._pages: dict[str, Page] = {}
        self._current = ""
        self.leaving = False
        """Whether the system ends the program: nobody is asked then."""
        try:
            self._states: dict[str, Any] = dict(json.loads(hub.settings.page_state))
        except (ValueError, TypeError):
            self._states = {}
        self._build()
        self._build_menus()
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
        page = self.page(name)
        self._current = name
        self._stack.setCurrentWidget(page)
        self.rail.mark(name)
        page.opened(**arguments)

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
        self.rail.chosen.connect(self.show_page)
        self.hub.page_asked.connect(lambda name, told: self.show_page(name, **told))
        self.hub.project_opened.connect(self._on_project_opened)
        self.hub.changed.connect(self._on_changed)
        self.hub.error_shown.connect(self._on_error_shown)

    def _build_menus(self) -> None:
        file = self._menu(self.tr("&File"))
        self._add(file, self.tr("New project…"), "Ctrl+N", lambda: self.show_page("projects", new=True))
        self._add(file, self.tr("Open project…"), "Ctrl+O", lambda: self.show_page("projects", pick=True))
        self._add(file, self.tr("Import rows…"), "Ctrl+I", lambda: self.show_page("data", pick=True), needs=True)
        self._add(file, self.tr("Close project"), "Ctrl+W", self._on_close_project, needs=True)
        file.addSeparator()
        self._add(file, self.tr("Quit"), QKeySequence(QKeySequence.StandardKey.Quit), self.close)
        go = self._menu(self.tr("&Go"))
        titles = [self.tr("Data"), self.tr("Label"), self.tr("Train"), self.tr("Results"), self.tr("Try it")]
        for number, (name, title) in enumerate(zip(WORK, [*titles, self.tr("Export")], strict=True), 1):
            self._add(go, title, f"Ctrl+{number}", lambda name=name: self.show_page(name), needs=True)
        go.addSeparator()
        self._add(go, self.tr("All projects"), "Ctrl+0", lambda: self.show_page("projects"))
        self._add(go, self.tr("Settings"), "Ctrl+,", lambda: self.show_page("settings"))
        view = self._menu(self.tr("&View"))
        self._add(view, self.tr("Light"), "", lambda: self.hub.save_settings(theme="light"))
        self._add(view, self.tr("Dark"), "", lambda: self.hub.save_settings(theme="dark"))
        self._add(view, self.tr("As the system"), "", lambda: self.hub.save_settings(theme="system"))
        view.addSeparator()
        self._add(view, self.tr("Full screen"), "F11", self._on_full_screen)
        train = self._menu(self.tr("&Train"))
        self._add(train, self.tr("Start training"), "Ctrl+T", lambda: self.show_page("train", start=True), needs=True)
        help_menu = self._menu(self.tr("&Help"))
        self._add(help_menu, self.tr("Keys"), "F1", lambda: shortcuts.show_sheet(self))
        self._on_project_opened(None)

    def _menu(self, title: str) -> QMenu:
        menu = QMenu(title, self)
        self.menuBar().addMenu(menu)
        return menu

    def _add(self, menu: Any, text: str, keys: str | QKeySequence, done: Any, *, needs: bool = False) -> QAction:
        action = QAction(text, self)
        action.setObjectName(f"action.{text}")
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _checked=False: done())
        action.setProperty("needs_project", needs)
        menu.addAction(action)
        return action

    def _on_project_opened(self, project: Any) -> None:
        task = self.hub.task
        self.rail.set_project(project.name if project else "", task.title if task else "")
        self.setWindowTitle(f"{project.name} – desktop_llm" if project else "desktop_llm")
        for action in self.findChildren(QAction):
            if action.property("needs_project"):
                action.setEnabled(project is not None)
        self.notice.hide()
        if project is not None and project.read_only:
            sentence = self.tr("This project can only be read now: {why}").format(why=project.holder)
            self.notice.tell(sentence, level="warning", closable=False)
        for page in self._pages.values():
            page.set_project(project)
        if project is None:
            self.status.saved.setText("")
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
        project = self.hub.project
        if project is not None:
            self.hub.background.run(lambda _: project.items.counts().labeled, on_done=self._show_count)

    def _show_count(self, labeled: int) -> None:
        self.status.saved.setText(self.tr("Saved · {count:,} labels").format(count=labeled))

    def _on_error_shown(self, error: UserError) -> None:
        self.banner.tell(error.message, error.details)

    def _on_close_project(self) -> None:
        try:
            self.hub.close_project()
        except UserError as error:
            self.hub.show_error(error)

    def _on_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _may_close(self) -> bool:
        """Ask about a run under way."""
        if not self.hub.is_training or self.leaving:
            return True
        box = QMessageBox(self)
        box.setObjectName("close.ask")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(self.tr("A run is training."))
        box.setInformativeText(self.tr("Leave saves a checkpoint; Resume goes on from it next time."))
        leave = box.addButton(self.tr("Leave"), QMessageBox.ButtonRole.AcceptRole)
        stay = box.addButton(self.tr("Stay"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.exec()
        return box.clickedButton() is leave

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
