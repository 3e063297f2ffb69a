"""Run folders run to their end in this process, and what that said."""

from __future__ import annotations

from desktop_llm.engine.run import run
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.events import Evaluated, Event, Saved
from desktop_llm.jobs.folder import RunFolder


def finish(folder: RunFolder, *, leave_at: int = 0) -> tuple[Event, list[Event]]:
    """Run it, or leave it at a step; how it ended and all it said."""
    heard: list[Event] = []
    control = Control()

    def hear(event: Event) -> None:
        heard.append(event)
        if leave_at and isinstance(event, Saved) and event.step == leave_at:
            control.leave()

    return run(folder.path, hear, control), heard


def final_of(heard: list[Event], split: str) -> Evaluated:
    """The last figures of a split."""
    return next(one for one in heard if isinstance(one, Evaluated) and one.final and one.split == split)
