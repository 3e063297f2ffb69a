"""The tab History: all that was done to many rows at once, to be undone and done again, and what lies in the bin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QStackedWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data_tab import DataTab
from desktop_llm.rows import Changes, Operation
from desktop_llm.widgets.button import button, rank
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.empty import EmptyState
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project

BINNED_SHOWN = 500
LOWEST = 30
"""Pixels of a row."""
SURE_MS = 5000
"""How long the question whether the bin is to be emptied stands."""
Shown = tuple[list[Operation], int, list[tuple[int, str, int]]]


class HistoryTab(DataTab):
    """Operations at the left, the newest first; the bin at the right."""

    name = "history"

    def __init__(self, hub: Hub) -> None:
        """Empty until a project is open."""
        super().__init__(hub, hub.tr("History"))
        self._operations: list[Operation] = []
        self._binned = 0
        self._work: Task | None = None
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        whole.addWidget(self._build_operations(), 2)
        whole.addWidget(self._build_bin(), 1)
        self._sure = QTimer(self)
        self._sure.setSingleShot(True)
        self._sure.setInterval(SURE_MS)
        self._sure.timeout.connect(self._show_buttons)

    def reload(self) -> None:
        """Read operations and bin."""
        super().reload()
        project = self.hub.project
        if project is None:
            return

        def read(_: Task) -> Shown:
            return project.operations.all(), project.bin.count(), project.bin.page(0, BINNED_SHOWN)

        def show(told: Shown) -> None:
            if self.hub.project is project:
                self._show(*told)

        self.hub.background.run(read, on_done=show)

    def take_focus(self) -> None:
        """To the list."""
        self.table.setFocus()

    def _build_operations(self) -> Card:
        card = Card(self.tr("What was done to many rows"), " ")
        self._card = card
        self._grid = TextGrid(self)
        self.table = grid_view(self._grid, "data.history", self.tr("What was done to many rows"))
        # what was done may be long to say, and is what one looks for
        self.table.setWordWrap(True)
        self.table.verticalHeader().setMinimumSectionSize(LOWEST)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_buttons())
        self._grid.modelReset.connect(self._show_buttons)
        nothing = EmptyState(
            self.tr("Nothing was done to many rows yet"),
            self.tr("Labeling, moving, deleting or cleaning many rows at once is listed here, and can be undone."),
            "",
            "data.history.none",
        )
        self._stack = QStackedWidget()
        self._stack.addWidget(self.table)
        self._stack.addWidget(nothing)
        card.body.addWidget(self._stack, 1)
        line = QHBoxLayout()
        self._words = plain_label("", "muted", wrap=True)
        self._turn = button(self.tr("Undo"), "data.history.turn", self._on_turn)
        line.addWidget(self._words, 1)
        line.addWidget(self._turn)
        card.body.addLayout(line)
        return card

    def _build_bin(self) -> Card:
        card = Card(self.tr("Bin"), " ")
        self._bin_card = card
        self._bin_grid = TextGrid(self)
        self.bin_table = grid_view(self._bin_grid, "data.bin", self.tr("Rows in the bin"))
        self.bin_table.horizontalHeader().setStretchLastSection(False)
        self.bin_table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.bin_table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        nothing = EmptyState(
            self.tr("The bin is empty"),
            self.tr("Rows that are deleted or cleaned away come here first."),
            "",
            "data.bin.none",
        )
        self._bin_stack = QStackedWidget()
        self._bin_stack.addWidget(self.bin_table)
        self._bin_stack.addWidget(nothing)
        card.body.addWidget(self._bin_stack, 1)
        line = QHBoxLayout()
        line.addWidget(plain_label(self.tr("Undo what put them here to bring rows back."), "muted", wrap=True), 1)
        self._empty = button(self.tr("Empty the bin"), "data.bin.empty", self._on_empty)
        line.addWidget(self._empty)
        card.body.addLayout(line)
        return card

    def _show(self, operations: list[Operation], binned: int, texts: Sequence[tuple[int, str, int]]) -> None:
        chosen = self._chosen()
        self._operations, self._binned = operations, binned
        rows = [
            (
                datetime.fromisoformat(one.at).astimezone().strftime("%Y-%m-%d %H:%M"),
                f"{one.count:,}",
                one.labeler,
                self._state(one),
                one.title,
            )
            for one in operations
        ]
        titles = (self.tr("When"), self.tr("Rows"), self.tr("By"), self.tr("State"), self.tr("What"))
        self._grid.show_rows(titles, rows)
        fit_columns(self.table)
        self._stack.setCurrentIndex(0 if rows else 1)
        place = next((place for place, one in enumerate(operations) if chosen and one.id == chosen.id), 0)
        if rows:
            self.table.selectRow(place)
        why = {one.id: one.title for one in operations}
        self._bin_grid.show_rows(
            (self.tr("Text"), self.tr("Why")), [(text, why.get(operation, "")) for _, text, operation in texts]
        )
        self._bin_stack.setCurrentIndex(0 if binned else 1)
        more = (
            self.tr("{count:,} rows, the first {shown:,} shown") if binned > len(texts) else self.tr("{count:,} rows")
        )
        self._bin_card.set_note(more.format(count=binned, shown=len(texts)) if binned else "")
        self._show_buttons()

    def _state(self, one: Operation) -> str:
        if one.final:
            return self.tr("final")
        return self.tr("undone") if one.undone else self.tr("done")

    def _chosen(self) -> Operation | None:
        row = self.table.currentIndex().row()
        return self._operations[row] if 0 <= row < len(self._operations) else None

    def _show_buttons(self) -> None:
        """What can be done now."""
        self._sure.stop()
        one, free = self._chosen(), self.hub.writable and self._work is None
        final = one is not None and one.final
        self._turn.setEnabled(free and one is not None and not final)
        self._turn.setToolTip(self.tr("Its originals were forgotten, so it cannot be undone.") if final else "")
        self._turn.setText(self.tr("Do again") if one is not None and one.undone else self.tr("Undo"))
        self._empty.setEnabled(free and self._binned > 0)
        self._empty.setText(self.tr("Empty the bin"))
        rank(self._empty, "plain")

    def _on_turn(self) -> None:
        project, one = self.hub.project, self._chosen()
        if project is None or one is None or self._work is not None:
            return
        turn = project.operations.redo if one.undone else project.operations.undo
        count = max(1, one.count)

        def work(task: Task) -> Outcome:
            return turn(
                one.id, on_progress=lambda rows: task.progress(min(1.0, rows / count)), should_stop=task.should_stop
            )

        title = self.tr("Doing it again") if one.undone else self.tr("Undoing")
        self._start(title, work, self._on_turned)

    def _on_turned(self, outcome: Outcome) -> None:
        words = self.tr("{count:,} rows changed.").format(count=outcome.changed)
        if not outcome.changed and not outcome.left:
            words = self.tr("Done; no row had to change.")
        if outcome.left:
            words += " " + self.tr("{count:,} were changed since and stay as they are.").format(count=outcome.left)
        self._words.setText(words)
        self.hub.changed.emit(outcome.changes)

    def _on_empty(self) -> None:
        """First ask, by the button itself, then do it."""
        project = self.hub.project
        if project is None:
            return
        if not self._sure.isActive():
            self._empty.setText(self.tr("Throw {count:,} rows away for ever").format(count=self._binned))
            rank(self._empty, "danger")
            self._sure.start()
            return

        def work(_: Task) -> int:
            return project.bin.empty()

        self._start(self.tr("Emptying the bin"), work, self._on_emptied)

    def _on_emptied(self, count: int) -> None:
        self._words.setText(self.tr("{count:,} rows were thrown away.").format(count=count))
        self.hub.changed.emit(Changes(items=True))

    def _start(self, title: str, work: Callable[[Task], object], on_done: Callable[..., object]) -> None:
        self._work = self.hub.background.run(work, on_done=on_done, title=title)
        self._work.ended.connect(self._on_ended)
        self._words.setText(title + "…")
        self._show_buttons()

    def _on_ended(self, task: Task) -> None:
        self._work = None
        if task.error is not None or task.cancelled:
            self._words.setText("")
        self._show_buttons()

    def set_project(self, project: Project | None) -> None:
        """Forget the operations of the one before."""
        super().set_project(project)
        self._work = None
        self._words.setText("")
        self._show([], 0, [])
