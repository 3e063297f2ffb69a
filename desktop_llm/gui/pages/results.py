"""The Results page: all runs in a table, and what the chosen one gets right and wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages import forecast_words
from desktop_llm.gui.status import time_words
from desktop_llm.rows import Changes, Filter
from desktop_llm.verbs import naming
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.empty import EmptyState
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.screen import ModelRoom, ResultView
from desktop_llm.widgets.text_grid import fit_columns

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.store.runs import Run

TABLE_HEIGHT = 230
NUMBER = Qt.ItemDataRole.UserRole


class _Cell(QTableWidgetItem):
    """Sorts by its value, not by its words."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        mine, theirs = self.data(NUMBER), other.data(NUMBER)
        if mine is not None and theirs is not None:
            return bool(mine < theirs)
        return super().__lt__(other)


class ResultsPage(Page):
    """Runs above, the task's view of one below."""

    name = "results"

    def __init__(self, hub: Hub) -> None:
        """The view is made for the task when a project is open."""
        super().__init__(hub, hub.tr("Results"))
        self._runs: list[Run] = []
        self._view: ResultView | None = None
        self._shown_split = ""
        self._split = Choice()
        self._split.setObjectName("results.split")
        self._split.setAccessibleName(self.tr("Measured on"))
        for words, value in ((self.tr("Test texts"), "test"), (self.tr("Validation texts"), "validation")):
            self._split.addItem(words, value)
        self._split.activated.connect(lambda _: self._show_run())
        self.measure_button = button(self.tr("Measure again"), "results.measure", self._on_measure)
        self.data_button = button(self.tr("Training data"), "results.data", self._on_data)
        self.data_button.setToolTip(self.tr("What this run trained on: shown, compared with today, saved as a file."))
        self.try_button = button(self.tr("Try it"), "results.try", self._on_try)
        self.export_button = button(self.tr("Export model…"), "results.export", self._on_export, kind="primary")
        for part in (self._split, self.measure_button, self.data_button, self.try_button, self.export_button):
            self.header.addWidget(part)
            part.setEnabled(part is self._split)
        self._stack = QStackedWidget()
        self._empty = EmptyState(
            self.tr("No runs yet"), self.tr("Train a model; its figures come here."), self.tr("Train"), "results.go"
        )
        self._empty.asked.connect(lambda: self.hub.page_asked.emit("train", {}))
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._build())
        self.content.addWidget(self._stack, 1)

    def set_project(self, project: Project | None) -> None:
        """Its runs."""
        task = self.hub.task
        if project is None or task is None:
            return
        if self._view is not None:
            self._lower.removeWidget(self._view)
            self._view.deleteLater()
        room = task.open_screen()
        self._view = room.result_view() if isinstance(room, ModelRoom) else None
        if self._view is None:
            return
        self._view.rows_asked.connect(self._on_rows_asked)
        self._view.these_asked.connect(self._on_these_asked)
        self._lower.addWidget(self._view, 1)
        titles = [self.tr("Run"), self.tr("Started from"), self.tr("State")]
        titles += [metric.title for metric in task.metrics]
        titles += [self.tr("Time"), self.tr("Learned from")]
        self.table.setColumnCount(len(titles))
        self.table.setHorizontalHeaderLabels(titles)
        self.table.horizontalHeader().setStretchLastSection(True)
        self._reload()

    def on_changes(self, changes: Changes) -> None:
        """Runs have changed."""
        if changes.runs and self.hub.project is not None and self.isVisible():
            self._reload()

    def opened(self, **arguments: Any) -> None:
        """`run` chooses one."""
        self._reload(arguments.get("run"))

    def _build(self) -> QWidget:
        page = QWidget()
        whole = QVBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        card = Card(self.tr("Runs"), "")
        self._card = card
        self.table = QTableWidget(0, 0)
        self.table.setObjectName("results.runs")
        self.table.setAccessibleName(self.tr("Runs"))
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setSortingEnabled(True)
        self.table.setTabKeyNavigation(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.itemSelectionChanged.connect(self._show_run)
        card.body.addWidget(self.table, 1)
        card.setMaximumHeight(TABLE_HEIGHT)
        self._note = plain_label("", "muted", wrap=True)
        self._note.setObjectName("results.note")
        card.body.addWidget(self._note)
        self._foretold = plain_label("", "muted", wrap=True)
        self._foretold.setObjectName("results.foretold")
        self._foretold.hide()
        card.body.addWidget(self._foretold)
        whole.addWidget(card, 1)
        self._lower = QVBoxLayout()
        whole.addLayout(self._lower, 2)
        return page

    @property
    def run(self) -> Run | None:
        """The chosen run."""
        row = self.table.currentRow()
        cell = self.table.item(row, 0) if row >= 0 else None
        number = cell.data(NUMBER) if cell is not None else None
        return next((run for run in self._runs if run.number == number), None)

    def _reload(self, wanted: int | None = None) -> None:
        project = self.hub.project
        if project is not None:
            self.hub.background.run(lambda _: project.runs.all(), on_done=lambda runs: self._show_runs(runs, wanted))

    def _show_runs(self, runs: list[Run], wanted: int | None) -> None:
        task = self.hub.task
        if task is None:
            return
        chosen = wanted if wanted is not None else (self.run.number if self.run is not None else None)
        newest = runs[0].number if runs and (not self._runs or runs[0].number != self._runs[0].number) else None
        chosen = wanted or newest or chosen
        self._runs = runs
        self._stack.setCurrentIndex(1 if runs else 0)
        self._card.set_note(self.tr("figures on test texts where there are some"))
        self.table.blockSignals(True)
        self.table.setSortingEnabled(False)
        self.table.setRowCount(len(runs))
        for row, run in enumerate(runs):
            for column, (words, value) in enumerate(self._cells(run)):
                cell = _Cell(words)
                cell.setData(NUMBER, value)
                self.table.setItem(row, column, cell)
            if run.number == chosen or (chosen is None and row == 0):
                self.table.setCurrentCell(row, 0)
        fit_columns(self.table)
        self.table.setSortingEnabled(True)
        self.table.blockSignals(False)
        self._show_run()

    def _cells(self, run: Run) -> list[tuple[str, Any]]:
        task = self.hub.task
        figures = run.metrics.get("test") or run.metrics.get("validation") or {}
        cells: list[tuple[str, Any]] = [(str(run.number), run.number), (run.model_title, None), (run.state, None)]
        for metric in task.metrics if task is not None else ():
            value = figures.get(metric.name)
            words = "–" if value is None else (f"{100 * value:.1f} %" if metric.percent else f"{value:.3f}")
            cells.append((words, -1.0 if value is None else value))
        cells.append((time_words(run.seconds) if run.seconds else "–", run.seconds))
        learned = int(run.snapshot.get("train", 0))
        cells.append((self.tr("{count:,} texts").format(count=learned), learned))
        return cells

    def _show_run(self) -> None:
        run = self.run
        project = self.hub.project
        # one that was made longer has its model of before until it ends again
        kept = run is not None and project is not None and project.runs.folder(run.number).model.is_dir()
        for part in (self.try_button, self.export_button):
            part.setEnabled(kept)
        self.measure_button.setEnabled(kept and self.hub.writable)
        self.data_button.setEnabled(run is not None)
        foretold = "" if run is None else forecast_words.kept_word(run.details)
        self._foretold.setText(foretold)
        self._foretold.setVisible(bool(foretold))
        if run is None or self._view is None:
            return
        split = str(self._split.currentData())
        details = run.details.get(split)
        other = "validation" if split == "test" else "test"
        if details is None and run.details.get(other):
            words = self.tr("Not measured on {split} texts; shown is {other}.").format(split=split, other=other)
            details, split = run.details[other], other
        else:
            words = run.message
        self._note.setText(words)
        self._note.setVisible(bool(words))
        self._shown_split = split
        self._view.show_details(details or {})

    def _on_measure(self) -> None:
        project, run, split = self.hub.project, self.run, str(self._split.currentData())
        if project is None or run is None:
            return
        number = run.number

        def work(task: Task) -> int:
            from desktop_llm.gui import elsewhere
            from desktop_llm.verbs import evaluating

            measured = elsewhere.call(task.should_stop, evaluating.measure_in, project.path, number, split)
            evaluating.keep(project, measured)
            return measured.left_out

        self.measure_button.setEnabled(False)
        task = self.hub.background.run(work, on_done=self._on_measured, title=self.tr("Measuring"))
        task.ended.connect(lambda _: self._show_run())

    def _on_measured(self, left_out: int) -> None:
        if left_out:
            words = self.tr("{count:,} texts with labels that the run never learned were left out.")
            self.hub.show_message(words.format(count=left_out))
        self.hub.changed.emit(Changes(runs=True, predictions=True))

    def _on_data(self) -> None:
        if self.run is not None:
            self.hub.page_asked.emit("data", {"tab": "snapshots", "run": self.run.number})

    def _on_try(self) -> None:
        if self.run is not None:
            self.hub.page_asked.emit("try", {"run": self.run.number})

    def _on_export(self) -> None:
        if self.run is not None:
            self.hub.page_asked.emit("export", {"run": self.run.number})

    def _on_these_asked(self, ids: list[int], words: str) -> None:
        """Open rows of a kind that the task's view knows in Label."""
        project = self.hub.project
        if project is None:
            return

        def show(number: int) -> None:
            self.hub.page_asked.emit("label", {"filter": Filter(found=number), "words": words})

        self.hub.background.run(lambda _: project.found.put(ids), on_done=show)

    def _on_rows_asked(self, truth: object, predicted: object) -> None:
        """Open the rows of a confusion in Label."""
        project, run = self.hub.project, self.run
        if project is None or run is None:
            return
        now = naming.renames(project, run.number)
        numbers = {name: class_id for class_id, name in naming.run_names(project, run.number).items()}
        if truth is not None and str(truth) not in numbers:
            self.hub.show_message(self.tr("The label “{truth}” is no more.").format(truth=truth))
            return
        told = Filter(
            run=run.number,
            split=self._shown_split,
            truth=numbers[str(truth)] if truth is not None else None,
            predicted=None if predicted is None else str(predicted),
            # where labels have several classes: not the rows that rightly have both
            without=None if predicted in (None, truth) else numbers.get(str(predicted)),
        )
        words = self.tr("labeled {truth}").format(truth=now.get(str(truth), truth))
        if predicted is not None:
            called = now.get(str(predicted), predicted)
            words += self.tr(", run {number} says {told}").format(number=run.number, told=called)
        self.hub.page_asked.emit("label", {"filter": told, "words": words})
