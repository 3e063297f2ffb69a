"""The tab Snapshots: what each run trained on, frozen with its hash; shown, compared with today, saved as a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QProgressBar, QStackedWidget, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data_tab import DataTab
from desktop_llm.gui.pages.save_as import ask_where
from desktop_llm.gui.pages.snapshot_facts import FactsCard, day_and_time
from desktop_llm.gui.pages.snapshot_rows import SnapshotRows
from desktop_llm.jobs.snapshot import SPLITS
from desktop_llm.rows import Changes
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.empty import EmptyState
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view

if TYPE_CHECKING:
    from desktop_llm.data.writers.writing import Format
    from desktop_llm.jobs.snapshot import Row
    from desktop_llm.store.project import Project
    from desktop_llm.store.runs import Run
    from desktop_llm.verbs.snapshots import Comparison, Contents

STEPS = 1000
WIDTH = 372
LIST_HEIGHT = 190
HASH_SHOWN = 12


class SnapshotsTab(DataTab):
    """The runs above; below, facts of the chosen one at the left and its rows at the right."""

    name = "snapshots"
    follows_runs = True

    def __init__(self, hub: Hub) -> None:
        """Empty until a project is open."""
        super().__init__(hub, hub.tr("Snapshots"))
        self._runs: list[Run] = []
        self._run: Run | None = None
        self._wanted: int | None = None
        self._contents: Contents | None = None
        self._reading: Task | None = None
        self._work: Task | None = None
        # runs that are passed over on the way to another are not read
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(0)
        self._rest.timeout.connect(self._read_run)
        self._empty = EmptyState(
            self.tr("No run has trained yet"),
            self.tr("What a run trains on is frozen with its hash when it starts, and is listed here from then on."),
            self.tr("Train a model"),
            "snapshots.go",
        )
        self._empty.asked.connect(lambda: self.hub.page_asked.emit("train", {}))
        self._nothing_yet = QWidget()
        self._inner = self._build()
        self._stack = QStackedWidget()
        for widget in (self._nothing_yet, self._empty, self._inner):
            self._stack.addWidget(widget)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._stack)

    def set_project(self, project: Project | None) -> None:
        """Forget the runs of the one before."""
        super().set_project(project)
        self._rest.stop()
        self._runs, self._run, self._wanted, self._contents = [], None, None, None
        self._reading, self._work = None, None
        self._grid.show_rows((), ())
        self.rows.show_rows(0)
        self._say("")
        self._stack.setCurrentWidget(self._nothing_yet)

    def on_changes(self, changes: Changes) -> None:
        """New runs are listed; a comparison with other rows is of another day."""
        if changes.items or changes.labels or changes.classes:
            self.rows.set_stale()
        super().on_changes(changes)

    def opened(self, **arguments: Any) -> None:
        """`run` chooses one."""
        if isinstance(arguments.get("run"), int):
            self._wanted, self._stale = arguments["run"], True
        super().opened()

    def reload(self) -> None:
        """Read the runs."""
        super().reload()
        project = self.hub.project
        if project is None:
            return

        def show(runs: list[Run]) -> None:
            if self.hub.project is project:
                self._show_runs(runs)

        self.hub.background.run(lambda _: project.runs.all(), on_done=show)

    def take_focus(self) -> None:
        """To the list."""
        self.table.setFocus()

    def _build(self) -> QWidget:
        inner = QWidget()
        whole = QVBoxLayout(inner)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        card = Card(self.tr("What runs trained on"), self.tr("frozen when the run began; nothing changes it"))
        card.setMaximumHeight(LIST_HEIGHT)
        self._grid = TextGrid(self)
        self.table = grid_view(self._grid, "snapshots.runs", self.tr("What runs trained on"))
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.selectionModel().currentRowChanged.connect(lambda now, _: self._choose(now.row()))
        card.body.addWidget(self.table)
        whole.addWidget(card)
        below = QHBoxLayout()
        below.setSpacing(16)
        self.facts = FactsCard()
        self.facts.setFixedWidth(WIDTH)
        self.facts.compare_asked.connect(self._on_compare)
        self.facts.save_asked.connect(self._on_save)
        self.facts.copied.connect(lambda: self.hub.show_message(self.tr("The hash is copied.")))
        self.rows = SnapshotRows()
        self.rows.page_wanted.connect(self._on_page_wanted)
        self.rows.row_asked.connect(self._on_row_asked)
        self.rows.body.addLayout(self._build_work())
        below.addWidget(self.facts)
        below.addWidget(self.rows, 1)
        whole.addLayout(below, 1)
        return inner

    def _build_work(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(8)
        self._words = plain_label("", "muted")
        self._words.setObjectName("snapshots.words")
        self._bar = QProgressBar()
        self._bar.setObjectName("snapshots.progress")
        self._bar.setAccessibleName(self.tr("Progress"))
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        self._cancel = button(self.tr("Cancel"), "snapshots.cancel", self._on_cancel)
        line.addWidget(self._words)
        line.addWidget(self._bar, 1)
        line.addWidget(self._cancel)
        return line

    def _say(self, words: str) -> None:
        """What is going on, with a bar and Cancel while it does."""
        self._words.setText(words)
        self._words.setVisible(bool(words))
        for widget in (self._bar, self._cancel):
            widget.setVisible(self._work is not None)
        whole = self._contents is not None and self._contents.count > 0
        self.facts.let(busy=self._work is not None or self._contents is None, whole=whole)

    def _show_runs(self, runs: list[Run]) -> None:
        chosen = self._wanted if self._wanted is not None else self._run.number if self._run is not None else None
        same = [run.number for run in runs] == [run.number for run in self._runs]
        self._runs, self._wanted = runs, None
        self._stack.setCurrentWidget(self._inner if runs else self._empty)
        if not same:
            titles = (
                *(self.tr("Run"), self.tr("Started from"), self.tr("Frozen")),
                *(self.tr("Train"), self.tr("Validation"), self.tr("Test"), self.tr("Labels"), self.tr("SHA-256")),
            )
            self._grid.show_rows(titles, [_listed(run) for run in runs])
            fit_columns(self.table)
        place = next((place for place, run in enumerate(runs) if run.number == chosen), 0)
        if runs and (not same or self.table.currentIndex().row() != place):
            self.table.selectRow(place)

    def _choose(self, place: int) -> None:
        """Show a run: what is known of it now, its rows when they were read."""
        run = self._runs[place] if 0 <= place < len(self._runs) else None
        if run is None or (self._run is not None and run.number == self._run.number):
            return
        for task in (self._reading, self._work):
            if task is not None:
                task.cancel()
        self._run, self._contents, self._reading, self._work = run, None, None, None
        self.facts.show_run(run)
        self.rows.show_rows(0)
        self._say("")
        self._rest.start()

    def _read_run(self) -> None:
        project, run = self.hub.project, self._run
        if project is None or run is None:
            return

        def work(task: Task) -> Contents:
            from desktop_llm.verbs import snapshots

            return snapshots.contents(project, run.number, should_stop=task.should_stop)

        def show(told: Contents) -> None:
            if self._run is run:
                self._contents = told
                self.facts.show_frozen(told.frozen)
                self.rows.show_rows(told.count)
                self._say("")

        title = self.tr("Reading the data of run {number}").format(number=run.number)
        task = self.hub.background.run(work, on_done=show, title=title)
        self._reading = task
        task.ended.connect(self._on_read)

    def _on_read(self, task: Task) -> None:
        if task is self._reading:
            self._reading = None
            if self._contents is None and self._run is not None:
                self.facts.show_problem(self.tr("The rows were not read; choose another run, then this one again."))
                self._run = None

    def _on_page_wanted(self, generation: int, page: int) -> None:
        project, told = self.hub.project, self._contents
        if project is None or told is None:
            return

        def work(_: Task) -> list[tuple[str, Row]]:
            from desktop_llm.verbs import snapshots

            return snapshots.page(project, told, page)

        def failed(error: UserError) -> None:
            self.rows.model.give_up(generation, page)
            self.hub.show_error(error)

        self.hub.background.run(
            work, on_done=lambda rows: self.rows.model.put_page(generation, page, rows), on_error=failed
        )

    def _on_compare(self) -> None:
        project, run = self.hub.project, self._run
        if project is None or run is None:
            return

        def work(task: Task) -> Comparison:
            from desktop_llm.verbs import snapshots

            return snapshots.compare(project, run.number, on_progress=task.progress, should_stop=task.should_stop)

        def show(found: Comparison) -> None:
            if self._run is run and self._contents is not None:
                self.rows.show_rows(self._contents.count)
                self.rows.show_comparison(found)

        self._start(self.tr("Comparing with today"), work, show)

    def _on_save(self) -> None:
        if self._run is None:
            return
        name = self.tr("data of run {number}.jsonl").format(number=self._run.number)
        task = self.hub.task
        formats = task.formats if task is not None else ()
        chosen = ask_where(self, self.tr("Save what the run trained on"), name, formats=formats)
        if chosen is not None:
            self.save(*chosen)

    def save(self, path: Path, form: Format) -> None:
        """Write the chosen run's rows to a file."""
        project, run = self.hub.project, self._run
        if project is None or run is None:
            return

        def work(task: Task) -> int:
            from desktop_llm.verbs import snapshots

            return snapshots.save(
                project, run.number, path, form, on_progress=task.progress, should_stop=task.should_stop
            )

        words = self.tr("{count:,} rows written to {path}.")
        self._start(
            self.tr("Saving rows"), work, lambda count: self.hub.show_message(words.format(count=count, path=path))
        )

    def _start(self, title: str, work: Callable[[Task], Any], on_done: Callable[[Any], object]) -> None:
        self._bar.setValue(0)
        task = self.hub.background.run(
            work,
            on_done=on_done,
            on_progress=lambda fraction, _: self._bar.setValue(round(STEPS * fraction)),
            title=title,
        )
        self._work = task
        task.ended.connect(self._on_ended)
        self._say(title + "…")

    def _on_ended(self, task: Task) -> None:
        if task is self._work:
            self._work = None
            self._say("")

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def _on_row_asked(self, item: int) -> None:
        """Open a row in Label, where it is still there."""
        project = self.hub.project
        if project is None:
            return

        def show(there: bool) -> None:
            if self.hub.project is not project:
                return
            if there:
                self.hub.page_asked.emit("label", {"item": item})
            else:
                self.hub.show_message(self.tr("Row {row} is no longer in the project.").format(row=item))

        self.hub.background.run(lambda _: project.items.get(item) is not None, on_done=show)


def _listed(run: Run) -> tuple[str, ...]:
    """A line of the list."""
    return (
        str(run.number),
        run.model_title,
        day_and_time(run.created),
        *(f"{int(run.snapshot.get(split, 0)):,}" for split in SPLITS),
        f"{len(run.schema.get('classes', ())):,}",
        str(run.snapshot.get("sha256", ""))[:HASH_SHOWN],
    )
