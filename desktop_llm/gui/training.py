"""The training thread: one class, two lanes, one tongue.

By default it supervises a spawned process that runs the engine and sends events over a pipe; with the setting
"train inside the window" it calls the engine in this thread. Either way events reach the window in one signal
some 25 times a second, and the store in batches twice a second, written from this thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

from PySide6.QtCore import QObject, QThread, QTimer, Signal

from desktop_llm import log
from desktop_llm.child import Child, exit_words
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import events
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Event
from desktop_llm.jobs.folder import RunFolder

DRAIN_MS = 40
STORE_SECONDS = 0.5
HUNG_SECONDS = 60.0
LEAVE_SECONDS = 5.0
LEAVE_AT_MOST = 60.0
LOG = log.logger("train")

Worker = Callable[[str, Connection], None]
WorkerHere = Callable[[str, Callable[[Event], None], Control], Event]


class Keeper(Protocol):
    """Where the events of a run go: the project's store, seen from here."""

    def ingest(self, number: int, batch: list[Event]) -> object:
        """Keep a batch; returns what changed. Raises UserError."""

    def collect(self, number: int) -> object:
        """After the end: take over what the run left in its folder; what changed. Raises UserError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended: `event` is the engine's last word or ours in its place, `message` a sentence or ''."""

    number: int
    event: Event
    message: str = ""

    @property
    def kept(self) -> bool:
        """Whether the run left a model."""
        return isinstance(self.event, events.Finished)

    @property
    def result(self) -> str:
        """What the engine says of the model that it left, or ''."""
        return self.event.message if isinstance(self.event, events.Finished) else ""


