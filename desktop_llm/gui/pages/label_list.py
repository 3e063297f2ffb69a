"""Fifty rows at a time, each with its label: one or many are selected, and a label's key labels all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QTableView, QWidget

from desktop_llm.rows import Item
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.elided import ElidedLabel
from desktop_llm.widgets.rows_model import RowsModel

PAGE = 50
TEXT, LABEL, SUGGESTION = range(3)
NARROW, WIDE = 110, 280
"""The least and the most pixels of a column with a label."""
ROOM_FOR_SUGGESTIONS = 480
"""Pixels from which on there is room for what the model suggests; before, the tool tip of the label tells it."""
LONGEST_LINE, LONGEST_TIP = 300, 1000
MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End)
Step = QItemSelectionModel.SelectionFlag


class _Table(QTableView):
    """Moves and selects by keys; all other keys are the page's."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows, Home and End, with Shift and Ctrl; Ctrl+A."""
        all_of_them = event.key() == Qt.Key.Key_A and event.modifiers() == Qt.KeyboardModifier.ControlModifier
        if all_of_them:
            self.selectAll()
        elif event.key() in MOVES and not event.modifiers() & Qt.KeyboardModifier.AltModifier:
            super().keyPressEvent(event)
        else:
            event.ignore()

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier, /) -> QModelIndex:
        """Home and End lead to the first and the last row: within a row there is nowhere to go."""
        if action in (self.CursorAction.MoveHome, self.CursorAction.MoveEnd):
            modifiers |= Qt.KeyboardModifier.ControlModifier
        return super().moveCursor(action, modifiers)


class LabelList(Card):
    """Signals: `current_changed()`: another row is the current one; `page_asked(by)`: the next or the previous page."""

    current_changed = Signal()
    page_asked = Signal(int)

    def __init__(self, words_of: Callable[[Any], str], parent: QWidget | None = None) -> None:
        """`words_of(value)` tells a stored label in words."""
        super().__init__(" ", " ", parent)
        self._words_of = words_of
        self._items: list[Item] = []
        self._places: dict[int, int] = {}
        titles = (self.tr("Text"), self.tr("Label"), self.tr("Model suggests"))
        self._model = RowsModel(titles, self._cell, self, tip=self._tip)
        self.table = _Table()
        self.table.setObjectName("label.list")
        self.table.setAccessibleName(self.tr("Rows to label"))
        self.table.setModel(self._model)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(32)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(TEXT, QHeaderView.ResizeMode.Stretch)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_selected())
        self.table.selectionModel().currentChanged.connect(lambda *_: self.current_changed.emit())
        self._none = plain_label(self.tr("Nothing waits here. All rows come back with Show: All."), "muted", wrap=True)
        self._none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self._none, 1)
        self.body.addLayout(self._pager())

    def _pager(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self._back = button(self.tr("Previous page"), "label.list.back", lambda: self.page_asked.emit(-1), kind="quiet")
        self._forth = button(self.tr("Next page"), "label.list.forth", lambda: self.page_asked.emit(1), kind="quiet")
        hint = ElidedLabel(self.tr("Shift and arrows select several; a label's key labels them all."), "muted")
        for made in (self._back, self._forth):
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        line.addWidget(hint, 1)
        line.addWidget(self._back)
        line.addWidget(self._forth)
        return line

    @property
    def items(self) -> Sequence[Item]:
        """The rows of this page."""
        return tuple(self._items)

    @property
    def current(self) -> Item | None:
        """The row that the keyboard is on."""
        place = self.table.currentIndex().row()
        return self._items[place] if 0 <= place < len(self._items) else None

    def selected(self) -> list[Item]:
        """The selected rows from top to bottom; where none is, the current one."""
        places = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        found = [self._items[place] for place in places if place < len(self._items)]
        return found or ([self.current] if self.current is not None else [])

    def show_items(self, items: Sequence[Item], current: int | None = None) -> None:
        """Another page; the row with the id `current` is selected, or the first."""
        self._items = list(items)
        self._places = {item.id: place for place, item in enumerate(self._items)}
        self._model.reset(len(self._items))
        self._model.put_page(self._model.generation, 0, self._items)
        self.table.setVisible(bool(items))
        self._none.setVisible(not items)
        self._back.setEnabled(bool(items))
        self._forth.setEnabled(len(items) == PAGE)
        self.set_title(self.tr("{count:,} rows").format(count=len(items)) if len(items) != 1 else self.tr("1 row"))
        if items:
            self._go_to(self._places.get(current or 0, 0))
        self._show_selected()

    def update_items(self, items: Sequence[Item]) -> None:
        """The same rows, changed; others are passed over. What is selected stays so."""
        for item in items:
            if item.id in self._places:
                self._items[self._places[item.id]] = item
        self._model.put_page(self._model.generation, 0, self._items)

    def select(self, ids: Sequence[int]) -> None:
        """Select these rows, as far as they are on this page."""
        places = sorted(self._places[one] for one in ids if one in self._places)
        if not places:
            return
        chosen = QItemSelection()
        for place in places:
            chosen.select(self._model.index(place, 0), self._model.index(place, SUGGESTION))
        model = self.table.selectionModel()
        model.setCurrentIndex(self._model.index(places[0], 0), Step.NoUpdate)
        model.select(chosen, Step.ClearAndSelect)
        self.table.scrollTo(self._model.index(places[0], 0))

    def step(self, by: int) -> bool:
        """To the next or previous row, which is then the only one selected; False at the end of the page."""
        places = [self._places[one.id] for one in self.selected()]
        if not places:
            return False
        place = (places[-1] if by > 0 else places[0]) + by
        if not 0 <= place < len(self._items):
            return False
        self._go_to(place)
        return True

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Labels take a part of what room there is."""
        super().resizeEvent(event)
        width = max(NARROW, min(event.size().width() // 4, WIDE))
        self.table.setColumnHidden(SUGGESTION, event.size().width() < ROOM_FOR_SUGGESTIONS)
        self.table.setColumnWidth(LABEL, width)
        self.table.setColumnWidth(SUGGESTION, width)

    def _go_to(self, place: int) -> None:
        index = self._model.index(place, 0)
        self.table.selectionModel().setCurrentIndex(index, Step.ClearAndSelect | Step.Rows)
        self.table.scrollTo(index)

    def _show_selected(self) -> None:
        count = len(self.table.selectionModel().selectedRows())
        self.set_note(self.tr("{count:,} selected").format(count=count) if count else "")

    def _cell(self, item: Item, column: int) -> str:
        if column == TEXT:
            return " ".join(next(iter(item.content.values()), "")[: 2 * LONGEST_LINE].split())[:LONGEST_LINE]
        if column == LABEL:
            if item.value is None:
                return self.tr("skipped") if item.skipped else ""
            return self._words_of(item.value)
        told = item.prediction
        return "" if told is None else f"{told.label} {told.probability:.2f}"

    def _tip(self, item: Item, column: int) -> str:
        if column == TEXT:
            return next(iter(item.content.values()), "")[:LONGEST_TIP]
        return "\n".join(filter(None, (self._cell(item, LABEL), self._cell(item, SUGGESTION))))
