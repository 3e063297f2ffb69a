"""A thread that writes to the disk while training goes on: one piece of work at a time, told when it is done."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

Work = Callable[[], None]
Tell = Callable[[BaseException | None], None]
"""Called in the thread that asks, with what stopped the work, or None."""


class Writer:
    """Used by one thread; whatever it is given runs in its own."""

    def __init__(self) -> None:
        """The thread begins with the first work."""
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="write-checkpoint")
        self._under_way: Future[None] | None = None
        self._tell: Tell = lambda _: None

    @property
    def busy(self) -> bool:
        """Whether something is being written."""
        return self._under_way is not None and not self._under_way.done()

    def begin(self, work: Work, tell: Tell) -> None:
        """Do `work` in the writing thread, once what is under way has ended and is told."""
        self.wait()
        self._tell = tell
        self._under_way = self._threads.submit(work)

    def collect(self) -> None:
        """Tell what has ended since the last time; returns at once. Raises what telling raises."""
        if self._under_way is not None and self._under_way.done():
            ended, self._under_way = self._under_way, None
            self._tell(ended.exception())

    def wait(self) -> None:
        """Wait for the end of what is under way, and tell it. Raises what telling raises."""
        if self._under_way is not None:
            self._under_way.exception()
            self.collect()

    def close(self) -> None:
        """Wait for the end and let the thread go. Raises what telling raises."""
        try:
            self.wait()
        finally:
            self._threads.shutdown()
