"""The engine's voice: events to the log file and the caller, and a sign of life at most once a second."""

from __future__ import annotations

import time
from collections.abc import Callable

from desktop_llm.errors import Cancelled
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Beat, Event, Noted, Preparing
from desktop_llm.jobs.folder import EventLog

OnEvent = Callable[[Event], None]
BEAT_SECONDS = 1.0
PREPARING_SECONDS = 0.2


class Voice:
    """Says events to the run's file and to the caller; where there is no file (`log` None) it is mute."""

    def __init__(self, log: EventLog | None, on_event: OnEvent, control: Control) -> None:
        """`control` is asked during preparation, which ends with Cancelled when the person wants to leave."""
        self._log, self._on_event, self._control = log, on_event, control
        self._last_beat = 0.0
        self._last_preparing = ("", 0.0)

    def say(self, event: Event) -> None:
        """Write the event to the file, then hand it to the caller."""
        if self._log is not None:
            self._log.append(event)
            self._on_event(event)
        self._last_beat = time.monotonic()

    def note(self, message: str, level: str = "info") -> None:
        """Say one sentence that the person should know."""
        self.say(Noted(at=time.time(), message=message, level=level))

    def beat(self) -> None:
        """Show that the engine is alive, at most once a second."""
        if time.monotonic() - self._last_beat >= BEAT_SECONDS:
            self._last_beat = time.monotonic()
            if self._log is not None:
                self._on_event(Beat(at=time.time()))

    def preparing(self, doing: str, done: int, total: int) -> None:
        """Say what is being prepared; raises Cancelled when the person wants to stop or leave."""
        if self._control.wish in ("stop", "leave"):
            raise Cancelled
        said, when = self._last_preparing
        if doing != said or time.monotonic() - when >= PREPARING_SECONDS:
            self._last_preparing = (doing, time.monotonic())
            self.say(Preparing(at=time.time(), doing=doing, done=done, total=total))
