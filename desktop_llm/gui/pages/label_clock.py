"""The time that somebody works: from one sign of life to the next, pauses left out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

PAUSE_SECONDS = 60.0
"""Who does nothing for longer is away, and none of it counts."""
SPEED_OVER = 300.0
"""Seconds of work that the speed is measured over."""


class Clock:
    """Counts seconds of work, on the whole and with the row shown."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Nobody has worked yet; `now` in seconds."""
        self._now = now
        self._labels: deque[tuple[float, int]] = deque(maxlen=5000)
        self.begin()

    def begin(self) -> None:
        """Nobody has worked yet."""
        self._last: float | None = None
        self._total = self._row = 0.0
        self._labels.clear()

    @property
    def total(self) -> float:
        """Seconds of work so far."""
        return self._total + self._running()

    @property
    def row(self) -> float:
        """Seconds of work since the row was shown."""
        return self._row + self._running()

    def touch(self) -> None:
        """A sign of life: a key, the mouse."""
        gap = self._running()
        self._total += gap
        self._row += gap
        self._last = self._now()

    def show_row(self) -> None:
        """Another row is shown."""
        self.touch()
        self._row = 0.0

    def rest(self) -> None:
        """The page is left: until the next sign of life nothing counts."""
        self.touch()
        self._last = None

    def count(self, labels: int) -> None:
        """So many labels were given now."""
        self.touch()
        self._labels.append((self._total, labels))

    def speed(self) -> float | None:
        """Labels a minute of work lately; None before there are two."""
        recent = [(at, count) for at, count in self._labels if self._total - at <= SPEED_OVER]
        if len(recent) < 2:
            return None
        # the time before the first of them is not known to have gone into it
        return sum(count for _, count in recent[1:]) * 60 / max(1.0, self.total - recent[0][0])

    def _running(self) -> float:
        gap = 0.0 if self._last is None else self._now() - self._last
        return gap if gap <= PAUSE_SECONDS else 0.0
