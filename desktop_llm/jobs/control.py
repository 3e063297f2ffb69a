"""What the person wants of a running engine: go on, pause, stop and keep, or leave with a checkpoint."""

from __future__ import annotations

import threading
from typing import Literal, get_args

Wish = Literal["run", "pause", "stop", "leave"]
WISHES: tuple[Wish, ...] = get_args(Wish)


class Control:
    """A wish that one thread sets and another obeys. Stop and leave are final; the first of them wins."""

    def __init__(self) -> None:
        """Start with the wish to run."""
        self._changed = threading.Condition()
        self._wish: Wish = "run"

    @property
    def wish(self) -> Wish:
        """The wish of the moment."""
        return self._wish

    def pause(self) -> None:
        """Hold before the next step."""
        self._set("pause")

    def proceed(self) -> None:
        """Go on after a pause."""
        self._set("run")

    def stop(self) -> None:
        """End after this step and keep the model."""
        self._set("stop")

    def leave(self) -> None:
        """Save a checkpoint after this step and end; the run can be resumed."""
        self._set("leave")

    def obey(self, word: str) -> None:
        """Take a wish as it comes over a pipe; unknown words are passed over."""
        wishes = {"pause": self.pause, "continue": self.proceed, "stop": self.stop, "leave": self.leave}
        if word in wishes:
            wishes[word]()

    def wait_while_paused(self, seconds: float) -> Wish:
        """Wait until the pause is over, at most `seconds`; returns the wish then."""
        with self._changed:
            self._changed.wait_for(lambda: self._wish != "pause", timeout=seconds)
            return self._wish

    def _set(self, wish: Wish) -> None:
        with self._changed:
            if self._wish not in ("stop", "leave"):
                self._wish = wish
            self._changed.notify_all()
