"""The table of all runs on the Results page: one is chosen, several may be marked to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QTableWidget, QTableWidgetItem, QWidget

from desktop_llm.gui.pages import result_words
from desktop_llm.gui.status import time_words
from desktop_llm.jobs import snapshot
from desktop_llm.widgets.text_grid import fit_columns

if TYPE_CHECKING:
    from desktop_llm.evidence.intervals import Interval
    from desktop_llm.store.runs import Run
    from desktop_llm.tasks.task import Task

NUMBER = Qt.ItemDataRole.UserRole
FIRST_METRIC = 3
"""Columns before the figures: number, start, state."""


class _Cell(QTableWidgetItem):
    """Sorts by its value, not by its words."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        mine, theirs = self.data(NUMBER), other.data(NUMBER)
        if mine is not None and theirs is not None:
            return bool(mine < theirs)
        return super().__lt__(other)


class RunTable(QTableWidget):
    """Signals: `changed()`: another run is chosen, or others are marked."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty."""
        super().__init__(0, 0, parent)
        self._runs: list[Run] = []
        self._task: Task | None = None
        self.setObjectName("results.runs")
        self.setAccessibleName(self.tr("Runs"))
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setSortingEnabled(True)
        self.setTabKeyNavigation(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.horizontalHeader().setHighlightSections(False)
        self.itemSelectionChanged.connect(self.changed)

    def set_task(self, task: Task) -> None:
        """Its measures are columns."""
        self._task, self._runs = task, []
        titles = [self.tr("Run"), self.tr("Started from"), self.tr("State")]
        titles += [metric.title for metric in task.metrics]
        titles += [self.tr("Time"), self.tr("Learned from")]
        self.setRowCount(0)
        self.setColumnCount(len(titles))
        self.setHorizontalHeaderLabels(titles)
        self.horizontalHeader().setStretchLastSection(True)

    @property
    def runs(self) -> Sequence[Run]:
        """All of them, the newest first."""
        return self._runs

    @property
    def run(self) -> Run | None:
        """The chosen one."""
        return self._at(self.currentRow())

    @property
    def marked(self) -> list[Run]:
        """Those that are marked, the chosen one first."""
        chosen = self.run
        rows = {index.row() for index in self.selectionModel().selectedRows()}
        others = [one for row in sorted(rows) if (one := self._at(row)) is not None and one is not chosen]
        return [] if chosen is None else [chosen, *others]

    def show_runs(self, runs: Sequence[Run], wanted: int | None) -> None:
        """Show these, and choose `wanted`, a new one, or the one that was chosen."""
        before = self.run.number if self.run is not None else None
        newest = runs[0].number if runs and (not self._runs or runs[0].number != self._runs[0].number) else None
        chosen = wanted or newest or before
        marked = {one.number for one in self.marked} if chosen == before else set()
        self._runs = list(runs)
        self.blockSignals(True)
        self.setSortingEnabled(False)
        self.setRowCount(len(runs))
        for row, run in enumerate(runs):
            for column, (words, value) in enumerate(self._cells(run)):
                cell = _Cell(words)
                cell.setData(NUMBER, value)
                self.setItem(row, column, cell)
        self._hide_unmeasured(runs)
        fit_columns(self)
        self.setSortingEnabled(True)
        self._choose(chosen, marked)
        self.blockSignals(False)

    def _hide_unmeasured(self, runs: Sequence[Run]) -> None:
        """A task may measure some of its models in another way: no column for what no run here has."""
        measured = {name for run in runs for figures in run.metrics.values() for name in figures}
        for column, metric in enumerate(self._task.metrics if self._task is not None else (), FIRST_METRIC):
            self.setColumnHidden(column, bool(measured) and metric.name not in measured)

    def show_limits(self, number: int, told: Interval) -> None:
        """Between what the main figure of a run lies."""
        metric = self._task.metrics[0] if self._task is not None else None
        cell = next((one for row in range(self.rowCount()) if (one := self._cell_of(row, number)) is not None), None)
        if metric is None or cell is None:
            return
        self.blockSignals(True)
        cell.setText(result_words.with_limits(told.value, told, metric))
        fit_columns(self)
        self.blockSignals(False)

    def _choose(self, chosen: int | None, marked: set[int]) -> None:
        mode = QAbstractItemView.SelectionMode
        numbers = [one.number if (one := self._at(row)) is not None else 0 for row in range(self.rowCount())]
        if not numbers:
            return
        self.setCurrentCell(numbers.index(chosen) if chosen in numbers else 0, 0)
        self.setSelectionMode(mode.MultiSelection)
        for row, number in enumerate(numbers):
            if number in marked and number != chosen:
                self.selectRow(row)
        self.setSelectionMode(mode.ExtendedSelection)

    def _at(self, row: int) -> Run | None:
        cell = self.item(row, 0) if row >= 0 else None
        number = cell.data(NUMBER) if cell is not None else None
        return next((run for run in self._runs if run.number == number), None)

    def _cell_of(self, row: int, number: int) -> QTableWidgetItem | None:
        first = self.item(row, 0)
        return self.item(row, FIRST_METRIC) if first is not None and first.data(NUMBER) == number else None

    def _cells(self, run: Run) -> list[tuple[str, Any]]:
        figures = run.metrics.get("test") or run.metrics.get("validation") or {}
        cells: list[tuple[str, Any]] = [(str(run.number), run.number), (run.title, None), (run.state, None)]
        for metric in self._task.metrics if self._task is not None else ():
            value = figures.get(metric.name)
            cells.append((result_words.figure(value, metric), -1.0 if value is None else value))
        cells.append((time_words(run.seconds) if run.seconds else "–", run.seconds))
        learned = snapshot.learned(run.snapshot)
        cells.append((self.tr("{count:,} texts").format(count=learned), learned))
        return cells
