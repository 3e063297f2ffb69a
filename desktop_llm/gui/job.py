"""Work that the status bar tells of: its name, how far it is, how long it may take, how to stop it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of work at one moment. `key` stays the same over its life."""

    key: object
    title: str = ""
    fraction: float | None = None
    """0 to 1; None while nobody knows."""
    text: str = ""
    left: str | None = None
    """The time left in words, '' for unknown; None lets the status bar reckon it from the pace so far."""
    cancel: Callable[[], object] | None = None
    over: bool = False