class Training(QThread):
    """Runs one training at a time; the object lives as long as the window and is started again for each run.

    Signals: `began(number)`; `events_arrived(list of Event)`; `stored(changes)`; `silence_changed(hung)`;
    `problem_met(sentence)`; `ended(Outcome)`.
    """

    began = Signal(int)
    events_arrived = Signal(list)
    stored = Signal(object)
    silence_changed = Signal(bool)
    problem_met = Signal(str)
    ended = Signal(object)

    def __init__(self, parent: QObject | None = None, *, worker: Worker | None = None) -> None:
        """`worker` takes the place of the engine's process (for another kind of worker)."""
        super().__init__(parent)
        self._worker = worker
        self.number = 0
        """The run of the moment, or of the last time."""
        self._keeper: Keeper | None = None
        self._folder = RunFolder.__new__(RunFolder)
        self._in_window = False
        self._control = Control()
        self._child: Child | None = None
        self._guard = threading.Lock()
        self._fresh: list[Event] = []
        self._unstored: list[Event] = []
        self._troubled = False
        """Whether the project refused what was to be stored, the last time."""
        self._stored_at = 0.0
        self._step = 0
        self._end: Event | None = None
        self._left_at = 0.0
        self._wish = ""
        self._outcome: Outcome | None = None
        self._drain = QTimer(self)
        self._drain.setInterval(DRAIN_MS)
        self._drain.timeout.connect(self._on_drain)
        self.finished.connect(self._on_thread_finished)

    @property
    def active(self) -> bool:
        """Whether a run is under way."""
        return self._drain.isActive()

    @property
    def pid(self) -> int:
        """The id of the training process; 0 when there is none."""
        child = self._child
        return child.pid if child is not None else 0

    @property
    def wish(self) -> str:
        """What was last asked of the run: '', pause, continue, stop or leave."""
        return self._wish

    def begin(self, keeper: Keeper, number: int, folder: RunFolder, *, in_window: bool = False) -> None:
        """Start (or resume) the run in `folder`. Raises UserError while another one is under way."""
        if self.active or self.isRunning():
            raise UserError(self.tr("Run {number} is still training; stop it first.").format(number=self.number))
        self.number, self._keeper, self._folder, self._in_window = number, keeper, folder, in_window
        self._control = Control()
        self._fresh, self._unstored, self._troubled = [], [], False
        self._step, self._end, self._left_at, self._wish, self._outcome = 0, None, 0.0, "", None
        self._drain.start()
        self.start()
        self.began.emit(number)

    def pause(self) -> None:
        """Hold before the next step."""
        self._ask("pause")

    def proceed(self) -> None:
        """Go on after a pause."""
        self._ask("continue")

    def stop(self) -> None:
        """End after this step and keep the model."""
        self._ask("stop")

    def leave(self) -> None:
        """Save a checkpoint and end; a process that does not answer is terminated, then killed."""
        if not self._left_at:
            self._left_at = time.monotonic()
        self._ask("leave")

    def kill(self) -> None:
        """End the training process at once; the last checkpoint stays."""
        child = self._child
        if child is not None:
            child.kill()

    def close(self) -> None:
        """Leave and wait for the end; for the window's close. Returns with the last events stored."""
        if self.isRunning():
            self.leave()
            self.wait()
        self._on_thread_finished()

    # in the thread

    def _supervise(self) -> Event:
        """The lane of the process: read until it ends; its last word, or ours about its death."""
        child = Child(self._worker or _engine_worker(), str(self._folder.path), name="desktop-llm-train")
        self._child = child
        if self._wish:  # asked while the process was being made
            child.send(self._wish)
        hung = False
        terminated_at = 0.0
        try:
            while not child.ended:
                for line in child.wait(STORE_SECONDS):
                    self._take(events.from_line(line) if isinstance(line, str) else None)
                self._store_if_due()
                if hung != (child.silent() > HUNG_SECONDS):
                    hung = not hung
                    self.silence_changed.emit(hung)
                terminated_at = self._press(child, terminated_at)
        finally:
            self._child = None
            # after its last word the process only has to leave; without one it has died already
            code = child.close(grace=30.0 if self._end is not None else 3.0)
        LOG.info("training process of run %d ended: %s", self.number, exit_words(code))
        return self._end or self._death(code)

    def _press(self, child: Child, terminated_at: float) -> float:
        """The ladder for an unanswered leave: terminate, then kill. Returns when it was terminated."""
        if not self._left_at:
            return 0.0
        now = time.monotonic()
        if terminated_at:
            if now - terminated_at > 3.0:
                child.kill()
            return terminated_at
        waited = now - self._left_at
        if waited > LEAVE_AT_MOST or (waited > LEAVE_SECONDS and child.silent() > LEAVE_SECONDS):
            LOG.warning("run %d does not answer; its process is ended", self.number)
            child.terminate()
            return now
        return 0.0

    def _train_here(self) -> Event:
        """The lane inside the window's process."""
        from desktop_llm.engine import worker

        def on_event(event: Event) -> None:
            self._take(event)
            self._store_if_due()

        train_here: WorkerHere = worker.train_here
        train_here(str(self._folder.path), on_event, self._control)
        return self._end or events.Failed(at=time.time(), message=self.tr("The training ended without a result."))

    def _take(self, event: Event | None) -> None:
        if event is None or isinstance(event, events.Beat):
            return
        if isinstance(event, events.StepDone):
            self._step = event.step
        if isinstance(event, events.ENDS):
            self._end = event
        self._unstored.append(event)
        with self._guard:
            self._fresh.append(event)

    def _store_if_due(self, *, now: bool = False) -> None:
        if not self._unstored or self._keeper is None:
            return
        if not now and time.monotonic() - self._stored_at < STORE_SECONDS:
            return
        batch, self._unstored = self._unstored, []
        try:
            self.stored.emit(self._keeper.ingest(self.number, batch))
            self._troubled = False
        except UserError as error:  # the run goes on; they are tried again, and events.jsonl has them
            self._unstored[:0] = batch
            if not self._troubled:
                self._troubled = True
                self.problem_met.emit(error.message)
        self._stored_at = time.monotonic()

    def _death(self, code: int | None) -> Event:
        """What to say when the process ended without a last word."""
        signalled = code is not None and code < 0
        cause = exit_words(code)
        if signalled and code in (-9, -15):
            said = self.tr("The training process was ended from outside ({cause}) at step {step}")
        else:
            said = self.tr("The training process crashed ({cause}) at step {step}")
        if any(self._folder.checkpoints.glob("step-*")):
            after = self.tr("Resume goes on from the last checkpoint.")
        else:
            after = self.tr("it had no checkpoint yet, so start the run again.")
        message = f"{said.format(cause=cause, step=self._step)}; {after}"
        return events.Failed(at=time.time(), message=message, details=str(self._folder.log_file))

    def _ask(self, word: str) -> None:
        self._wish = word
        self._control.obey(word)
        child = self._child
        if child is not None:
            child.send(word)

    def _run_lane(self) -> Event:
        try:
            return self._train_here() if self._in_window else self._supervise()
        except Cancelled:
            return self._end or events.Interrupted(at=time.time(), step=self._step)
        except UserError as error:
            return events.Failed(at=time.time(), message=error.message, details=error.details)
        except Exception as error:  # whatever the engine meets must end the run, not the window
            LOG.exception("run %d failed", self.number)
            kind = type(error).__name__
            message = self.tr("Training met an error of the program ({kind}: {error}); the log tells more.")
            return events.Failed(at=time.time(), message=message.format(kind=kind, error=error))

    # in the window's thread

    def _on_drain(self) -> None:
        with self._guard:
            fresh, self._fresh = self._fresh, []
        if fresh:
            self.events_arrived.emit(fresh)

    def _on_thread_finished(self) -> None:
        if not self._drain.isActive() or self.isRunning():
            return
        self._drain.stop()
        self._on_drain()
        if self._outcome is not None:
            self.ended.emit(self._outcome)

    def run(self) -> None:
        """The thread itself (QThread's entry)."""
        end = self._run_lane()
        if self._end is None:
            self._take(end)
        self._store_if_due(now=True)
        if self._keeper is not None and isinstance(end, events.Finished):
            try:
                self.stored.emit(self._keeper.collect(self.number))
            except UserError as error:
                self.problem_met.emit(error.message)
        message = end.message if isinstance(end, events.Failed) else ""
        self._outcome = Outcome(number=self.number, event=end, message=message)


def _engine_worker() -> Worker:
    from desktop_llm.engine import worker

    train: Any = worker.train
    return train  # type: ignore[no-any-return]
