"""Work off the window's thread: one pool, answers in the window's thread, late ones of a closed project dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

from desktop_llm import log
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.gui.job import Job

T = TypeVar("T")
PROGRESS_SECONDS = 0.05


class Task(QObject):
    """One piece of work.

    Signals: `progressed(fraction, text)`; `ended(task)`, in the window's thread after the callbacks: also for work
    that was cancelled or failed. `worked(task)` is for `Background` alone.
    """

    progressed = Signal(float, str)
    ended = Signal(object)
    worked = Signal(object)

    def __init__(self, title: str) -> None:
        """`title` is shown in the status bar for work that shows progress."""
        super().__init__()
        self.title = title
        self.stoppable = True
        self.result: Any = None
        self.error: BaseException | None = None
        self.told: Any = None
        """What `progress` said last beside its words: frozen, as two threads know it."""
        self.began = time.monotonic()
        self._cancelled = threading.Event()
        self._over = threading.Event()
        self._told_at = 0.0

    @property
    def cancelled(self) -> bool:
        """Whether the person asked to stop it."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask it to stop."""
        self._cancelled.set()

    def should_stop(self) -> bool:
        """For the work: whether to stop."""
        return self._cancelled.is_set()

    def wait(self) -> None:
        """For other work in a thread: wait until this one is over; its answer may still be on the way."""
        self._over.wait()

    def finish(self) -> None:
        """For the thread that ran it: nothing more will be done."""
        self._over.set()
        self.worked.emit(self)

    def progress(self, fraction: float, text: str = "", told: Any = None) -> None:
        """For the work: say how far it is, in `told` with its figures; cheap to call often."""
        now = time.monotonic()
        self.told = told
        if now - self._told_at >= PROGRESS_SECONDS or fraction >= 1.0:
            self._told_at = now
            self.progressed.emit(fraction, text)


class _Runner(QRunnable):
    def __init__(self, task: Task, work: Callable[[Task], Any]) -> None:
        super().__init__()
        self._task, self._work = task, work

    def run(self) -> None:
        """In a thread of the pool."""
        try:
            if self._task.cancelled:
                raise Cancelled
            self._task.result = self._work(self._task)
        except BaseException as error:  # noqa: BLE001 - whatever it was, the window's thread must hear of the end
            self._task.error = error
        self._task.finish()


class Background(QObject):
    """Runs work in a few threads.

    Signals: `failed(UserError)`: nobody else took the error; `job_changed(Job)`: work that has a title.
    """

    failed = Signal(object)
    job_changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        """Three threads: a slow import must not hold up a table's pages."""
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(3)
        self._callbacks: dict[Task, tuple[Callable[[Any], object] | None, Callable[[UserError], object] | None]] = {}

    def run(
        self,
        work: Callable[[Task], T],
        *,
        on_done: Callable[[T], object] | None = None,
        on_error: Callable[[UserError], object] | None = None,
        on_progress: Callable[[float, str], object] | None = None,
        title: str = "",
        stoppable: bool = True,
    ) -> Task:
        """Run `work(task)`; the callbacks are called in the window's thread, unless it was forgotten by then.

        Work with a `title` is shown, with a Cancel if it is `stoppable`; after that only `ended` is told.
        """
        task = Task(title)
        task.stoppable = stoppable
        self._callbacks[task] = (on_done, on_error)
        task.worked.connect(self._on_worked)
        if on_progress is not None or title:
            task.progressed.connect(lambda fraction, text: self._on_progressed(task, fraction, text, on_progress))
        if title:
            self.job_changed.emit(Job(key=task, title=title, cancel=task.cancel if stoppable else None))
        self._pool.start(_Runner(task, work))
        return task

    def forget_all(self) -> None:
        """Drop the answers to all work under way, and ask it to stop."""
        for task in list(self._callbacks):
            task.cancel()
            self._callbacks[task] = (None, None)

    @property
    def idle(self) -> bool:
        """Whether no work is under way."""
        return not self._callbacks

    def close(self) -> None:
        """Ask all work to stop and wait for it."""
        self.forget_all()
        self._pool.waitForDone()
        self._callbacks.clear()  # what is still on its way from the threads meets nobody

    def _on_progressed(
        self, task: Task, fraction: float, text: str, on_progress: Callable[[float, str], object] | None
    ) -> None:
        if task not in self._callbacks:
            return
        if on_progress is not None and not task.cancelled:
            on_progress(fraction, text)
        if task.title:
            cancel = task.cancel if task.stoppable else None
            self.job_changed.emit(Job(key=task, title=task.title, fraction=fraction, text=text, cancel=cancel))

    def _on_worked(self, task: Task) -> None:
        # Told on from here, in the window's thread: quick work may be over before its caller could listen to it.
        try:
            self._answer(task)
        finally:
            task.ended.emit(task)

    def _answer(self, task: Task) -> None:
        on_done, on_error = self._callbacks.pop(task, (None, None))
        if task.title:
            self.job_changed.emit(Job(key=task, over=True))
        error = task.error
        if error is None:
            if on_done is not None and not task.cancelled:
                on_done(task.result)
            return
        if isinstance(error, Cancelled):
            return
        if task.cancelled:
            # Whoever was told to stop may find the project closed under it; nobody waits for the answer.
            log.logger("gui").info("work that was told to stop failed", exc_info=error)
            return
        if not isinstance(error, UserError):
            log.logger("gui").error("background work failed", exc_info=error)
            kind = f"{type(error).__name__}: {error}"
            error = UserError(self.tr("The program met a defect; its log tells more."), details=kind)
        if on_error is not None:
            on_error(error)
        else:
            self.failed.emit(error)
