"""An import, step by step: look at the file, take its rows, read the report. One file after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QWidget

from desktop_llm import log
from desktop_llm.data.mapping import plain
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.import_form import ImportForm
from desktop_llm.gui.pages.import_progress import ProgressView
from desktop_llm.gui.pages.import_report import ReportView
from desktop_llm.gui.pages.import_words import ImportWords
from desktop_llm.rows import Changes, ImportProgress, ImportReport
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view

if TYPE_CHECKING:
    from desktop_llm.data.column_kinds import Held
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.importing import Plan
    from desktop_llm.verbs.naming import Fates
    from desktop_llm.verbs.reading import Source
    from desktop_llm.verbs.recalling import Look

SHOWN_ROWS = 60
SHOWN_COLUMNS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a look found; `look` is the first one at the file, None where the file could not be guessed.

    `fates`: what became of the project's labels.
    """

    plan: Plan
    held: tuple[Held, ...]
    has_rows: bool
    look: Look | None
    fates: Fates


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
        self._fates: Fates | None = None
        self._path = Path()
        self._plan: Plan | None = None
        self._first_look: Look | None = None
        self._looking: Task | None = None
        self._work: Task | None = None
        self.form = ImportForm()
        self.form.reading_changed.connect(self._on_reading_changed)
        self.form.mapping_changed.connect(self._on_mapping_changed)
        self.form.guess_asked.connect(self._on_guess_asked)
        self._look = self._build_look()
        self._progress = ProgressView()
        self._progress.cancel_asked.connect(self._on_cancel)
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
        self._plan, self._first_look = None, None
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
        if self._looking is not None:
            self._hub.background.run(_dismiss)
        self._project, self._plan, self._first_look, self._looking, self._work = None, None, None, None, None

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
        self._preview = grid_view(self._grid, "data.preview", self.tr("First rows of the file"), noted=True)
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

    def _read(self, project: Project, *, with_mapping: bool = False) -> None:
        """Look at the file in the background, as the form says; the first time as the project remembers."""
        task, path, told, first = self._hub.task, self._path, self.form.told(), self._first_look
        if task is None:
            return
        if with_mapping:
            told["mapping"] = self.form.mapping()
        if self._looking is not None:
            self._looking.cancel()
        self._card.set_note(self.tr("reading…"))
        self._go.setEnabled(False)

        def work(_: Task) -> _Seen:
            from desktop_llm.data.column_kinds import held_in
            from desktop_llm.verbs import importing, naming, reading, recalling

            reading.prepare(path)
            look = first
            if look is None and not told:
                look = recalling.look(project, task, path)
                plan = look.remembered or look.guessed
            else:
                plan = importing.plan(task, path, **told)
            held = held_in(plan.columns[:SHOWN_COLUMNS], plan.sample)
            has_rows = project.items.counts().total > 0
            return _Seen(plan=plan, held=held, has_rows=has_rows, look=look, fates=naming.fates(project))

        self._looking = self._hub.background.run(work, on_done=self._show_plan, on_error=self._on_unreadable)

    def _show_plan(self, seen: _Seen) -> None:
        plan = seen.plan
        if self._first_look is None and seen.look is not None and seen.look.choices is not None:
            self.form.set_told(seen.look.choices.reading)
        self._plan, self._first_look, self._fates = plan, seen.look, seen.fates
        self._problem.hide()
        self.form.only_labels.setVisible(seen.has_rows and self._has_labels)
        self.form.show_plan(plan)
        self.form.show_origin(self._say.origin(plan, self.form.told(), seen.look))
        self._card.set_note(self._say.about_file(plan))
        columns = plan.columns[:SHOWN_COLUMNS]
        rows = [[plain(cells.get(column)) for column in columns] for cells in plan.sample[:SHOWN_ROWS]]
        titles = self._say.titles(plan, self._fields())[:SHOWN_COLUMNS]
        self._grid.show_rows(
            titles, rows, [self._say.holds(*pair, plan) for pair in zip(columns, seen.held, strict=True)]
        )
        fit_columns(self._preview)
        self._preview.show()
        self._rest.hide()
        self._go.show()
        self._tell_plan()

    @property
    def _has_labels(self) -> bool:
        """Whether rows of the project have labels at all."""
        task = self._hub.task
        return task is None or not task.unsupervised

    def _tell_plan(self) -> None:
        plan = self._plan
        if plan is None or self._fates is None:
            return
        only = self.form.only_labels.isChecked()
        told = self._say.what_happens(
            plan, self._fates, split=self.form.split(), only_labels=only, has_labels=self._has_labels
        )
        self._words.setText("\n".join(told))
        self._go.setText(self._say.go(plan, only_labels=only))
        self._go.setAccessibleName(self._go.text())
        self._go.setEnabled(not only or "label" in plan.mapping)

    def _on_unreadable(self, error: UserError) -> None:
        """What was chosen cannot be; the way back to the guess stands beside it."""
        self._show_problem(error)
        if self._first_look is not None:
            self.form.show_origin(self._say.changed())

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

    def _on_guess_asked(self) -> None:
        self.form.set_told({})
        self._on_reading_changed()
        self.form.encoding_box.setFocus()

    def _on_mapping_changed(self) -> None:
        if self._project is not None and self._plan is not None:
            self._read(self._project, with_mapping=True)

    def _on_go(self) -> None:
        project, plan = self._project, self._plan
        if project is None or plan is None or self.busy:
            return
        split, only_labels = self.form.split(), self.form.only_labels.isChecked()
        look, told = self._first_look, self.form.told()
        words = self.tr("{count:,} rows")

        def work(task: Task) -> tuple[ImportReport, Source]:
            from desktop_llm.tasks import task as task_named
            from desktop_llm.verbs import importing, recalling

            def on_progress(told: ImportProgress) -> None:
                task.progress(told.fraction, words.format(count=told.rows), told)

            report = importing.run(
                project,
                plan,
                split=split,
                labels_only=only_labels,
                on_progress=on_progress,
                should_stop=task.should_stop,
            )
            if look is not None:
                try:
                    recalling.remember(project, look.guessed, plan, told)
                except UserError:  # the rows are in: that is what is to be told
                    log.logger("gui").info("the mapping is not remembered", exc_info=True)
            return report, importing.source_of(task_named(project.task), plan, split)

        self._progress.begin(plan.path.name, self._say.count(plan), only_labels=only_labels)
        self.setCurrentWidget(self._progress)
        self._work = self._hub.background.run(
            work,
            on_error=self._on_failed,
            on_progress=self._on_progress,
            title=self.tr("Importing {file}").format(file=plan.path.name),
        )
        self._work.ended.connect(self._on_ended)

    def _on_progress(self, _: float, __: str) -> None:
        work = self._work
        if work is not None and isinstance(work.told, ImportProgress):
            self._progress.show_progress(work.told)

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self._progress.stopping()

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
            if report.unknown:
                told = self.tr("{file}: {labels:,} labels taken.")
            words = told.format(file=report.source, count=report.imported, labels=report.labeled)
            self._hub.show_message(words)
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


def _dismiss(_: Task) -> None:
    from desktop_llm.verbs import reading

    reading.dismiss()
