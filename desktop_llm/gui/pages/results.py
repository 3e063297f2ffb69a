"""The Results page: all runs in a table, and below it tabs that tell what the chosen one is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages import forecast_words
from desktop_llm.gui.pages.result_figures import FiguresTab
from desktop_llm.gui.pages.result_measuring import Measuring
from desktop_llm.gui.pages.result_on import OnChoice
from desktop_llm.gui.pages.result_opening import Opening
from desktop_llm.gui.pages.result_runs import RunTable
from desktop_llm.gui.pages.result_tab import ResultTab, Shown
from desktop_llm.gui.pages.result_tabs import TABS
from desktop_llm.rows import Changes
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.empty import EmptyState
from desktop_llm.widgets.screen import ModelRoom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_llm.evidence.intervals import Interval
    from desktop_llm.store.project import Project
    from desktop_llm.store.runs import Run

LEAST_TABLE_HEIGHT, TABLE_HEIGHT = 164, 190


class ResultsPage(Page):
    """Runs above, one of several ways to look at one of them below."""

    name = "results"

    def __init__(self, hub: Hub) -> None:
        """The tabs are made when they are first shown."""
        super().__init__(hub, hub.tr("Results"))
        self._shown: Shown | None = None
        self._asked: Task | None = None
        self.measuring = Measuring(hub, self)
        self.measuring.changed.connect(self._let)
        self.opening = Opening(hub, self)
        self.data_button = button(self.tr("Training data"), "results.data", self._on_data)
        self.data_button.setToolTip(self.tr("What this run trained on: shown, compared with today, saved as a file."))
        self.try_button = button(self.tr("Try it"), "results.try", self._on_try)
        self.export_button = button(self.tr("Export model…"), "results.export", self._on_export, kind="primary")
        for part in (self.data_button, self.try_button, self.export_button):
            self.header.addWidget(part)
            part.setEnabled(False)
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
        self.measuring.forget()
        if project is None or task is None:
            return
        self._shown = None
        for tab in self._tabs.values():
            tab.forget()
        room = task.open_screen()
        view = room.result_view() if isinstance(room, ModelRoom) else None
        self.figures.set_view(view)
        if view is None:
            return
        view.rows_asked.connect(self._on_rows_asked)
        view.these_asked.connect(self._on_these_asked)
        for place, one in enumerate(TABS.values()):
            self.tab_bar.setTabVisible(place, one.fits(task))
        self.tab_bar.setCurrentIndex(0)
        self.table.set_task(task)
        self._reload()

    def on_changes(self, changes: Changes) -> None:
        """Runs have changed."""
        if changes.runs and self.hub.project is not None and self.isVisible():
            self._reload()

    def opened(self, **arguments: Any) -> None:
        """`run` chooses one, `tab` a way to look at it."""
        if arguments.get("tab") in TABS:
            self.tab_bar.setCurrentIndex(tuple(TABS).index(arguments["tab"]))
        self._reload(arguments.get("run"))

    @property
    def run(self) -> Run | None:
        """The chosen run."""
        return self.table.run

    @property
    def figures(self) -> FiguresTab:
        """The first tab, which is always there."""
        tab = self._tab("figures")
        assert isinstance(tab, FiguresTab)
        return tab

    def _build(self) -> QWidget:
        page = QWidget()
        whole = QVBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(12)
        card = Card(self.tr("Runs"), self.tr("figures on test texts where there are some"))
        self.table = RunTable()
        self.table.changed.connect(self._show_run)
        card.body.addWidget(self.table, 1)
        card.setMinimumHeight(LEAST_TABLE_HEIGHT)
        card.setMaximumHeight(TABLE_HEIGHT)
        self._foretold = plain_label("", "muted", wrap=True)
        self._foretold.setObjectName("results.foretold")
        self._foretold.hide()
        card.body.addWidget(self._foretold)
        whole.addWidget(card, 1)
        whole.addLayout(self._build_line())
        self._note = plain_label("", "muted", wrap=True)
        self._note.setObjectName("results.note")
        self._note.hide()
        whole.addWidget(self._note)
        self._tabs: dict[str, ResultTab] = {}
        self._inner = QStackedWidget()
        whole.addWidget(self._inner, 2)
        self._show_tab(0)
        return page

    def _build_line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(8)
        self.tab_bar = QTabBar()
        self.tab_bar.setObjectName("results.tabs")
        self.tab_bar.setAccessibleName(self.tr("Ways to look at a run"))
        self.tab_bar.setDrawBase(False)
        self.tab_bar.setExpanding(False)
        for tab in TABS.values():
            self.tab_bar.addTab(QCoreApplication.translate("ResultTabs", tab.title))
        self.tab_bar.currentChanged.connect(self._show_tab)
        line.addWidget(self.tab_bar)
        line.addStretch(1)
        line.addWidget(plain_label(self.tr("Measured on"), "muted"))
        self.on_choice = OnChoice()
        self.on_choice.changed.connect(self._show_run)
        self.on_choice.file_chosen.connect(lambda: self._on_measure(0))
        line.addWidget(self.on_choice)
        self.measure_button = button(self.tr("Measure again"), "results.measure", lambda: self._on_measure(0))
        line.addWidget(self.measure_button)
        return line

    def _tab(self, name: str) -> ResultTab:
        """One of the tabs, made if it was not."""
        if name not in self._tabs:
            made = TABS[name].make(self.hub)
            made.these_asked.connect(self._on_these_asked)
            made.measure_asked.connect(self._on_measure)
            self._tabs[name] = made
            self._inner.addWidget(made)
        return self._tabs[name]

    def _show_tab(self, place: int) -> None:
        if place >= 0:
            tab = self._tab(tuple(TABS)[place])
            self._inner.setCurrentWidget(tab)
            tab.show_run(self._shown)

    def _reload(self, wanted: int | None = None) -> None:
        project = self.hub.project
        if project is None:
            return

        def work(_: Task) -> tuple[list[Run], list[str], list[str]]:
            files = [one.name for one in project.evaluations.all() if one.kind == "file"]
            return project.runs.all(), list(project.filters.all()), list(dict.fromkeys(files))

        def show(told: tuple[list[Run], list[str], list[str]]) -> None:
            if self.hub.project is project:
                self.on_choice.offer(told[1], told[2])
                self._show_runs(told[0], wanted)

        self.hub.background.run(work, on_done=show)

    def _show_runs(self, runs: list[Run], wanted: int | None) -> None:
        self._stack.setCurrentIndex(1 if runs else 0)
        self.table.show_runs(runs, wanted)
        self._read_limits(runs)
        self._show_run()

    def _read_limits(self, runs: Sequence[Run]) -> None:
        """Between what the main figure of each run lies, one run after the other."""
        project, task = self.hub.project, self.hub.task
        if project is None or task is None:
            return
        name = task.metrics[0].name

        def work(told: Task) -> dict[int, Interval]:
            from desktop_llm.verbs import limits

            return limits.of_runs(project, runs, name, should_stop=told.should_stop)

        def show(told: dict[int, Interval]) -> None:
            for number, one in told.items():
                self.table.show_limits(number, one)

        self.hub.background.run(work, on_done=show)

    def _let(self) -> None:
        """What can be done now."""
        run, project = self.run, self.hub.project
        # one that was made longer has its model of before until it ends again
        kept = run is not None and project is not None and project.runs.folder(run.number).model.is_dir()
        for part in (self.try_button, self.export_button):
            part.setEnabled(kept)
        self.measure_button.setEnabled(kept and self.hub.writable and not self.measuring.busy)
        self.data_button.setEnabled(run is not None)

    def _show_run(self) -> None:
        run, project, on = self.run, self.hub.project, self.on_choice.on
        self._let()
        foretold = "" if run is None else forecast_words.kept_word(run.details)
        self._foretold.setText(foretold)
        self._foretold.setVisible(bool(foretold))
        if self._asked is not None:
            self._asked.cancel()
        if run is None or project is None:
            return
        marked, every = self.table.marked, list(self.table.runs)

        def work(task: Task) -> tuple[Shown, dict[str, Any], str]:
            from desktop_llm.gui.pages import result_reading

            return result_reading.read(project, marked, every, on, should_stop=task.should_stop)

        self._asked = self.hub.background.run(work, on_done=lambda told: self._show(*told))

    def _show(self, shown: Shown, details: dict[str, Any], note: str) -> None:
        if self.run is None or self.run.number != shown.run.number:
            return
        self._shown = shown
        measured = shown.outcomes is not None
        self.measure_button.setText(self.tr("Measure again") if measured else self.tr("Measure"))
        self._note.setText(note)
        self._note.setVisible(bool(note))
        if self.figures.view is not None:
            self.figures.view.show_details(details)
        self._show_tab(self.tab_bar.currentIndex())

    def _on_measure(self, number: int) -> None:
        run = self.run
        if run is not None:
            self.measuring.measure(number or run.number, self.on_choice.on)

    def _on_data(self) -> None:
        if self.run is not None:
            self.hub.page_asked.emit("data", {"tab": "snapshots", "run": self.run.number})

    def _on_try(self) -> None:
        if self.run is not None:
            self.hub.page_asked.emit("try", {"run": self.run.number})

    def _on_export(self) -> None:
        if self.run is not None:
            self.hub.page_asked.emit("export", {"run": self.run.number})

    def _on_these_asked(self, keys: list[int], words: str) -> None:
        self.opening.these(self._shown, keys, words)

    def _on_rows_asked(self, truth: object, predicted: object) -> None:
        self.opening.cell(self._shown, truth, predicted)
