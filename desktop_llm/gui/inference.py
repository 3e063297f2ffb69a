"""Answers of a trained model, from a process that is kept warm: Try it, and suggestions for Label.

The process is started by the first request, restarted once when it dies, and leaves after five idle minutes,
so that a model's memory is only held while somebody uses it. Requests wait in one line; those of a person go
first.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QObject, QThread, Signal

from desktop_llm import log
from desktop_llm.child import Child, exit_words
from desktop_llm.errors import UserError
from desktop_llm.jobs import prediction as predictions
from desktop_llm.jobs.prediction import Prediction

if TYPE_CHECKING:
    import numpy as np

IDLE_SECONDS = 300.0
LOG = log.logger("infer")

Worker = Callable[[Connection], None]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model said about the rows of one request, in their order."""

    predictions: tuple[Prediction, ...]
    milliseconds: float


@dataclass(slots=True, kw_only=True)
class _Request:
    number: int
    asked: Mapping[str, Any]
    read: Callable[[Mapping[str, Any]], Any]
    answer: Future[Any] = field(default_factory=Future)


class Line(QThread):
    """The waiting line and the process at its end. `submit` may be called from any thread."""

    def __init__(self, parent: QObject | None = None, *, worker: Worker | None = None) -> None:
        """`worker` takes the place of the engine's process (for another kind of worker)."""
        super().__init__(parent)
        self._worker = worker
        self._changed = threading.Condition()
        self._urgent: deque[_Request] = deque()
        self._patient: deque[_Request] = deque()
        self._numbers = 0
        self._quit = False
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """The id of the warm process; 0 when there is none."""
        child = self._child
        return child.pid if child is not None else 0

    def submit(self, folder: Path, rows: Sequence[Row], *, urgent: bool) -> Future[Answer]:
        """Ask the model in `folder` about `rows`. The future fails with UserError."""
        return self._put({"folder": str(folder), "rows": [dict(row) for row in rows]}, _answer, urgent=urgent)

    def embed(self, folder: Path, texts: Sequence[str]) -> Future[np.ndarray]:
        """Ask the encoder in `folder` for vectors float16 [n, width] of texts. The future fails with UserError."""
        return self._put({"folder": str(folder), "texts": list(texts)}, _vectors, urgent=False)

    def _put(self, asked: Mapping[str, Any], read: Callable[[Mapping[str, Any]], Any], *, urgent: bool) -> Future[Any]:
        with self._changed:
            self._numbers += 1
            request = _Request(number=self._numbers, asked=asked, read=read)
            if self._quit:
                request.answer.cancel()
                return request.answer
            (self._urgent if urgent else self._patient).append(request)
            self._changed.notify_all()
        if not self.isRunning():
            self.start()
        return request.answer

    def close(self) -> None:
        """End the process and the thread; what still waits is cancelled."""
        with self._changed:
            self._quit = True
            self._changed.notify_all()
        self.wait()
        for request in (*self._urgent, *self._patient):
            request.answer.cancel()

    # in the thread

    def _next(self) -> _Request | None:
        with self._changed:
            waiting = self._changed.wait_for(
                lambda: self._quit or self._urgent or self._patient,
                timeout=IDLE_SECONDS if self._child else None,
            )
            if not waiting or self._quit:
                return None
            return (self._urgent or self._patient).popleft()

    def _serve(self, request: _Request) -> None:
        if not request.answer.set_running_or_notify_cancel():
            return
        try:
            request.answer.set_result(self._ask_twice(request))
        except (UserError, CancelledError) as error:
            request.answer.set_exception(error)
        except Exception as error:  # the one who waits must hear of it, whatever it is
            LOG.exception("asking the model failed")
            request.answer.set_exception(error)

    def _ask_twice(self, request: _Request) -> Any:
        for _ in range(2):
            child = self._child or Child(self._worker or _engine_worker(), name="desktop-llm-infer")
            self._child = child
            if child.send({"id": request.number, **request.asked}):
                told = self._await_answer(child, request.number)
                if told is not None:
                    if "error" in told:
                        raise UserError(str(told["error"]))
                    return request.read(told)
            code = child.close()
            self._child = None
            if self._quit:
                raise CancelledError
            LOG.warning("the predicting process ended by itself (%s)", exit_words(code))
        said = QCoreApplication.translate(
            "Inference", "The process that asks the model ended twice ({cause}); is there enough memory?"
        )
        raise UserError(said.format(cause=exit_words(code)))

    def _await_answer(self, child: Child, number: int) -> dict[str, Any] | None:
        """The answer with this number; None when the process ended or the program closes."""
        while not self._quit:
            for told in child.wait(0.5):
                if isinstance(told, dict) and told.get("id") == number:
                    return told
            if child.ended:
                return None
        return None

    def _dismiss(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.send({"quit": True})
            child.close(grace=0.5 if self._quit else 5.0)

    def run(self) -> None:
        """The thread itself (QThread's entry)."""
        while not self._quit:
            request = self._next()
            if request is None:
                self._dismiss()
            else:
                self._serve(request)
        self._dismiss()


class Inference(QObject):
    """The window's way to a model. Only the newest request counts: late answers to older ones are dropped.

    Signals: `answered(number, Answer)`; `failed(number, sentence)`.
    """

    answered = Signal(int, object)
    failed = Signal(int, str)
    _over = Signal(int, object)

    def __init__(self, parent: QObject | None = None, *, worker: Worker | None = None) -> None:
        """Nothing is started before the first request."""
        super().__init__(parent)
        self.line = Line(self, worker=worker)
        self._newest = 0
        self._waiting: Future[Answer] | None = None
        self._over.connect(self._on_over)

    def ask(self, folder: Path, rows: Sequence[Row]) -> int:
        """Ask about `rows`; the number under which the answer comes. What still waits is given up."""
        if self._waiting is not None:
            self._waiting.cancel()
        self._newest += 1
        number = self._newest
        future = self._waiting = self.line.submit(folder, rows, urgent=True)
        future.add_done_callback(lambda done: self._tell(number, done))
        return number

    def forget(self) -> None:
        """Drop the answer to what was asked last."""
        self._newest += 1

    def close(self) -> None:
        """End the process; for the window's close."""
        self.forget()
        self.line.close()

    def _tell(self, number: int, done: Future[Answer]) -> None:
        if not done.cancelled():
            with suppress(RuntimeError):  # the window may be gone by now
                self._over.emit(number, done)

    def _on_over(self, number: int, done: Future[Answer]) -> None:
        if number != self._newest:
            return
        error = done.exception()
        if error is None:
            self.answered.emit(number, done.result())
        elif isinstance(error, UserError):
            self.failed.emit(number, error.message)
        elif not isinstance(error, CancelledError):
            self.failed.emit(number, self.tr("Asking the model failed; the log tells more."))


def _answer(told: Mapping[str, Any]) -> Answer:
    return Answer(
        predictions=tuple(predictions.from_json(one) for one in told["predictions"]),
        milliseconds=float(told["milliseconds"]),
    )


def _vectors(told: Mapping[str, Any]) -> np.ndarray:
    vectors: np.ndarray = told["vectors"]
    return vectors


def _engine_worker() -> Worker:
    from desktop_llm.engine import worker

    infer: Worker = worker.infer
    return infer
