"""The Train page: set up, start, watch, pause, stop; and look at earlier runs' curves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.job import Job
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages import train_sources, train_state
from desktop_llm.gui.pages.train_advice import TrainAdvice
from desktop_llm.gui.pages.train_column import TrainColumn
from desktop_llm.gui.pages.train_controls import RESUMABLE, TrainControls
from desktop_llm.gui.pages.train_forecast import TrainForecast
from desktop_llm.gui.pages.train_live import TrainLive
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.events import Advised, Event, Noted, RolledBack, Started, StepDone
from desktop_llm.rows import Changes
from desktop_llm.verbs import possible
from desktop_llm.widgets.card import plain_label

if TYPE_CHECKING:
    from desktop_llm.gui.training import Outcome
    from desktop_llm.store.project import Project
    from desktop_llm.store.runs import Run
    from desktop_llm.verbs.training import Readiness

CHECK_MS = 300
Curves = dict[str, list[tuple[int, float]]]


def _amount(project: Project) -> int:
    from desktop_llm.verbs import training

    return training.amount(project)


class TrainPage(Page):
    """Setup at the left, the run at the right."""

    name = "train"

    def __init__(self, hub: Hub) -> None:
        """Listens to the training thread."""
        super().__init__(hub, hub.tr("Train"))
        self._told: dict[str, Any] = {}
        self._preparing: Task | None = None
        self._curves: tuple[int, Curves, int] | None = None
        """Of the run that is resumed: its number, the curves so far, and its steps in all."""
        self._ready, self._here = False, True
        self._state = plain_label("", "chip")
        self._state.setObjectName("train.state")
        self._state.hide()
        self.header.insertWidget(2, self._state, 0, Qt.AlignmentFlag.AlignVCenter)
        self._check_timer = QTimer(self)
        self._check_timer.setSingleShot(True)
        self._check_timer.setInterval(CHECK_MS)
        self._check_timer.timeout.connect(self._check)
        self._build_header()
        columns = QHBoxLayout()
        columns.setSpacing(16)
        column = TrainColumn(hub, self.controls.again, self._recipe)
        self.setup, self.away, self._before, self._starting = column.setup, column.away, column.before, column.starting
        self.start_button = self._starting.start
        self._starting.start_asked.connect(self.start)
        self._starting.recipe_chosen.connect(self.setup.set_recipe)
        self._starting.rate_chosen.connect(lambda rate: self.setup.set_value("learning_rate", rate))
        self.setup.changed.connect(self._check_timer.start)
        columns.addWidget(column)
        self.live = TrainLive()
        self.live.problem_met.connect(hub.show_error)
        self.advice = TrainAdvice(hub)
        self.advice.stop_asked.connect(self._on_stop)
        self.advice.restart_asked.connect(self._start_again)
        self.forecast = TrainForecast(hub, self.setup)
        right = QVBoxLayout()
        right.setSpacing(12)
        right.addWidget(self.advice)
        right.addWidget(self.forecast)
        right.addWidget(self.live.scrolled(), 1)
        columns.addLayout(right, 1)
        self.content.addLayout(columns, 1)
        training = hub.training
        training.began.connect(self._on_began)
        training.events_arrived.connect(self._on_events)
        training.ended.connect(self._on_ended)
        training.silence_changed.connect(self._on_silence_changed)
        hub.queue.changed.connect(self._show_controls)
        self._show_controls()

    def set_project(self, project: Project | None) -> None:
        """The task's defaults, the project's runs."""
        self.live.clear()
        self.advice.clear()
        self._ready, self._preparing = False, None
        self._before.clear()
        self.forecast.forbid()
        task = self.hub.task
        if project is None or task is None:
            return
        told = self._told.get(str(project.path), {})
        self.setup.set_task(task, told, train_sources.known(self._told.get("models", [])))
        self.hub.background.run(lambda _: _amount(project), on_done=self.setup.set_rows)
        self.hub.background.run(lambda _: possible.gpus(), on_done=self.setup.set_gpus)
        train_sources.offer_others(self.hub, self.setup)
        self.live.set_task(task)
        self._before.offer_classes(task.classes)
        self.controls.runs.reload(show_last=True)
        self._check_timer.start()

    def on_changes(self, changes: Changes) -> None:
        """Labels change what can be trained on; runs the list."""
        if self.hub.project is None:
            return
        if changes.items or changes.labels or changes.classes:
            self._check_timer.start()
        if changes.runs and not self.hub.is_training:
            self.controls.runs.reload()

    def opened(self, **arguments: Any) -> None:
        """`values` of a recipe are set first; `start` begins a run with what is set; `resume` goes on with that run;
        `take_back` asks for one."""
        if isinstance(arguments.get("values"), dict):
            self.setup.begin_with(arguments["values"])
        self._check_timer.start()
        if arguments.get("start"):
            self.start()
        if isinstance(arguments.get("resume"), int):
            self.resume(arguments["resume"])
        if arguments.get("take_back"):
            self.away.take_back()

    def start(self) -> None:
        """Freeze the data, write the job, train; or let it wait for the run that trains."""
        project = self.hub.project
        if project is None or self._preparing is not None:
            return
        recipe = self._recipe()
        if recipe is None:
            return
        self._keep(recipe)
        self.forecast.measuring.cancel(by_hand=False)
        if self.hub.is_training or self.hub.queue.waiting:
            task = self.hub.queue.add(recipe)
            if task is not None:
                self._prepare(task)
            return

        def work(_: Task) -> int:
            from desktop_llm.verbs import training

            return training.prepare(project, recipe)[0]

        title, refused = self.tr("Preparing the run"), self._on_not_started
        self._prepare(
            self.hub.background.run(work, on_done=self._begin, on_error=refused, title=title, stoppable=False)
        )

    def resume(self, number: int) -> None:
        """Go on with a run from its last checkpoint."""
        project = self.hub.project
        if project is None or self.hub.is_training or self._preparing is not None:
            return

        def work(_: Task) -> tuple[int, Curves, int]:
            from desktop_llm.verbs import training

            training.resumable(project, number)
            return number, project.runs.metrics(number), project.runs.get(number).total_steps

        def begin(told: tuple[int, Curves, int]) -> None:
            self._curves = told
            self._begin(number)

        self._prepare(self.hub.background.run(work, on_done=begin, on_error=self._on_not_started))

    def state(self) -> dict[str, Any]:
        """The recipes by project, and the model folders used."""
        project = self.hub.project
        if project is not None:
            try:
                self._keep(self.setup.recipe)
            except UserError:
                return self._told
        return self._told

    def restore(self, told: dict[str, Any]) -> None:
        """As last time."""
        self._told = dict(told)

    # building

    def _build_header(self) -> None:
        self.controls = TrainControls(self.hub)
        self.controls.run_asked.connect(self._show_run)
        self.controls.loaded.connect(self._on_runs_loaded)
        self.controls.resume_asked.connect(self.resume)
        self.controls.stop_asked.connect(self._on_stop)
        self.controls.again.work_begun.connect(self._prepare)
        self.controls.again.made.connect(self._begin)
        self.header.addWidget(self.controls)

    # before the start

    def _check(self) -> None:
        project = self.hub.project
        if project is None:
            return
        recipe = self._recipe()
        if recipe is None:
            return

        def work(_: Task) -> Readiness:
            from desktop_llm.verbs import training

            return training.check(project, recipe, here=False)

        self.hub.background.run(
            work, on_done=lambda told: self._show_readiness(told, recipe), on_error=self._tell_problem
        )

    def _recipe(self) -> recipes.Recipe | None:
        """What is set; None, and the reason is shown, where it cannot be."""
        try:
            return self.setup.recipe
        except UserError as error:
            self._tell_problem(error)
            return None

    def _show_readiness(self, told: Readiness, recipe: recipes.Recipe) -> None:
        self._before.show_readiness(told)
        self._here = not told.not_here
        if self._here:
            self.forecast.set_ready(recipe, told)
        else:
            self._before.show_problem(told.not_here)
            self.forecast.forbid()
        if not self.setup.isAncestorOf(QApplication.focusWidget() or self):
            self.setup.set_rows(sum(told.splits.values()))
        self._ready = True
        self._show_controls()

    def _tell_problem(self, error: UserError) -> None:
        self._before.show_problem(error.message)
        self.forecast.forbid()
        self._ready = False
        self._show_controls()

    def _keep(self, recipe: recipes.Recipe) -> None:
        project = self.hub.project
        if project is not None:
            # what nobody has set follows the number of texts, the next time, too
            told = recipes.to_json(recipe) if self.setup.own else {"model": recipe.model}
            self._told[str(project.path)] = told
            if recipe.model != recipes.SCRATCH:
                models = [recipe.model, *(one for one in self._told.get("models", []) if one != recipe.model)]
                self._told["models"] = models[:8]
            json.dumps(self._told)

    def _prepare(self, task: Task) -> None:
        """Wait for the work before a run; its end is told even when the project is closed over it."""
        self._preparing = task
        task.ended.connect(self._on_prepared)
        self._show_controls()

    def _on_prepared(self, task: Task) -> None:
        if task is self._preparing:
            self._preparing = None
            self._show_controls()

    def _begin(self, number: int) -> None:
        project = self.hub.project
        if project is None:
            return
        try:
            self.hub.train(number)
        except UserError as error:
            self._on_not_started(error)

    def _on_not_started(self, error: UserError) -> None:
        self._tell_problem(error)
        self.hub.show_error(error)

    # while it runs

    def _on_began(self, number: int) -> None:
        told, self._curves = self._curves, None
        if told is not None and told[0] == number:
            self.live.show_curves(told[1], told[2])
        else:
            self.live.clear()
        self.advice.clear()
        self._say_state(self.tr("Run {number} · starting").format(number=number))
        self.controls.runs.reload()
        self._show_controls()

    def _on_events(self, batch: list[Event]) -> None:
        self.live.take(batch)
        number = self.hub.training.number
        for event in batch:
            words = train_state.words_of(number, event)
            if words:
                self._say_state(words)
            elif isinstance(event, Advised):
                self.advice.add(event.about, event.message, event.action, event.value)
            elif isinstance(event, RolledBack) or (isinstance(event, Noted) and event.level == "warning"):
                self.hub.show_error(UserError(event.message))
        if any(isinstance(event, (StepDone, Started)) for event in batch):
            title = self.tr("Training run {number}").format(number=number)
            left = self.tr("{time} left").format(time=self.live.left) if self.live.left else ""
            self.hub.job_changed.emit(Job(key=self, title=title, fraction=self.live.fraction, left=left))
        self._show_controls()

    def _on_ended(self, outcome: Outcome) -> None:
        self.hub.job_changed.emit(Job(key=self, over=True))
        self.live.end()
        self._state.hide()
        self.controls.runs.reload()
        self._show_controls()
        self._check_timer.start()

    def _start_again(self, value: dict[str, Any]) -> None:
        """With the recipe of the run shown, changed; one under way stops, and what it has learned is kept."""
        run = self.controls.run
        if run is None or self._preparing is not None:
            return
        self.setup.set_recipe(recipes.changed(run.recipe, value))
        self.start()
        if self.hub.is_training:
            self._on_stop()

    def _on_silence_changed(self, hung: bool) -> None:
        if hung:
            words = self.tr("The run has said nothing for a minute; wait, or stop it.")
            self.hub.show_error(UserError(words))

    def _on_stop(self) -> None:
        self.hub.training.stop()
        self._say_state(self.tr("Run {number} · stopping").format(number=self.hub.training.number))
        self._show_controls()

    def _say_state(self, words: str) -> None:
        self._state.setText(words)
        self._state.show()

    def _show_controls(self) -> None:
        active = self.hub.is_training
        wish = self.hub.training.wish if active else ""
        self.forecast.setVisible(not active)
        waits = active or bool(self.hub.queue.waiting)
        enabled = self._ready and self._preparing is None and self.hub.writable
        self._starting.show_state(enabled=enabled, waits=waits, here=self._here)
        self.advice.set_alive(alive=active and wish not in ("stop", "leave"))
        self.controls.show_state(free=self._preparing is None)

    # earlier runs

    def _on_runs_loaded(self) -> None:
        run = self.controls.run
        if self.hub.is_training and run is not None:  # one that was resumed has been spoken of before
            self.advice.add_all(run.advice)
        if not self.controls.runs.runs:
            self.live.clear()
            self.advice.clear()
        self.setup.set_runs(self.controls.runs.models())
        self._show_controls()

    def _show_run(self, run: Run) -> None:
        project = self.hub.project
        if project is None:
            return

        def show(curves: Curves) -> None:
            self.live.show_curves(curves, run.total_steps)
            self.live.samples.show_samples(run.samples)

        self.advice.clear()
        self.advice.add_all(run.advice)
        self.hub.background.run(lambda _: project.runs.metrics(run.number), on_done=show)
        if run.message and run.state in RESUMABLE:
            self._before.show_problem(run.message)
        self._show_controls()
