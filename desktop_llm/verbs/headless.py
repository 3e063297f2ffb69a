"""Train without the window: the engine in this process, its events into the store and onto the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from desktop_llm import log, settings
from desktop_llm.errors import UserError
from desktop_llm.jobs import events, forecast, renting
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Evaluated, Event, Failed, Finished, Interrupted, Noted, Saved, Started, StepDone
from desktop_llm.jobs.forecast import Forecast, Offer
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.jobs.renting import Quote
from desktop_llm.store.project import Project
from desktop_llm.verbs import foretelling, preflight, training

Out = Callable[[dict[str, Any], str], None]
STORE_SECONDS = 0.5
TELL_SECONDS = 5.0


def train(project: Project, number: int, out: Out, catch_interrupt: Callable[[Callable[[], None]], None]) -> int:
    """Run (or resume) run `number` to its end; returns the exit code: 0 finished, 1 failed, 3 left."""
    from desktop_llm.engine import worker

    folder, control = project.runs.folder(number), Control()
    catch_interrupt(control.leave)
    teller = _Teller(project, number, out)
    end = worker.train_here(str(folder.path), teller.take, control)
    teller.store()
    if isinstance(end, Finished):
        project.take_answers(number)
        return 0
    if isinstance(end, Failed):
        if end.details:
            log.logger("train").error("run %d: %s\n%s", number, end.message, end.details)
        raise UserError(f"Run {number}: {end.message}")
    return 3


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
        quiet = isinstance(event, (events.Beat, events.Preparing, Saved))
        if isinstance(event, StepDone):
            quiet = time.monotonic() - self._told_at < TELL_SECONDS and event.step != self._total
        if not quiet:
            self._told_at = time.monotonic()
            told = {"kind": event.kind} | {
                name: getattr(event, name) for name in event.__dataclass_fields__ if name != "details"
            }
            self._out(told, _words(event, self._total, self._number))

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
    if isinstance(event, Noted):
        return event.message
    if isinstance(event, Interrupted) and not event.step:
        return f"Left before the first step; resume run {number} to begin."
    if isinstance(event, Interrupted):
        return f"Left at step {event.step:,} with a checkpoint; resume run {number} to go on."
    if isinstance(event, Finished):
        reason = event.reason.replace("_", " ")
        return f"Run {number} {reason} after {event.step:,} steps, {event.seconds:.0f} s of training."
    return ""


def estimate(project: Project, recipe: Recipe, out: Out) -> int:
    """Freeze a trial run beside the project's runs, measure it in a process of its own, throw it away."""
    readiness = training.check(project, recipe)
    with preflight.trial_folder(project.path) as folder:
        training.freeze(project, recipe, 0, folder)
        told = preflight.measure(folder)
    foretelling.keep(project, told)
    quotes = renting.quotes(renting.from_text(settings.load().gpu_prices), told.flops, told.slices, told.memory)
    rented = [{"card": one.card.name, "seconds": one.seconds, "dollars": one.dollars} for one in quotes]
    out(
        {"splits": dict(readiness.splits), **forecast.to_json(told), "fits": told.fits, "rented": rented},
        "\n".join(_estimate_words(told, quotes)),
    )
    return 0


def _estimate_words(told: Forecast, quotes: list[Quote]) -> list[str]:
    lines = [
        f"{told.parameters:,} parameters on {told.device} in {told.precision}: {told.total_steps:,} steps of "
        f"{told.seconds_per_step:.3f} s",
        f"time    about {told.seconds / 60:.1f} minutes ({told.low / 60:.1f} to {told.high / 60:.1f}), with "
        f"{told.evaluations:,} evaluations of {told.evaluation:.1f} s and {told.checkpoints:,} checkpoints of "
        f"{told.checkpoint:.1f} s",
        f"memory  {told.memory / 1e9:.2f} GB at the peak, {told.memory_there / 1e9:.1f} GB may be used",
        f"disk    {told.disk / 1e9:.2f} GB at most, {told.disk_free / 1e9:.1f} GB free",
    ]
    if told.energy is not None:
        lines.append(f"energy  about {told.energy:.1f} Wh of the computing part alone")
    if quotes:
        best = quotes[0]
        lines.append(
            f"rented  about ${best.dollars:.2f} on one {best.card.name}, in some {best.seconds / 60:.0f} minutes"
        )
    if told.largest is not None:
        lines.append("The largest batch that fits: " + _set_words(told.largest))
    if not told.fits:
        lines.append("This does not fit. What would:" if told.offers else "This does not fit.")
        lines += [f"  {_set_words(one)}" for one in told.offers]
    return lines


def _set_words(offer: Offer) -> str:
    values = " ".join(f"--set {key}={value}" for key, value in offer.values.items())
    return f"{values} ({offer.memory / 1e9:.2f} GB, about {offer.seconds / 60:.1f} minutes)"
