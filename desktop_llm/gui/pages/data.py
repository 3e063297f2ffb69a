"""The Data page: drop files, see every row, and what the project holds in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages.import_panel import ImportPanel
from desktop_llm.gui.pages.rows_view import RowsView
from desktop_llm.rows import Changes, Class, Counts
from desktop_llm.widgets.bars import Bars
from desktop_llm.widgets.button import button, rank
from desktop_llm.widgets.card import Card, Tile
from desktop_llm.widgets.empty import EmptyState

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

PATTERNS = "*.csv *.tsv *.tab *.txt *.json *.jsonl *.ndjson"


class DataPage(Page):
    """Import at the top right; tiles, table and distribution below."""

    name = "data"

    def __init__(self, hub: Hub) -> None:
        """Empty until a project is open."""
        super().__init__(hub, hub.tr("Data"))
        self._by_count: list[Class] = []
        self._stale = False
        self._folder = ""
        self.setAcceptDrops(True)
        self.import_button = button(self.tr("Import…"), "data.import", self._on_import, kind="primary")
        policy = self.import_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.import_button.setSizePolicy(policy)
        self.header.addWidget(self.import_button)
        self.rows = RowsView(hub, self.tr("Rows"))
        self.rows.row_asked.connect(lambda item: hub.page_asked.emit("label", {"item": item}))
        self.panel = ImportPanel(hub)
        self.panel.closed.connect(self._on_panel_closed)
        self.panel.another_asked.connect(self._on_import)
        self._stack = QStackedWidget()
        self._nothing_yet = QWidget()
        self._empty = self._build_empty()
        self._overview = self._build_overview()
        for widget in (self._nothing_yet, self._empty, self._overview, self.panel):
            self._stack.addWidget(widget)
        self.content.addWidget(self._stack, 1)

    def set_project(self, project: Project | None) -> None:
        """Show its rows."""
        self.rows.clear()
        self.panel.leave()
        self.import_button.setEnabled(self.hub.writable)
        self.import_button.setToolTip("" if self.hub.writable else self._why_not())
        self._show_panel(shown=False)
        self._tell_empty()
        self._stack.setCurrentWidget(self._nothing_yet)
        if project is not None:
            self._reload()

    def on_changes(self, changes: Changes) -> None:
        """Rows or labels have changed; what nobody sees is read when it is seen."""
        if not (changes.items or changes.classes or changes.labels):
            return
        if self.isVisible():
            self._reload()
        else:
            self._stale = True

    def opened(self, **arguments: Any) -> None:
        """`pick` asks for a file."""
        if self._stale:
            self._reload()
        if self._stack.currentWidget() is self._overview:
            self.rows.table.setFocus()
        if arguments.get("pick"):
            self._on_import()

    def import_files(self, files: list[Path]) -> None:
        """Show what is in a file, ready to import; further ones come after it."""
        if not self.hub.writable:
            self.hub.show_error(UserError(self._why_not()))
        elif self.panel.busy:
            self.hub.show_error(UserError(self.tr("A file is being imported; wait for its end or cancel it.")))
        elif files:
            self._folder = str(files[0].parent)
            self._show_panel(shown=True)
            self.panel.look_at(files)

    def state(self) -> dict[str, Any]:
        """What is shown, and where files come from."""
        return {"folder": self._folder, **self.rows.state()}

    def restore(self, told: dict[str, Any]) -> None:
        """As last time."""
        self._folder = str(told.get("folder", ""))
        self.rows.restore(told)

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
                self.tr("CSV, TSV, JSON or JSON Lines, any size. You see what is in it before anything is taken."),
                self.tr("Choose files…"),
            )
        else:
            self._empty_state.tell(self.tr("No rows yet"), self._why_not(), "")

    def _build_overview(self) -> QWidget:
        page = QWidget()
        whole = QVBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        tiles = QHBoxLayout()
        tiles.setSpacing(16)
        self._tiles = {
            "total": Tile(self.tr("Rows")),
            "labeled": Tile(self.tr("Labeled")),
            "unlabeled": Tile(self.tr("Unlabeled")),
            "classes": Tile(self.tr("Labels")),
        }
        for name, tile in self._tiles.items():
            tile.setObjectName(f"data.tile.{name}")
            tiles.addWidget(tile)
        whole.addLayout(tiles)
        below = QHBoxLayout()
        below.setSpacing(16)
        below.addWidget(self.rows, 1)
        below.addWidget(self._build_bars())
        whole.addLayout(below, 1)
        return page

    def _build_bars(self) -> Card:
        card = Card(self.tr("Labels"), self.tr("click one to see its rows"))
        card.setFixedWidth(280)
        self.bars = Bars()
        self.bars.setObjectName("data.bars")
        self.bars.clicked.connect(lambda place: self.rows.show_class(self._by_count[place].id))
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inside = QVBoxLayout(inner)
        inside.setContentsMargins(0, 0, 8, 0)
        inside.addWidget(self.bars)
        inside.addStretch(1)
        scroll.setWidget(inner)
        card.body.addWidget(scroll, 1)
        return card

    def _reload(self) -> None:
        """Read figures and rows again."""
        project = self.hub.project
        if project is None:
            return
        self._stale = False

        def show(told: tuple[Counts, list[Class]]) -> None:
            if self.hub.project is project:
                self._show_figures(*told)

        self.hub.background.run(lambda _: (project.items.counts(), project.classes.all()), on_done=show)
        self.rows.reload()

    def _show_figures(self, counts: Counts, classes: list[Class]) -> None:
        self.rows.set_classes(classes)
        files = len(counts.by_source)
        of_files = self.tr("from one file") if files == 1 else self.tr("from {count:,} files").format(count=files)
        self._tiles["total"].show_figure(f"{counts.total:,}", of_files)
        share = counts.labeled / counts.total if counts.total else 0.0
        self._tiles["labeled"].show_figure(f"{counts.labeled:,}", self.tr("{share:.0%} of all").format(share=share))
        skipped = self.tr("{count:,} more skipped").format(count=counts.skipped) if counts.skipped else ""
        self._tiles["unlabeled"].show_figure(f"{counts.unlabeled:,}", skipped or self.tr("waiting for yours"))
        used = sum(one.count > 0 for one in classes)
        unused = self.tr("{count:,} not used yet").format(count=len(classes) - used) if used < len(classes) else ""
        self._tiles["classes"].show_figure(f"{len(classes):,}", unused or self.tr("all in use"))
        self._by_count = sorted(classes, key=lambda one: -one.count)
        self.bars.show_rows([(one.name, one.count, f"{one.count:,}") for one in self._by_count])
        self.rows.show_columns(splits=bool(counts.by_split), sources=files > 1)
        # On the empty page its own button is the next step.
        rank(self.import_button, "primary" if counts.total else "plain")
        if self._stack.currentWidget() is not self.panel:
            self._stack.setCurrentWidget(self._overview if counts.total else self._empty)
        if counts.total and self.import_button.hasFocus():
            # The first control of a page gets the focus when the page is shown; the rows are what is meant.
            self.rows.table.setFocus()

    def _show_panel(self, *, shown: bool) -> None:
        self.import_button.setVisible(not shown)
        if shown:
            self._stack.setCurrentWidget(self.panel)

    def _on_import(self) -> None:
        if not self.hub.writable:
            self.import_files([])
            return
        kinds = self.tr("Texts ({patterns})").format(patterns=PATTERNS) + ";;" + self.tr("All files (*)")
        chosen, _ = QFileDialog.getOpenFileNames(self, self.tr("Import"), self._folder, kinds)
        self.import_files([Path(name) for name in chosen])

    def _on_panel_closed(self) -> None:
        self._show_panel(shown=False)
        self._stack.setCurrentWidget(self._nothing_yet)
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
