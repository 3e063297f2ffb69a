"""Ask the hub about a model and fetch it, in a process that is there for that alone; only when a person asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop_llm.catalog import hub, offer, shelf
from desktop_llm.catalog.offer import Offer
from desktop_llm.child import Child, exit_words
from desktop_llm.errors import Cancelled, UserError

POLL = 0.1
Progress = Callable[[float, str], object]


def look_up(given: str, should_stop: Callable[[], bool] = lambda: False) -> Offer:
    """What the hub says of the model owner/name. Raises UserError, Cancelled."""
    answer = _ask({"look": offer.checked_name(given)}, lambda *_: None, should_stop)
    return offer.from_json(answer["offer"])


def place_of(found: Offer) -> Path:
    """Where a model would be put."""
    owner, _, name = found.name.partition("/")
    return shelf.models_dir() / owner / name


def fetch(
    found: Offer, on_progress: Progress = lambda *_: None, should_stop: Callable[[], bool] = lambda: False
) -> Path:
    """Fetch a model that was looked up, and put it on the list; its folder. Raises UserError, Cancelled.

    What was stopped or broken off stays beside the place, and the next try goes on there.
    """
    to = place_of(found)
    if to.exists():
        raise UserError(f"“{found.name}” is here already, in “{to}”; delete it first to fetch it again.")
    _ask({"fetch": offer.to_json(found), "to": str(to)}, on_progress, should_stop)
    shelf.add(to, source=found.name, revision=found.revision)
    return to


def _ask(asked: dict[str, Any], on_progress: Progress, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Have it done in a process; its last word."""
    try:
        child = Child(hub.work, asked, name="desktop-llm-hub")
    except OSError as error:
        raise UserError(f"No process could be started ({error}); close other programs and try again.") from error
    try:
        while True:
            for told in child.wait(POLL):
                if "done" in told:
                    on_progress(min(1.0, told["done"] / max(1, told["total"])), str(told["file"]))
                elif "error" in told:
                    raise UserError(str(told["error"]))
                else:
                    return dict(told)
            if should_stop():
                raise Cancelled
            if child.ended:
                break
    finally:
        child.kill()  # it has nothing to end: what it writes is whole at every moment
        code = child.close()
    raise UserError(f"The process that asks the hub has ended ({exit_words(code)}); try again.")
