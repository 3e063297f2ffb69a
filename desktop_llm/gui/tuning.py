"""A search over recipes in the window: its trials are trained one after the other as any run is.

It goes on while its dialog is closed. A run that waits in the queue has its turn between two trials. What was under way
when the window was closed is left with a checkpoint; the search goes on from there when somebody says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.jobs.events import Evaluated, Event, Interrupted, Started, StepDone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_llm.gui.hub import Hub
    from desktop_llm.gui.training import Outcome
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.tuning import Standing, Tuner
    from desktop_llm.verbs.tuning_verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What there is to see of a search."""

    standing: Standing
    importance: Mapping[str, float] = field(default_factory=dict)
    verdict: Verdict | None = None


class Tuning(QObject):
    """The search that goes on, if any; `told` has the last word of it.

    Signals: `changed()`: it stands elsewhere; `failed(UserError)`: it could not begin.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, hub: Hub) -> None:
        """Nothing is searched."""
        super().__init__(hub)
        self._hub = hub
        self._tuner: Tuner | None = None
        self._opening = False
        self.told: Told | None = None
        self.stopping = False
        self._waiting = 0
        """A run of the search that could not begin yet."""
        self._said: list[Event] = []
        self._over: Outcome | None = None
        """How the run under way has ended, to be taken once all that it said was heard."""
        self._work: Task | None = None
        hub.training.events_arrived.connect(self._on_events)
        hub.training.ended.connect(self._on_ended)
        hub.project_opened.connect(lambda _: self._forget())

    @property
    def active(self) -> bool:
        """Whether a search goes on."""
        return self._tuner is not None or self._opening

    @property
    def number(self) -> int:
        """The search that goes on; 0: none does."""
        return self._tuner.search.number if self._tuner is not None else 0

    def start(self, make: Callable[[Project], int]) -> None:
        """Go on with the search whose number `make` tells; it may make one first."""
        project = self._hub.project
        if project is None or self.active:
            return
        self._opening, self.stopping = True, False

        def work(_: Task) -> tuple[Tuner, int, Told]:
            from desktop_llm.verbs.tuning import Tuner

            tuner = Tuner(project, make(project))
            number = tuner.next()
            return tuner, number, see(project, tuner)

        def begin(told: tuple[Tuner, int, Told]) -> None:
            self._opening, (self._tuner, number, self.told) = False, told
            self._next(number)

        def fail(error: UserError) -> None:
            self._opening = False
            self.changed.emit()
            self.failed.emit(error)
            self._hub.show_error(error)

        title = self.tr("Preparing the search")
        self._hub.background.run(work, on_done=begin, on_error=fail, title=title, stoppable=False)
        self.changed.emit()

    def stop(self) -> None:
        """End the search for now; the run under way is left with a checkpoint."""
        if self._tuner is None:
            return
        self.stopping, self._waiting = True, 0
        if self._hub.is_training and self._hub.training.number == self._tuner.run:
            self._hub.training.leave()
        elif self._work is None:
            self._finish()
        self.changed.emit()

    def _next(self, number: int) -> None:
        """Begin the run of the next trial, or end."""
        if self._tuner is None:
            return
        if not number or self.stopping:
            self._finish()
            return
        self._waiting = number
        self.changed.emit()
        self._begin_waiting()

    def _begin_waiting(self) -> None:
        if not self._waiting or self._hub.is_training:
            return
        number, self._waiting = self._waiting, 0
        try:
            self._hub.train(number)
        except UserError as error:
            self._hub.show_error(error)
            self._finish()

    def _finish(self) -> None:
        self._tuner, self._waiting, self._over = None, 0, None
        self._said.clear()
        self.stopping = False
        self.changed.emit()
        told = self.told
        if told is not None and told.standing.over:
            number = told.standing.search.number
            words = self.tr("Search {number} has ended. {reason}").format(number=number, reason=told.standing.over)
            self._hub.show_message(words)

    def _forget(self) -> None:
        """Another project is open, or none."""
        self._tuner, self._opening, self._work, self.told = None, False, None, None
        self._waiting, self._over, self.stopping = 0, None, False
        self._said.clear()
        self.changed.emit()

    def _on_events(self, batch: Sequence[Event]) -> None:
        tuner = self._tuner
        if tuner is None or self._hub.training.number != tuner.run:
            return
        kinds = (Started, Evaluated, StepDone) if tuner.late else (Started, Evaluated)
        self._said += [one for one in batch if isinstance(one, kinds)][-200:]
        self._listen()

    def _on_ended(self, outcome: Outcome) -> None:
        tuner = self._tuner
        if tuner is not None and outcome.number == tuner.run:
            self._over = outcome
            self._listen()
        elif self._waiting:
            # what waits in the queue comes first, if it does
            QTimer.singleShot(0, self, lambda: QTimer.singleShot(0, self, self._begin_waiting))

    def _listen(self) -> None:
        """Hear what was said, and take the end, one after the other and off the window's thread."""
        tuner, project = self._tuner, self._hub.project
        if tuner is None or project is None or self._work is not None:
            return
        if self._said:
            said, self._said = self._said, []
            self._run(lambda _: _hear(tuner, said), self._on_heard)
        elif self._over is not None:
            over, self._over = self._over, None
            leave = isinstance(over.event, Interrupted) or self.stopping
            self._run(lambda _: _take_end(project, tuner, leave=leave), self._on_taken)

    def _run(self, work: Callable[[Task], Any], on_done: Callable[[Any], object]) -> None:
        def done(told: Any) -> None:
            self._work = None
            on_done(told)
            self._listen()

        def fail(error: UserError) -> None:
            self._work = None
            self._hub.show_error(error)
            if self._hub.is_training:
                self._hub.training.leave()
            self._finish()

        self._work = self._hub.background.run(work, on_done=done, on_error=fail)

    def _on_heard(self, enough: bool) -> None:
        if enough and self._tuner is not None and self._hub.training.number == self._tuner.run:
            self._hub.training.stop()

    def _on_taken(self, told: tuple[int, Told]) -> None:
        number, self.told = told
        self._next(number)


def _hear(tuner: Tuner, said: Sequence[Event]) -> bool:
    return any([tuner.heard(one) for one in said])


def _take_end(project: Project, tuner: Tuner, *, leave: bool) -> tuple[int, Told]:
    """Keep how the run has come out, and make the next one unless that is not wanted; 0: there is none."""
    tuner.ended()
    number = 0 if leave else tuner.next()
    return number, see(project, tuner)


def see(project: Project, tuner: Tuner) -> Told:
    """What there is to see of the search that goes on. Raises UserError."""
    from desktop_llm.verbs import tuning_verdict

    standing = tuner.standing()
    whole = tuning_verdict.of(project, standing) if standing.over else tuning_verdict.Verdict(standing=standing)
    return Told(standing=standing, importance=tuner.importance(), verdict=whole)


def look(project: Project, number: int) -> Told:
    """What there is to see of any search. Raises UserError."""
    from desktop_llm.verbs import tuning, tuning_verdict

    standing = tuning.standing(project, number)
    verdict = tuning_verdict.of(project, standing)
    return Told(standing=standing, importance=tuning.importance(project, number), verdict=verdict)
