"""What the pages share: settings, the open project, the threads, and the announcements that pass between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from desktop_llm import keymap
from desktop_llm import settings as stored
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.gui.background import Background, Task
from desktop_llm.jobs.events import Event
from desktop_llm.settings import Settings

if TYPE_CHECKING:
    from desktop_llm.gui.around_runs import AroundRuns
    from desktop_llm.gui.inference import Inference
    from desktop_llm.gui.looping import Looping
    from desktop_llm.gui.run_queue import RunQueue
    from desktop_llm.gui.service import Service
    from desktop_llm.gui.training import Outcome, Training
    from desktop_llm.gui.tuning import Tuning
    from desktop_llm.keymap import KeyMap
    from desktop_llm.rows import Changes
    from desktop_llm.store.project import Project
    from desktop_llm.store.runs import Runs
    from desktop_llm.tasks.task import Task as TaskKind


class Keeper:
    """Where the training thread puts what a run says: the project that was open when it began."""

    def __init__(self, project: Project) -> None:
        """`project` stays open as long as the run."""
        self._project = project

    def ingest(self, number: int, batch: list[Event]) -> Changes:
        """Keep a batch of events."""
        return self._project.runs.ingest(number, batch)

    def collect(self, number: int) -> Changes:
        """Keep what the run left behind."""
        return self._project.take_answers(number)


class Hub(QObject):
    """The middle of the window.

    Signals: `leaving()`: the open project is about to be closed, and can still be written to;
    `project_opened(Project or None)`; `changed(Changes)` after a write; `page_asked(name, arguments)`;
    `error_shown(UserError)`; `message_shown(sentence)`; `job_changed(Job)` for the status bar;
    `settings_changed(Settings)`.
    """

    leaving = Signal()
    project_opened = Signal(object)
    changed = Signal(object)
    page_asked = Signal(str, dict)
    error_shown = Signal(object)
    message_shown = Signal(str)
    job_changed = Signal(object)
    settings_changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        """Nothing is open; the settings are read."""
        super().__init__(parent)
        self.settings: Settings = stored.load()
        self.project: Project | None = None
        self.background = Background(self)
        self.background.failed.connect(self.show_error)
        self.background.job_changed.connect(self.job_changed)
        self._door: Task | None = None
        """The last opening or closing: the next one waits for it, else it would meet its lock."""
        self._opening: tuple[Path, Task] | None = None
        self._training: Training | None = None
        self._around: AroundRuns | None = None
        self._inference: Inference | None = None
        self._service: Service | None = None
        self._looping: Looping | None = None
        self._queue: RunQueue | None = None
        self._tuning: Tuning | None = None
        self._runs_held: Runs | None = None
        """Those of the project whose run is under way."""

    @property
    def training(self) -> Training:
        """The training thread; made when it is first needed."""
        if self._training is None:
            from desktop_llm.gui.around_runs import AroundRuns
            from desktop_llm.gui.training import Training

            self._training = Training(self)
            self._training.stored.connect(self.changed)
            self._training.problem_met.connect(lambda sentence: self.show_error(UserError(sentence)))
            self._training.ended.connect(self._on_training_ended)
            self._around = AroundRuns(self, self._training)
        return self._training

    @property
    def queue(self) -> RunQueue:
        """The runs that wait for their turn; made when it is first needed."""
        if self._queue is None:
            from desktop_llm.gui.run_queue import RunQueue

            self._queue = RunQueue(self)
        return self._queue

    @property
    def tuning(self) -> Tuning:
        """The search over recipes; made when it is first needed."""
        if self._tuning is None:
            from desktop_llm.gui.tuning import Tuning

            self._tuning = Tuning(self)
        return self._tuning

    @property
    def inference(self) -> Inference:
        """The warm model; made when it is first needed."""
        if self._inference is None:
            from desktop_llm.gui.inference import Inference

            self._inference = Inference(self)
        return self._inference

    @property
    def service(self) -> Service:
        """A model that answers other programs; made when it is first needed."""
        if self._service is None:
            from desktop_llm.gui.service import Service

            self._service = Service(self)
        return self._service

    @property
    def looping(self) -> Looping:
        """The model in the loop of labeling; made when it is first needed."""
        if self._looping is None:
            from desktop_llm.gui.looping import Looping

            self._looping = Looping(self, self)
        return self._looping

    @property
    def is_training(self) -> bool:
        """Whether a run is under way."""
        return self._training is not None and self._training.active

    @property
    def task(self) -> TaskKind | None:
        """The task of the open project."""
        from desktop_llm.tasks import task

        return task(self.project.task) if self.project is not None else None

    @property
    def keys(self) -> KeyMap:
        """What each key of the Label page does, as the settings have it now."""
        return keymap.from_settings(self.settings.key_preset, self.settings.key_changes)

    @property
    def writable(self) -> bool:
        """Whether there is a project that can be changed."""
        return self.project is not None and not self.project.read_only

    def keeper(self) -> Keeper:
        """Where the events of a run go. Raises UserError when no project is open."""
        if self.project is None:
            raise UserError(self.tr("Open a project first."))
        return Keeper(self.project)

    def train(self, number: int) -> None:
        """Begin or resume run `number` of the open project. Raises UserError, also where one is under way."""
        keeper = self.keeper()
        assert self.project is not None, "it has a keeper"
        runs = self.project.runs
        runs.hold(number)
        try:
            self.training.begin(keeper, number, runs.folder(number), in_window=self.settings.train_in_window)
        except UserError:
            runs.let_go(number)
            raise
        self._runs_held = runs

    def open_project(self, path: Path, *, then_page: str = "") -> Task:
        """Open the project in `path` in the background; announces it. The latest wish counts."""
        path = path.absolute()
        if self._opening is not None and self._opening[0] == path:
            return self._opening[1]
        if self.project is not None and self.project.path == path and self.writable:
            return self.background.run(lambda _: None, on_done=lambda _: self._ask_page(then_page))

        def work() -> Project:
            from desktop_llm.store.project import Project

            return Project.open(path)

        return self._enter(path, work, then_page)

    def create_project(self, path: Path, task: str, name: str = "", *, then_page: str = "data") -> Task:
        """Make a project and open it."""

        def work() -> Project:
            from desktop_llm.store.project import Project

            return Project.create(path, task, name)

        return self._enter(path.absolute(), work, then_page)

    def close_project(self) -> None:
        """Close the open project. Raises UserError while it trains."""
        if self.is_training:
            raise UserError(self.tr("A run is training; stop it before closing the project."))
        if self.project is not None:
            self.leaving.emit()
        self.background.forget_all()
        project, self.project = self.project, None
        if project is not None:
            self.save_settings(last_project="")
            self.project_opened.emit(None)
            self._door = self.background.run(lambda _: project.close())

    def save_settings(self, **changes: Any) -> None:
        """Change settings, keep them, and tell everybody."""
        self.settings = replace(self.settings, **changes)
        stored.save(self.settings)
        self.settings_changed.emit(self.settings)

    def show_error(self, error: UserError) -> None:
        """Show one sentence, with its details behind a fold."""
        self.error_shown.emit(error)

    def show_message(self, sentence: str) -> None:
        """Say something good in passing."""
        self.message_shown.emit(sentence)

    def close(self) -> None:
        """End everything: training leaves with a checkpoint, the warm model ends, the project is closed."""
        if self._training is not None:
            self._training.close()
        if self._around is not None:
            self._around.release()
        if self._inference is not None:
            self._inference.close()
        if self._service is not None:
            self._service.close()
        self.background.close()
        if self._looping is not None:
            self._looping.close()
        if self._opening is not None:
            self._on_entered(self._opening[1])
        project, self.project = self.project, None
        if project is not None:
            project.close()

    def _enter(self, path: Path, work: Callable[[], Project], then_page: str) -> Task:
        """Open or make a project after what came before through the same door."""
        before = self._door
        if self._opening is not None:
            self._opening[1].cancel()

        def ordered(task: Task) -> Project:
            if before is not None:
                before.wait()
            project = work()
            if task.cancelled:
                project.close()
                raise Cancelled
            return project

        task = self.background.run(ordered, on_done=lambda project: self._take(project, then_page))
        task.ended.connect(self._on_entered)
        self._door, self._opening = task, (path, task)
        return task

    def _on_entered(self, task: Task) -> None:
        if self._opening is not None and self._opening[1] is task:
            self._opening = None
        if task.result is not None and task.result is not self.project:
            task.result.close()  # opened, but not wanted any more

    def _ask_page(self, name: str) -> None:
        if name:
            self.page_asked.emit(name, {})

    def _take(self, project: Project, then_page: str) -> None:
        if self.project is not None:
            if self.is_training:
                self.show_error(UserError(self.tr("A run is training; stop it before opening another project.")))
                return
            self.leaving.emit()
            # An import into it would else hold the lock that closing waits for, and the window with it.
            self.background.forget_all()
            self.project.close()
        self.project = project
        self.settings = stored.with_recent(self.settings, project.path)
        stored.save(self.settings)
        self.settings_changed.emit(self.settings)
        self.project_opened.emit(project)
        self._ask_page(then_page)

    def _on_training_ended(self, outcome: Outcome) -> None:
        if self._runs_held is not None:
            self._runs_held.let_go(outcome.number)
            self._runs_held = None
        if outcome.message:
            self.show_error(UserError(outcome.message))
        elif outcome.kept:
            self.show_message(f"{outcome.words} {outcome.result}".rstrip())
        from desktop_llm.rows import Changes

        self.changed.emit(Changes(runs=True, predictions=True))
