"""The card with a run's frozen rows: all of them, page by page, and, once compared, those that differ today."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHeaderView, QStackedWidget, QTabBar, QTableView, QWidget

from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.rows_model import RowsModel
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view

if TYPE_CHECKING:
    from desktop_llm.verbs.snapshots import Comparison, Difference, Kind

BESIDE = ("id", "label", "split")
LABEL_WIDTH, SPLIT_WIDTH = 160, 100


class SnapshotRows(Card):
    """Signals: `page_wanted(generation, page)` of the frozen rows; `row_asked(item id)`: the person wants the row."""

    page_wanted = Signal(int, int)
    row_asked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty until rows are shown."""
        super().__init__(" ", " ", parent)
        self.set_title(self.tr("Rows"))
        self._found: Comparison | None = None
        self._shown: Sequence[Difference] = ()
        self.kinds = QTabBar()
        self.kinds.setObjectName("snapshots.kinds")
        self.kinds.setAccessibleName(self.tr("Which rows are shown"))
        self.kinds.setDrawBase(False)
        self.kinds.setExpanding(False)
        self.kinds.currentChanged.connect(lambda _: self._show_kind())
        self.body.addWidget(self.kinds)
        self._words = plain_label("", "muted", wrap=True)
        self._words.setObjectName("snapshots.kind.words")
        self.body.addWidget(self._words)
        self.model = RowsModel((self.tr("Text"), self.tr("Label"), self.tr("Split")), _cell, self, tip=_tip)
        self.model.page_wanted.connect(self.page_wanted)
        self.table = self._build_table()
        self._grid = TextGrid(self)
        self.differing = grid_view(self._grid, "snapshots.differing", self.tr("Rows that differ"))
        self.differing.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self._stack = QStackedWidget()
        for table in (self.table, self.differing):
            self._stack.addWidget(table)
            table.doubleClicked.connect(self._on_chosen)
            for keys in ("Return", "Enter"):
                shortcut = QShortcut(QKeySequence(keys), table)
                shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
                shortcut.activated.connect(lambda table=table: self._on_chosen(table.currentIndex()))
        self.body.addWidget(self._stack, 1)
        self.show_comparison(None)

    def show_rows(self, count: int) -> None:
        """Other frozen rows: their number."""
        self.model.reset(count)
        self.set_note(self.tr("{count:,} rows, as they were").format(count=count) if count else "")
        self.show_comparison(None)

    def show_comparison(self, found: Comparison | None) -> None:
        """What differs today; None: nobody has compared."""
        self._found = found
        self.kinds.blockSignals(True)
        while self.kinds.count():
            self.kinds.removeTab(0)
        if found is not None:
            self.kinds.addTab(self.tr("All"))
            for kind, title in self._titles().items():
                place = self.kinds.addTab(f"{title} {found.counts.get(kind, 0):,}")
                self.kinds.setTabData(place, kind)
                self.kinds.setTabEnabled(place, bool(found.counts.get(kind)))
        self.kinds.blockSignals(False)
        self.kinds.setVisible(found is not None)
        self._show_kind()

    def show_kind(self, kind: Kind) -> None:
        """List the rows that differ in one way."""
        for place in range(self.kinds.count()):
            if self.kinds.tabData(place) == kind:
                self.kinds.setCurrentIndex(place)

    def set_stale(self) -> None:
        """The project has changed since it was compared."""
        if self._found is not None:
            self.set_note(self.tr("rows have changed since; compare again"))

    def _titles(self) -> dict[Kind, str]:
        return {
            "gone": self.tr("Gone"),
            "new": self.tr("New"),
            "text": self.tr("Other text"),
            "label": self.tr("Other label"),
            "split": self.tr("Other split"),
        }

    def _sentence(self, kind: Kind, count: int) -> str:
        words = {
            "gone": self.tr("{count:,} of its rows are no longer in the project, or have no label any more."),
            "new": self.tr("{count:,} rows were labeled since."),
            "text": self.tr("{count:,} of its rows have another text now."),
            "label": self.tr("{count:,} of its rows have another label now."),
            "split": self.tr("{count:,} of its rows are in another split now."),
        }
        return words[kind].format(count=count)

    def _show_kind(self) -> None:
        found, kind = self._found, self.kinds.tabData(self.kinds.currentIndex())
        self._words.setVisible(found is not None)
        if found is None or kind is None:
            self._stack.setCurrentWidget(self.table)
            if found is not None:
                differ = bool(found.counts)
                words = (
                    self.tr("{count:,} rows are today as they were.")
                    if differ
                    else self.tr("All {count:,} rows are today as they were, and none came.")
                )
                self._words.setText(words.format(count=found.same))
            return
        count = found.counts[kind]
        self._shown = found.examples[kind]
        words = self._sentence(kind, count)
        if count > len(self._shown):
            words += " " + self.tr("The first {shown:,} are listed.").format(shown=len(self._shown))
        self._words.setText(words)
        titles, rows = self._listed(kind, self._shown)
        self._grid.show_rows(titles, rows)
        fit_columns(self.differing)
        self._stack.setCurrentWidget(self.differing)

    def _listed(self, kind: Kind, told: Sequence[Difference]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """The table of what differs in one way."""
        titles: tuple[str, ...]
        if kind == "text":
            titles = (self.tr("Row"), self.tr("Then"), self.tr("Now"))
            return titles, [(str(one.row), text_of(one.before), text_of(one.after)) for one in told]
        if kind in ("label", "split"):
            titles = (self.tr("Row"), self.tr("Then"), self.tr("Now"), self.tr("Text"))
            return titles, [
                (str(one.row), _of(one.before, kind), _of(one.after, kind), text_of(one.after)) for one in told
            ]
        titles = (self.tr("Row"), self.tr("Label"), self.tr("Split"), self.tr("Text"))
        rows = [(one.row, one.before if kind == "gone" else one.after) for one in told]
        return titles, [(str(number), _of(row, "label"), _of(row, "split"), text_of(row)) for number, row in rows]

    def _build_table(self) -> QTableView:
        table = QTableView()
        table.setObjectName("snapshots.rows")
        table.setAccessibleName(self.tr("Frozen rows"))
        table.setModel(self.model)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        table.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(30)
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.horizontalHeader().setHighlightSections(False)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.setColumnWidth(1, LABEL_WIDTH)
        table.setColumnWidth(2, SPLIT_WIDTH)
        return table

    def _on_chosen(self, index: QModelIndex) -> None:
        if not index.isValid():
            return
        if self._stack.currentWidget() is self.differing:
            self.row_asked.emit(self._shown[index.row()].row)
            return
        row = self.model.row_at(index.row())
        if row is not None:
            self.row_asked.emit(int(row[1]["id"]))


def text_of(row: Mapping[str, Any] | None) -> str:
    """The texts of a row: its main one, then what further fields hold."""
    return " · ".join(str(cell) for name, cell in (row or {}).items() if name not in BESIDE)


def _of(row: Mapping[str, Any] | None, name: str) -> str:
    cell = (row or {}).get(name)
    return "" if cell is None else cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


def _cell(row: tuple[str, Mapping[str, Any]], column: int) -> str:
    split, cells = row
    if column == 0:
        return " ".join(text_of(cells)[:500].split())
    return _of(cells, "label") if column == 1 else split


def _tip(row: tuple[str, Mapping[str, Any]], column: int) -> str:
    return text_of(row[1])[:2000] if column == 0 else ""
