"""The Data page: drop files, see every row, and what the project holds in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QScrollArea,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages.import_panel import ImportPanel
from desktop_llm.rows import Changes, Class, Counts, Filter, Item
from desktop_llm.widgets.bars import Bars
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, Tile
from desktop_llm.widgets.empty import EmptyState
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.rows_model import PAGE, RowsModel

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

SEARCH_MS = 250
FILES = "CSV, TSV, JSON, JSONL (*.csv *.tsv *.txt *.json *.jsonl *.ndjson);;* (*)"


class DataPage(Page):
    """Import at the top right; tiles, table and distribution below."""

    name = "data"

    def __init__(self, hub: Hub) -> None:
        """Empty until a project is open."""
        super().__init__(hub, hub.tr("Data"))
        self._names: dict[int, str] = {}
        self._classes: list[Class] = []
        self._by_class: list[Class] = []
        self._reloading: Task | None = None
        self.setAcceptDrops(True)
        self.import_button = button(self.tr("Import…"), "data.import", self._on_import, kind="primary")
        self.header.addWidget(self.import_button)
        self._stack = QStackedWidget()
        self._empty = EmptyState(
            self.tr("No rows yet"),
            self.tr("Drop a CSV, TSV, JSON or JSONL file here, or pick one. You see what is in it first."),
            self.tr("Pick a file…"),
            "data.pick",
        )
        self._empty.asked.connect(self._on_import)
        self.panel = ImportPanel(hub)
        self.panel.closed.connect(self._on_panel_closed)
        panel = QWidget()
        inside = QVBoxLayout(panel)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.panel, 1)
        self._table_page = self._build_table()
        for widget in (self._empty, panel, self._table_page):
            self._stack.addWidget(widget)
        self._panel_page = panel
        self.content.addWidget(self._stack, 1)
        self._search_timer = QTimer(self)
        self._search_timer.setSingleShot(True)
        self._search_timer.setInterval(SEARCH_MS)
        self._search_timer.timeout.connect(self._reload_rows)

    def set_project(self, project: Project | None) -> None:
        """Show its rows."""
        self.model.reset(0, ())
        self.import_button.setEnabled(self.hub.writable)
        if project is not None:
            self._stack.setCurrentWidget(self._table_page)
            self._reload()

    def on_changes(self, changes: Changes) -> None:
        """Rows or labels have changed; figures at once, rows only where they are others now."""
        if self.hub.project is None:
            return
        if changes.items or changes.classes or changes.labels:
            self._reload()

    def opened(self, **arguments: Any) -> None:
        """`pick` asks for a file."""
        if arguments.get("pick"):
            self._on_import()

    def import_file(self, path: Path) -> None:
        """Show what is in a file, ready to import."""
        if not self.hub.writable:
            self.hub.show_error(UserError(self.tr("This project can only be read now; nothing can be imported.")))
            return
        self._stack.setCurrentWidget(self._panel_page)
        self.panel.look_at(path)

    def state(self) -> dict[str, Any]:
        """The search."""
        return {"text": self._search.text()}

    def restore(self, told: dict[str, Any]) -> None:
        """The search of last time."""
        self._search.setText(str(told.get("text", "")))

    def _build_table(self) -> QWidget:
        page = QWidget()
        whole = QVBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        tiles = QHBoxLayout()
        tiles.setSpacing(16)
        self._tiles = {
            "total": Tile(self.tr("Rows")),
            "labeled": Tile(self.tr("Labeled")),
            "unlabeled": Tile(self.tr("Waiting for a label")),
            "classes": Tile(self.tr("Labels")),
        }
        for name, tile in self._tiles.items():
            tile.setObjectName(f"data.tile.{name}")
            tiles.addWidget(tile)
        whole.addLayout(tiles)
        below = QHBoxLayout()
        below.setSpacing(16)
        below.addWidget(self._rows_card(), 3)
        below.addWidget(self._bars_card(), 1)
        whole.addLayout(below, 1)
        return page

    def _rows_card(self) -> Card:
        card = Card(self.tr("Rows"), "")
        self._card = card
        line = QHBoxLayout()
        self._search = QLineEdit()
        self._search.setObjectName("data.search")
        self._search.setAccessibleName(self.tr("Find in the texts"))
        self._search.setPlaceholderText(self.tr("Find in the texts"))
        self._search.setClearButtonEnabled(True)
        self._search.textChanged.connect(lambda _: self._search_timer.start())
        line.addWidget(self._search, 1)
        self._show = self._choice(
            "data.show",
            [
                (self.tr("All rows"), "all"),
                (self.tr("Unlabeled"), "unlabeled"),
                (self.tr("Labeled"), "labeled"),
                (self.tr("Skipped"), "skipped"),
            ],
        )
        self._split = self._choice(
            "data.split_filter",
            [
                (self.tr("Any split"), ""),
                (self.tr("Training"), "train"),
                (self.tr("Validation"), "validation"),
                (self.tr("Test"), "test"),
            ],
        )
        self._label = self._choice("data.label_filter", [(self.tr("Any label"), None)])
        self._label.setMaximumWidth(200)
        for box in (self._show, self._split, self._label):
            line.addWidget(box)
        card.body.addLayout(line)
        titles = (self.tr("Text"), self.tr("Label"), self.tr("Split"), self.tr("From"))
        self.model = RowsModel(titles, self._cell, self)
        self.model.page_wanted.connect(self._on_page_wanted)
        self.table = QTableView()
        self.table.setObjectName("data.table")
        self.table.setAccessibleName(self.tr("All rows"))
        self.table.setModel(self.model)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.verticalHeader().setDefaultSectionSize(32)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in ((1, 170), (2, 90), (3, 150)):
            self.table.setColumnWidth(column, width)
        self.table.doubleClicked.connect(self._on_double_clicked)
        card.body.addWidget(self.table, 1)
        return card

    def _bars_card(self) -> Card:
        card = Card(self.tr("Labels"), "")
        self._bars_note = card
        self.bars = Bars()
        self.bars.setObjectName("data.bars")
        self.bars.clicked.connect(self._on_bar_clicked)
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

    def _choice(self, name: str, entries: list[tuple[str, Any]]) -> Choice:
        box = Choice()
        box.setObjectName(name)
        box.setAccessibleName(entries[0][0])
        for words, value in entries:
            box.addItem(words, value)
        box.currentIndexChanged.connect(lambda _: self._reload_rows())
        return box

    def _filter(self) -> Filter:
        return Filter(
            show=self._show.currentData(),
            split=self._split.currentData(),
            class_id=self._label.currentData(),
            text=self._search.text().strip(),
        )

    def _cell(self, row: Item, column: int) -> str:
        if column == 0:
            return " ".join(" · ".join(row.content.values())[:500].split())
        if column == 1:
            task = self.hub.task
            if row.value is None or task is None:
                return self.tr("skipped") if row.skipped else ""
            return task.labels.text(row.value, self._names)
        return row.split if column == 2 else row.source

    def _reload(self) -> None:
        project = self.hub.project
        if project is not None:
            self.hub.background.run(
                lambda _: (project.items.counts(), project.classes.all()), on_done=self._show_counts
            )
            self._reload_rows()

    def _show_counts(self, told: tuple[Counts, list[Class]]) -> None:
        counts, self._classes = told
        self._names = {one.id: one.name for one in self._classes}
        share = 100 * counts.labeled / counts.total if counts.total else 0.0
        splits = ", ".join(f"{name} {number:,}" for name, number in sorted(counts.by_split.items()))
        files = self.tr("from {count} files").format(count=len(counts.by_source))
        self._tiles["total"].show_figure(f"{counts.total:,}", files)
        self._tiles["labeled"].show_figure(f"{counts.labeled:,}", f"{share:.0f} %")
        self._tiles["unlabeled"].show_figure(
            f"{counts.unlabeled:,}", self.tr("{count:,} skipped").format(count=counts.skipped)
        )
        self._tiles["classes"].show_figure(f"{len(self._classes):,}", splits)
        self._by_class = sorted(self._classes, key=lambda one: -one.count)
        self.bars.show_rows([(one.name, one.count, f"{one.count:,}") for one in self._by_class])
        self._show_label_filter()
        if self._stack.currentWidget() is not self._panel_page:
            self._stack.setCurrentWidget(self._table_page if counts.total else self._empty)

    def _show_label_filter(self) -> None:
        chosen = self._label.currentData()
        self._label.blockSignals(True)
        self._label.clear()
        self._label.addItem(self.tr("Any label"), None)
        for one in sorted(self._classes, key=lambda one: one.name):
            self._label.addItem(one.name, one.id)
        self._label.setCurrentIndex(max(0, self._label.findData(chosen)))
        self._label.blockSignals(False)

    def _reload_rows(self) -> None:
        project = self.hub.project
        if project is None:
            return
        told = self._filter()
        if self._reloading is not None:
            self._reloading.cancel()
        self._reloading = self.hub.background.run(
            lambda _: (project.items.count(told), project.items.anchors(told, PAGE)), on_done=self._show_rows
        )

    def _show_rows(self, told: tuple[int, list[int]]) -> None:
        count, anchors = told
        place = self.table.verticalScrollBar().value()
        self.model.reset(count, anchors)
        self.table.verticalScrollBar().setValue(place)
        self._card.set_note(self.tr("{count:,} shown").format(count=count))

    def _on_page_wanted(self, generation: int, page: int, first: int) -> None:
        project, told = self.hub.project, self._filter()
        if project is not None:
            self.hub.background.run(
                lambda _: project.items.page(told, first, PAGE),
                on_done=lambda rows: self.model.put_page(generation, page, rows),
            )

    def _on_double_clicked(self, index: QModelIndex) -> None:
        row = self.model.row_at(index.row())
        if row is not None:
            self.hub.page_asked.emit("label", {"item": row.id})

    def _on_bar_clicked(self, place: int) -> None:
        self._label.setCurrentIndex(max(0, self._label.findData(self._by_class[place].id)))

    def _on_import(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, self.tr("Import"), "", FILES)
        if chosen:
            self.import_file(Path(chosen))

    def _on_panel_closed(self) -> None:
        self._stack.setCurrentWidget(self._table_page)
        self._reload()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files."""
        if event.mimeData().hasUrls() and self.hub.writable:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Look at the first file dropped."""
        files = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            self.import_file(files[0])
