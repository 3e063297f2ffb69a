"""An import, step by step: look at the file, take its rows, read the report. One file after the other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QStackedWidget, QVBoxLayout, QWidget

from desktop_llm.data.mapping import plain
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.import_form import ImportForm
from desktop_llm.gui.pages.import_report import ReportView
from desktop_llm.gui.pages.import_words import ImportWords
from desktop_llm.gui.status import time_words
from desktop_llm.rows import Changes, ImportReport
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.importing import Plan
    from desktop_llm.verbs.reading import Source

SHOWN_ROWS = 60
SHOWN_COLUMNS = 60


class ImportPanel(QStackedWidget):
    """Signals: `closed()`: the person is done with it; `another_asked()`: wants to choose another file."""

    closed = Signal()
    another_asked = Signal()

    def __init__(self, hub: Hub) -> None:
        """Shows nothing until `look_at`."""
        super().__init__()
        self.setObjectName("data.panel")
        self._hub, self._say = hub, ImportWords(self)
        self._project: Project | None = None
        self._waiting: list[Path] = []
        self._path = Path()
        self._plan: Plan | None = None
        self._looking: Task | None = None
        self._work: Task | None = None
        self.form = ImportForm()
        self.form.reading_changed.connect(self._on_reading_changed)
        self.form.mapping_changed.connect(self._on_mapping_changed)
        self._look = self._build_look()
        self._progress = self._build_progress()
        self.report = ReportView(hub)
        self.report.done.connect(self.closed)
        self.report.next_asked.connect(self._on_next)
        for step in (self._look, self._progress, self.report):
            self.addWidget(step)

    @property
    def busy(self) -> bool:
        """Whether rows are being taken."""
        return self._work is not None

    def look_at(self, files: Sequence[Path]) -> None:
        """Show what is in the first of these files; the others wait for their turn."""
        task = self._hub.task
        self._project = self._hub.project
        if task is None or self._project is None:
            return
        self._path, self._waiting = files[0], list(files[1:])
        self._plan = None
        self.form.begin(task.fields, has_rows=False, several=task.several)
        self._card.set_title(self._path.name)
        self._problem.hide()
        self._rest.hide()
        self._go.setText(self.tr("Import"))
        self._grid.show_rows((), ())
        self._words.setText("")
        self.setCurrentWidget(self._look)
        self._read(self._project)

    def leave(self) -> None:
        """Another project is open: stop what is under way, forget the file."""
        for task in (self._looking, self._work):
            if task is not None:
                task.cancel()
        self._project, self._plan, self._looking, self._work = None, None, None, None

    def _build_look(self) -> QWidget:
        page = QWidget()
        whole = QHBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        whole.addWidget(self.form)
        self._card = Card(" ", " ")
        self._problem = plain_label("", "bad", wrap=True)
        self._problem.setObjectName("data.problem")
        self._grid = TextGrid(self)
        self._preview = grid_view(self._grid, "data.preview", self.tr("First rows of the file"))
        self._words = plain_label("", "", wrap=True)
        self._words.setObjectName("data.words")
        self._go = button(self.tr("Import"), "data.go", self._on_go, kind="primary")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(button(self.tr("Choose another file…"), "data.choose_other", self.another_asked.emit))
        buttons.addWidget(button(self.tr("Close"), "data.close", self._on_close))
        buttons.addWidget(self._go)
        self._rest = QWidget()
        self._card.body.addWidget(self._problem)
        self._card.body.addWidget(self._preview, 1)
        self._card.body.addWidget(self._rest, 1)
        self._card.body.addWidget(self._words)
        self._card.body.addLayout(buttons)
        whole.addWidget(self._card, 1)
        return page

    def _build_progress(self) -> QWidget:
        page = QWidget()
        whole = QVBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        self._bar_card = Card(" ")
        self._bar = QProgressBar()
        self._bar.setObjectName("data.progress")
        self._bar.setAccessibleName(self.tr("Progress of the import"))
        self._bar.setTextVisible(False)
        self._far = plain_label("")
        self._far.setObjectName("data.far")
        self._cancel = button(self.tr("Cancel"), "data.cancel", self._on_cancel)
        line = QHBoxLayout()
        line.addWidget(self._far, 1)
        line.addWidget(self._cancel)
        sentence = self.tr("The rows come in all together at the end; until then the project stays as it is.")
        for part in (self._bar, line, plain_label(sentence, "muted", wrap=True)):
            if isinstance(part, QHBoxLayout):
                self._bar_card.body.addLayout(part)
            else:
                self._bar_card.body.addWidget(part)
        whole.addWidget(self._bar_card)
        whole.addStretch(1)
        return page

    def _read(self, project: Project, *, with_mapping: bool = False) -> None:
        """Look at the file in the background, as the form says."""
        task, path, told = self._hub.task, self._path, self.form.told()
        if task is None:
            return
        if with_mapping:
            told["mapping"] = self.form.mapping()
        if self._looking is not None:
            self._looking.cancel()
        self._card.set_note(self.tr("reading…"))
        self._go.setEnabled(False)

        def work(_: Task) -> tuple[Plan, bool]:
            from desktop_llm.verbs import importing

            return importing.plan(task, path, **told), project.items.counts().total > 0

        self._looking = self._hub.background.run(work, on_done=self._show_plan, on_error=self._show_problem)

    def _show_plan(self, told: tuple[Plan, bool]) -> None:
        plan, has_rows = told
        self._plan = plan
        self._problem.hide()
        self.form.only_labels.setVisible(has_rows)
        self.form.show_plan(plan)
        self._card.set_note(self._say.about_file(plan))
        columns = plan.columns[:SHOWN_COLUMNS]
        rows = [[plain(cells.get(column)) for column in columns] for cells in plan.sample[:SHOWN_ROWS]]
        self._grid.show_rows(self._say.titles(plan, self._fields()), rows)
        fit_columns(self._preview)
        self._preview.show()
        self._rest.hide()
        self._go.show()
        self._tell_plan()

    def _tell_plan(self) -> None:
        plan = self._plan
        if plan is None:
            return
        only = self.form.only_labels.isChecked()
        told = self._say.what_happens(plan, split=self.form.split(), only_labels=only)
        self._words.setText("\n".join(told))
        self._go.setText(self._say.go(plan, only_labels=only))
        self._go.setAccessibleName(self._go.text())
        self._go.setEnabled(not only or "label" in plan.mapping)

    def _show_problem(self, error: UserError) -> None:
        """One sentence above the rows; the choices stay, so that another encoding or column can be tried."""
        self._go.setEnabled(False)
        self._card.set_note("")
        self._problem.setText(error.message)
        self._problem.show()
        if self._plan is None:
            self._preview.hide()
            self._rest.show()
            self._go.hide()
            self._words.setText("")

    def _fields(self) -> dict[str, str]:
        """Titles of the task's fields by name."""
        task = self._hub.task
        return {one.name: one.title for one in task.fields} if task is not None else {}

    def _on_reading_changed(self) -> None:
        if self._project is not None:
            self._read(self._project)

    def _on_mapping_changed(self) -> None:
        if self._project is not None and self._plan is not None:
            self._read(self._project, with_mapping=True)

    def _on_go(self) -> None:
        project, plan = self._project, self._plan
        if project is None or plan is None or self.busy:
            return
        split, only_labels = self.form.split(), self.form.only_labels.isChecked()

        def work(task: Task) -> tuple[ImportReport, Source]:
            from desktop_llm.tasks import task as task_named
            from desktop_llm.verbs import importing

            def on_progress(fraction: float, rows: int) -> None:
                task.progress(fraction, f"{rows:,}")

            report = importing.run(
                project,
                plan,
                split=split,
                labels_only=only_labels,
                on_progress=on_progress,
                should_stop=task.should_stop,
            )
            return report, importing.source_of(task_named(project.task), plan, split)

        self._bar_card.set_title(self.tr("Importing {file}").format(file=plan.path.name))
        self._bar.setRange(0, 0)
        self._far.setText(self.tr("starting…"))
        self._cancel.setEnabled(True)
        self.setCurrentWidget(self._progress)
        self._work = self._hub.background.run(
            work,
            on_error=self._on_failed,
            on_progress=self._on_progress,
            title=self.tr("Importing {file}").format(file=plan.path.name),
        )
        self._work.ended.connect(self._on_ended)

    def _on_progress(self, fraction: float, rows: str) -> None:
        if self._work is None or self._work.cancelled:
            return
        self._bar.setRange(0, 1000)
        self._bar.setValue(round(1000 * fraction))
        words = self.tr("{rows} rows").format(rows=rows)
        spent = time.monotonic() - self._work.began
        if spent > 1.0 and 0.01 < fraction < 1.0:
            left = time_words(spent * (1 - fraction) / fraction)
            words = self.tr("{rows} rows · {time} left").format(rows=rows, time=left)
        self._far.setText(words)

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self._cancel.setEnabled(False)
            self._far.setText(self.tr("stopping…"))

    def _on_ended(self, task: Task) -> None:
        """Told by the end itself: what was taken just before a cancel came is still to be reported."""
        if task is not self._work:
            return
        self._work = None
        if task.error is None:
            report, source = task.result
            self.report.show_report(report, source, self._waiting[0].name if self._waiting else "")
            self.setCurrentWidget(self.report)
            told = self.tr("{file} is imported: {count:,} new rows.")
            self._hub.show_message(told.format(file=report.source, count=report.imported))
            self._hub.changed.emit(Changes(items=True, labels=True, classes=True))
        elif task.cancelled or isinstance(task.error, Cancelled):
            self.setCurrentWidget(self._look)
            self._hub.show_message(self.tr("Cancelled; nothing was imported."))

    def _on_failed(self, error: UserError) -> None:
        self._work = None
        self.setCurrentWidget(self._look)
        self._show_problem(error)
        self._go.setEnabled(True)

    def _on_next(self) -> None:
        if self._waiting:
            self.look_at(self._waiting)
        else:
            self.another_asked.emit()

    def _on_close(self) -> None:
        self.leave()
        self.closed.emit()
