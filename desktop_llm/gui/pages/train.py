"""The Train page: set up, start, watch, pause, stop; and look at earlier runs' curves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.job import Job
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages.train_before import TrainBefore
from desktop_llm.gui.pages.train_live import TrainLive
from desktop_llm.gui.pages.train_setup import TrainSetup
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs.events import Event, Noted, Paused, Preparing, Started, StepDone
from desktop_llm.rows import Changes
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.form import Choice

if TYPE_CHECKING:
    from desktop_llm.gui.training import Outcome
    from desktop_llm.store.project import Project
    from desktop_llm.store.runs import Run
    from desktop_llm.verbs.training import Readiness

CHECK_MS = 300
Curves = dict[str, list[tuple[int, float]]]
SETUP_WIDTH = 352
RESUMABLE = ("interrupted", "failed")


def _amount(project: Project) -> int:
    from desktop_llm.verbs import training

    return training.amount(project)


class TrainPage(Page):
    """Setup at the left, the run at the right."""

    name = "train"

    def __init__(self, hub: Hub) -> None:
        """Listens to the training thread."""
        super().__init__(hub, hub.tr("Train"))
        self._runs: list[Run] = []
        self._told: dict[str, Any] = {}
        self._preparing: Task | None = None
        self._curves: tuple[int, Curves, int] | None = None
        """Of the run that is resumed: its number, the curves so far, and its steps in all."""
        self._ready = False
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
        columns.addWidget(self._build_setup())
        self.live = TrainLive()
        self.live.problem_met.connect(hub.show_error)
        columns.addWidget(self.live.scrolled(), 1)
        self.content.addLayout(columns, 1)
        training = hub.training
        training.began.connect(self._on_began)
        training.events_arrived.connect(self._on_events)
        training.ended.connect(self._on_ended)
        training.silence_changed.connect(self._on_silence_changed)
        self._show_controls()

    def set_project(self, project: Project | None) -> None:
        """The task's defaults, the project's runs."""
        self.live.clear()
        self._ready, self._preparing = False, None
        self._before.clear()
        task = self.hub.task
        if project is None or task is None:
            return
        told = self._told.get(str(project.path), {})
        models = list(self._told.get("models", []))
        self.setup.set_task(task, told, models)
        self.hub.background.run(lambda _: _amount(project), on_done=self.setup.set_rows)
        self.live.set_task(task)
        self._before.offer_classes(task.classes)
        self._load_runs(show_last=True)
        self._check_timer.start()

    def on_changes(self, changes: Changes) -> None:
        """Labels change what can be trained on; runs the list."""
        if self.hub.project is None:
            return
        if changes.items or changes.labels or changes.classes:
            self._check_timer.start()
        if changes.runs and not self.hub.is_training:
            self._load_runs()

    def opened(self, **arguments: Any) -> None:
        """`start` begins a run with what is set; `resume` goes on with that run."""
        self._check_timer.start()
        if arguments.get("start"):
            self.start()
        if isinstance(arguments.get("resume"), int):
            self.resume(arguments["resume"])

    def start(self) -> None:
        """Freeze the data, write the job, train."""
        project = self.hub.project
        if project is None or self._preparing is not None or self.hub.is_training:
            return
        try:
            recipe = self.setup.recipe
        except UserError as error:
            self._tell_problem(error)
            return
        self._keep(recipe)

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
        self._run_box = Choice()
        self._run_box.setObjectName("train.run")
        self._run_box.setAccessibleName(self.tr("Run"))
        self._run_box.setMinimumWidth(240)
        self._run_box.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToContents)
        self._run_box.activated.connect(lambda _: self._show_chosen_run())
        self.resume_button = button(self.tr("Resume"), "train.resume", self._on_resume)
        self.pause_button = button(self.tr("Pause"), "train.pause", self._on_pause)
        self.stop_button = button(self.tr("Stop and keep"), "train.stop", self._on_stop)
        for part in (self._run_box, self.resume_button, self.pause_button, self.stop_button):
            self.header.addWidget(part)

    def _build_setup(self) -> QWidget:
        column = QWidget()
        column.setFixedWidth(SETUP_WIDTH)
        whole = QVBoxLayout(column)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(12)
        card = Card(self.tr("Setup"))
        self.setup = TrainSetup()
        self.setup.changed.connect(self._check_timer.start)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.setup)
        card.body.addWidget(scroll, 1)
        whole.addWidget(card, 1)
        self._before = TrainBefore()
        whole.addWidget(self._before)
        self.start_button = button(self.tr("Start training"), "train.start", self.start, kind="primary")
        self.start_button.setMinimumHeight(36)
        whole.addWidget(self.start_button)
        return column

    # before the start

    def _check(self) -> None:
        project = self.hub.project
        if project is None or self.hub.is_training:
            return
        try:
            recipe = self.setup.recipe
        except UserError as error:
            self._tell_problem(error)
            return

        def work(_: Task) -> Readiness:
            from desktop_llm.verbs import training

            return training.check(project, recipe)

        self.hub.background.run(work, on_done=self._show_readiness, on_error=self._tell_problem)

    def _show_readiness(self, told: Readiness) -> None:
        self._before.show_readiness(told)
        if not self.setup.isAncestorOf(QApplication.focusWidget() or self):
            self.setup.set_rows(sum(told.splits.values()))
        self._ready = True
        self._show_controls()

    def _tell_problem(self, error: UserError) -> None:
        self._before.show_problem(error.message)
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
            self.hub.training.begin(
                self.hub.keeper(),
                number,
                project.runs.folder(number),
                in_window=self.hub.settings.train_in_window,
            )
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
        self._say_state(self.tr("Run {number} · starting").format(number=number))
        self._load_runs()
        self._show_controls()

    def _on_events(self, batch: list[Event]) -> None:
        self.live.take(batch)
        number = self.hub.training.number
        for event in batch:
            if isinstance(event, Preparing):
                self._say_state(self.tr("Run {number} · preparing").format(number=number))
            elif isinstance(event, Started):
                words = self.tr("Run {number} · {device}, {precision}")
                self._say_state(words.format(number=number, device=event.device, precision=event.precision))
            elif isinstance(event, Paused):
                self._say_state(self.tr("Run {number} · paused").format(number=number))
            elif isinstance(event, Noted) and event.level == "warning":
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
        self._load_runs()
        self._show_controls()
        self._check_timer.start()

    def _on_silence_changed(self, hung: bool) -> None:
        if hung:
            words = self.tr("The run has said nothing for a minute; wait, or stop it.")
            self.hub.show_error(UserError(words))

    def _on_pause(self) -> None:
        if self.hub.training.wish == "pause":
            self.hub.training.proceed()
        else:
            self.hub.training.pause()
        self._show_controls()

    def _on_stop(self) -> None:
        self.hub.training.stop()
        self._say_state(self.tr("Run {number} · stopping").format(number=self.hub.training.number))
        self._show_controls()

    def _on_resume(self) -> None:
        number = self._run_box.currentData()
        if isinstance(number, int):
            self.resume(number)

    def _say_state(self, words: str) -> None:
        self._state.setText(words)
        self._state.show()

    def _show_controls(self) -> None:
        active = self.hub.is_training
        wish = self.hub.training.wish if active else ""
        self.start_button.setVisible(not active)
        self.start_button.setEnabled(self._ready and self._preparing is None and self.hub.writable)
        self.pause_button.setVisible(active)
        self.pause_button.setText(self.tr("Go on") if wish == "pause" else self.tr("Pause"))
        self.stop_button.setVisible(active)
        self.stop_button.setEnabled(wish not in ("stop", "leave"))
        self._run_box.setVisible(bool(self._runs) and not active)
        chosen = next((run for run in self._runs if run.number == self._run_box.currentData()), None)
        can_resume = chosen is not None and chosen.state in RESUMABLE and not active and self.hub.writable
        self.resume_button.setVisible(can_resume)
        self.setup.set_locked(active)

    # earlier runs

    def _load_runs(self, *, show_last: bool = False) -> None:
        project = self.hub.project
        if project is not None:
            self.hub.background.run(
                lambda _: project.runs.all(), on_done=lambda runs: self._take_runs(runs, show_last=show_last)
            )

    def _take_runs(self, runs: list[Run], *, show_last: bool) -> None:
        chosen = None if show_last else self._run_box.currentData()
        if self.hub.is_training or (runs and chosen is None):
            chosen = self.hub.training.number if self.hub.is_training else (runs[0].number if runs else None)
        if len(runs) > len(self._runs) and runs:
            chosen = runs[0].number
        self._runs = runs
        self._run_box.clear()
        for run in runs:
            words = self.tr("Run {number} · {model} · {state}")
            self._run_box.addItem(words.format(number=run.number, model=run.model_title, state=run.state), run.number)
        self._run_box.setCurrentIndex(max(0, self._run_box.findData(chosen)))
        if show_last and not self.hub.is_training:
            self._show_chosen_run()
        self._show_controls()

    def _show_chosen_run(self) -> None:
        project, number = self.hub.project, self._run_box.currentData()
        if project is None or not isinstance(number, int) or self.hub.is_training:
            return
        run = next((one for one in self._runs if one.number == number), None)
        total = run.total_steps if run is not None else 0
        self.hub.background.run(
            lambda _: project.runs.metrics(number), on_done=lambda curves: self.live.show_curves(curves, total)
        )
        if run is not None and run.message and run.state in RESUMABLE:
            self._before.show_problem(run.message)
        self._show_controls()
