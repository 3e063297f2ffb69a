"""Train without the window: the engine in this process, its events into the store and onto the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from desktop_llm import awake, log, settings
from desktop_llm.errors import UserError
from desktop_llm.jobs import events
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import (
    Advised,
    Evaluated,
    Event,
    Failed,
    Finished,
    Interrupted,
    Noted,
    Paused,
    RolledBack,
    Saved,
    Started,
    StepDone,
)
from desktop_llm.store.project import Project
from desktop_llm.verbs import advising

Out = Callable[[dict[str, Any], str], None]
STORE_SECONDS = 0.5
TELL_SECONDS = 5.0


def train(
    project: Project,
    number: int,
    out: Out,
    catch_interrupt: Callable[[Callable[[], None]], None],
    *,
    stop: bool = False,
    enough: Callable[[Event], bool] = lambda event: False,
) -> int:
    """Run (or resume) run `number` to its end; returns the exit code: 0 finished, 1 failed, 3 left.

    `stop`: end it with its next step, and keep its model; so does an event after which it is `enough`.
    """
    from desktop_llm.engine import worker

    folder, control = project.runs.folder(number), Control()
    catch_interrupt(control.leave)
    teller = _Teller(project, number, out)
    words = f"Run {number} is training"
    with project.runs.held(number), awake.kept(words, wanted=settings.load().keep_awake):
        end = worker.train_here(str(folder.path), partial(_take, teller, control, stop=stop, enough=enough), control)
    teller.store()
    if isinstance(end, Finished):
        project.take_answers(number)
        return 0
    if isinstance(end, Failed):
        if end.details:
            log.logger("train").error("run %d: %s\n%s", number, end.message, end.details)
        raise UserError(f"Run {number}: {end.message}")
    return 3


def _take(teller: _Teller, control: Control, event: Event, *, stop: bool, enough: Callable[[Event], bool]) -> None:
    teller.take(event)
    if (stop and isinstance(event, Started)) or enough(event):  # before, there is nothing to keep yet
        control.stop()


class _Teller:
    """Takes events: into the store in batches, to the person as lines."""

    def __init__(self, project: Project, number: int, out: Out) -> None:
        self._project, self._number, self._out = project, number, out
        self._waiting: list[Event] = []
        self._stored_at = self._told_at = time.monotonic()
        self._total = 0

    def take(self, event: Event) -> None:
        self._waiting.append(event)
        if time.monotonic() - self._stored_at >= STORE_SECONDS:
            with suppress(UserError):  # a disk full for a while does not end a training; the last store tells
                self.store()
        if isinstance(event, Started):
            self._total = event.total_steps
        quiet = isinstance(event, (events.Beat, events.Preparing, events.Sampled, events.Gauged, Saved))
        if isinstance(event, StepDone):
            quiet = time.monotonic() - self._told_at < TELL_SECONDS and event.step != self._total
        if not quiet:
            self._told_at = time.monotonic()
            told = {"kind": event.kind} | {
                name: getattr(event, name) for name in event.__dataclass_fields__ if name != "details"
            }
            with suppress(BrokenPipeError):  # whoever listened has heard enough: the training goes on, unheard
                words = _words(event, self._total, self._number)
                self._out(told, self._advice(event) if isinstance(event, Advised) else words)

    def _advice(self, event: Advised) -> str:
        project, value = self._project, event.value
        if event.action == "restart":
            with suppress(UserError):  # a training does not end for want of words
                value = advising.settings_of(project, self._number, value)
        doing = advising.on_the_command_line(event.action, value, str(project.path), self._number)
        return f"{event.message} {doing}".rstrip()

    def store(self) -> None:
        self._stored_at = time.monotonic()
        if self._waiting:
            self._project.runs.ingest(self._number, self._waiting)
            self._waiting = []


def _words(event: Event, total: int, number: int) -> str:
    if isinstance(event, Started):
        again = f", from step {event.resumed_at:,}" if event.resumed_at else ""
        return (
            f"{event.parameters:,} parameters, {event.total_steps:,} steps, {event.device} in {event.precision}{again}"
        )
    if isinstance(event, StepDone):
        return (
            f"step {event.step:,} of {total:,}  epoch {event.epoch:.2f}  loss {event.loss:.4f}  "
            f"{event.tokens_per_second:,.0f} tokens/s"
        )
    if isinstance(event, Evaluated):
        figures = "  ".join(f"{name} {value:.4f}" for name, value in event.metrics.items())
        return f"{event.split} at step {event.step:,}: {figures}{'  best' if event.best and not event.final else ''}"
    if isinstance(event, (Noted, RolledBack)):
        return event.message
    if isinstance(event, Interrupted) and not event.step:
        return f"Left before the first step; resume run {number} to begin."
    if isinstance(event, Interrupted):
        return f"Left at step {event.step:,} with a checkpoint; resume run {number} to go on."
    if isinstance(event, Finished):
        reason = event.reason.replace("_", " ")
        told = f"Run {number} {reason} after {event.step:,} steps, {event.seconds:.0f} s of training."
        return f"{told} {event.message}".rstrip()
    if isinstance(event, Paused):
        return f"Paused at step {event.step:,}" + (f", {event.freed / 1e9:.1f} GB given back" if event.freed else "")
    return ""
