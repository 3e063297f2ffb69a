"""The Data page: drop files to import them; its tabs show the rows and work on all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages import bundles
from desktop_llm.gui.pages.data_rows import RowsTab
from desktop_llm.gui.pages.data_tab import DataTab
from desktop_llm.gui.pages.data_tabs import TABS
from desktop_llm.gui.pages.import_panel import ImportPanel
from desktop_llm.rows import Changes, Class, Counts, Filter
from desktop_llm.widgets.button import button, rank
from desktop_llm.widgets.empty import EmptyState

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

ENDINGS = "csv tsv tab txt json jsonl ndjson xlsx parquet arrow feather conll iob iob2 bio md zip"
PATTERNS = " ".join(f"*.{ending}" for ending in ENDINGS.split())


class DataPage(Page):
    """Tabs beside the title, import at the top right; below the tab, an import, or the way into an empty project."""

    name = "data"

    def __init__(self, hub: Hub) -> None:
        """Empty until a project is open."""
        super().__init__(hub, hub.tr("Data"))
        self._told: dict[str, Any] = {}
        self._stale = False
        self._folder = ""
        self.setAcceptDrops(True)
        self.import_button = button(self.tr("Import…"), "data.import", self._on_import, kind="primary")
        policy = self.import_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.import_button.setSizePolicy(policy)
        self.header.addWidget(self.import_button)
        self.panel = ImportPanel(hub)
        self.panel.closed.connect(self._on_panel_closed)
        self.panel.another_asked.connect(self._on_import)
        self._stack = QStackedWidget()
        self._nothing_yet = QWidget()
        self._empty = self._build_empty()
        for widget in (self._nothing_yet, self._empty, self._build_tabs(), self.panel):
            self._stack.addWidget(widget)
        self.content.addWidget(self._stack, 1)

    def set_project(self, project: Project | None) -> None:
        """Show its rows."""
        for tab in self._tabs.values():
            tab.set_project(project)
        self.panel.leave()
        self.import_button.setEnabled(self.hub.writable)
        self.import_button.setToolTip("" if self.hub.writable else self._why_not())
        self._show_panel(shown=False)
        self._offer_tabs()
        self._tell_empty()
        self._show(self._nothing_yet)
        if project is not None:
            self._reload()

    def on_changes(self, changes: Changes) -> None:
        """Rows or labels have changed; what nobody sees is read when it is seen."""
        if not (changes.items or changes.classes or changes.labels):
            for tab in self._tabs.values():
                if changes.runs and tab.follows_runs:
                    tab.on_changes(changes)
            return
        if self.isVisible():
            self._reload()
        else:
            self._stale = True
        for name, tab in self._tabs.items():
            if name != "rows":
                tab.on_changes(changes)

    def opened(self, **arguments: Any) -> None:
        """`pick` asks for a file, `folder` for a folder, `send` and `take` are for bundles; `tab` shows one, which is
        told of all else.
        """
        if self._stale:
            self._reload()
        if arguments.get("tab") in TABS:
            self.show_tab(arguments["tab"])
        if self._stack.currentWidget() is self._inner:
            self._current().opened(**arguments)
            self._current().take_focus()
        if arguments.get("pick"):
            self._on_import()
        elif arguments.get("folder"):
            self._on_import_folder()
        elif arguments.get("send"):
            bundles.send(self.hub, self)
        elif arguments.get("take"):
            bundles.ask_and_take(self.hub, self)

    def import_files(self, files: list[Path]) -> None:
        """Show what is in a file, ready to import; further ones come after it. Bundles are taken in."""
        found, files = bundles.apart(files)
        if found and self.hub.writable and not files:
            bundles.take(self.hub, self, found)
        elif found and self.hub.writable:
            self.hub.show_error(UserError(self.tr("Take bundles and other files one after the other.")))
        elif not self.hub.writable:
            self.hub.show_error(UserError(self._why_not()))
        elif self.panel.busy:
            self.hub.show_error(UserError(self.tr("A file is being imported; wait for its end or cancel it.")))
        elif files:
            self._folder = str(files[0].parent)
            self._show_panel(shown=True)
            self.panel.look_at(files)

    def state(self) -> dict[str, Any]:
        """What is shown, and where files come from."""
        shown = tuple(TABS)[self.tab_bar.currentIndex()]
        tabs = {name: tab.state() for name, tab in self._tabs.items()}
        return {"folder": self._folder, "tab": shown, **self._told, **tabs}

    def restore(self, told: dict[str, Any]) -> None:
        """As last time."""
        self._folder = str(told.get("folder", ""))
        self._told = {name: told[name] for name in TABS if isinstance(told.get(name), dict)}
        for name, tab in self._tabs.items():
            tab.restore(self._told.get(name, {}))
        if told.get("tab") in TABS:
            self.show_tab(told["tab"])

    @property
    def overview(self) -> RowsTab:
        """The first tab, which is always there."""
        tab = self.tab("rows")
        assert isinstance(tab, RowsTab)
        return tab

    def _why_not(self) -> str:
        if self.hub.project is None:
            return self.tr("Open a project first.")
        why = self.hub.project.holder
        return self.tr("This project can only be read now, so nothing can be imported: {why}").format(why=why)

    def _build_empty(self) -> QWidget:
        area = QFrame()
        area.setObjectName("data.drop")
        area.setProperty("role", "drop")
        whole = QVBoxLayout(area)
        self._empty_state = EmptyState("", "", "", "data.pick")
        self._empty_state.asked.connect(self._on_import)
        whole.addWidget(self._empty_state)
        return area

    def _tell_empty(self) -> None:
        """What to do when there are no rows."""
        if self.hub.writable:
            self._empty_state.tell(
                self.tr("Drop a file with your texts here"),
                self.tr(
                    "CSV, Excel, JSON, Parquet, text, exports of other tools, a folder or a ZIP of them, any size. "
                    "You see what is in it before anything is taken."
                ),
                self.tr("Choose files…"),
            )
        else:
            self._empty_state.tell(self.tr("No rows yet"), self._why_not(), "")

    def _build_tabs(self) -> QWidget:
        """The tab bar stands beside the title; a tab is made when it is first shown."""
        self.tab_bar = QTabBar()
        self.tab_bar.setObjectName("data.tabs")
        self.tab_bar.setAccessibleName(self.tr("Ways to look at the data"))
        self.tab_bar.setDrawBase(False)
        self.tab_bar.setExpanding(False)
        for tab in TABS.values():
            self.tab_bar.addTab(QCoreApplication.translate("DataTabs", tab.title))
        self.tab_bar.currentChanged.connect(lambda place: self._show_tab(tuple(TABS)[place]))
        behind = self.header.indexOf(self.title) + 1
        self.header.insertSpacing(behind, 16)
        self.header.insertWidget(behind + 1, self.tab_bar)
        self._tabs: dict[str, DataTab] = {}
        self._inner = QStackedWidget()
        return self._inner

    def tab(self, name: str) -> DataTab:
        """One of the tabs, made if it was not."""
        if name not in self._tabs:
            made = TABS[name].make(self.hub)
            made.rows_asked.connect(self._on_rows_asked)
            made.set_project(self.hub.project)
            made.restore(self._told.get(name, {}))
            self._tabs[name] = made
            self._inner.addWidget(made)
        return self._tabs[name]

    def show_tab(self, name: str) -> None:
        """Show one of the tabs."""
        self.tab_bar.setCurrentIndex(tuple(TABS).index(name))
        self._show_tab(name)

    def _show_tab(self, name: str) -> None:
        tab = self.tab(name)
        self._inner.setCurrentWidget(tab)
        if self._stack.currentWidget() is self._inner:
            tab.opened()

    def _offer_tabs(self) -> None:
        """Tabs about runs are for tasks that have a model."""
        task = self.hub.task
        for place, tab in enumerate(TABS.values()):
            offered = task is None or task.learns or not tab.of_models
            self.tab_bar.setTabVisible(place, offered)
            if not offered and self.tab_bar.currentIndex() == place:
                self.show_tab(next(iter(TABS)))

    def _current(self) -> DataTab:
        return self.tab(tuple(TABS)[self.tab_bar.currentIndex()])

    def _on_rows_asked(self, told: Filter) -> None:
        self.show_tab("rows")
        self.overview.rows.show_rows(told)

    def _reload(self) -> None:
        """Read figures again, and then what the tab shows."""
        project = self.hub.project
        if project is None:
            return
        self._stale = False

        def show(told: tuple[Counts, list[Class]]) -> None:
            if self.hub.project is project:
                self._show_figures(*told)

        self.hub.background.run(lambda _: (project.items.counts(), project.classes.all()), on_done=show)
        self.overview.reload()

    def _show_figures(self, counts: Counts, classes: list[Class]) -> None:
        self.overview.show_figures(counts, classes)
        # On the empty page its own button is the next step.
        rank(self.import_button, "primary" if counts.total else "plain")
        if not counts.total and not counts.binned:
            self.show_tab("rows")  # what comes into an empty project is what one wants to see first
        if self._stack.currentWidget() is not self.panel:
            self._show(self._inner if counts.total or counts.binned else self._empty)
        if counts.total and self.import_button.hasFocus():
            # The first control of a page gets the focus when the page is shown; the rows are what is meant.
            self._current().take_focus()

    def _show(self, what: QWidget) -> None:
        """Show the tabs, the import, or the way into an empty project."""
        self._stack.setCurrentWidget(what)
        self.tab_bar.setVisible(what is self._inner and len(TABS) > 1)
        if what is self._inner:
            self._current().opened()

    def _show_panel(self, *, shown: bool) -> None:
        self.import_button.setVisible(not shown)
        if shown:
            self._show(self.panel)

    def _on_import(self) -> None:
        if not self.hub.writable:
            self.import_files([])
            return
        kinds = self.tr("Texts ({patterns})").format(patterns=PATTERNS) + ";;" + self.tr("All files (*)")
        chosen, _ = QFileDialog.getOpenFileNames(self, self.tr("Import"), self._folder, kinds)
        self.import_files([Path(name) for name in chosen])

    def _on_import_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Import a folder"), self._folder)
        if chosen:
            self.import_files([Path(chosen)])

    def _on_panel_closed(self) -> None:
        self._show_panel(shown=False)
        self._show(self._nothing_yet)
        self._reload()

    def _show_over(self, *, over: bool) -> None:
        self._empty.setProperty("over", over)
        self._empty.style().unpolish(self._empty)
        self._empty.style().polish(self._empty)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files, where they can be taken."""
        if event.mimeData().hasUrls() and self.hub.writable and not self.panel.busy:
            self._show_over(over=True)
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """The files went elsewhere."""
        self._show_over(over=False)
        event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        """Look at what was dropped."""
        self._show_over(over=False)
        files = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            self.import_files(files)
