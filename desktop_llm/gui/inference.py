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
from desktop_llm.jobs import explanation, generation
from desktop_llm.jobs import prediction as predictions
from desktop_llm.jobs.explanation import Attention, Explanation
from desktop_llm.jobs.generation import Ending, Piece, Sampling
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
    on_part: Callable[[Mapping[str, Any]], None] | None = None
    answer: Future[Any] = field(default_factory=Future)
    heard: bool = False
    """Whether part of the answer has been told: it cannot be asked for again unseen."""
    unwanted: bool = False


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
        self._serving: _Request | None = None

    @property
    def pid(self) -> int:
        """The id of the warm process; 0 when there is none."""
        child = self._child
        return child.pid if child is not None else 0

    def submit(self, folder: Path, rows: Sequence[Row], *, urgent: bool, wide: bool = False) -> Future[Answer]:
        """Ask the model in `folder` about `rows`, `wide`: for the chances of all labels. It fails with UserError."""
        asked = {"folder": str(folder), "rows": [dict(row) for row in rows], "wide": wide}
        return self._put(asked, _answer, urgent=urgent)

    def explain(self, folder: Path, row: Row, label: str, on_doing: Callable[[str], None]) -> Future[Explanation]:
        """Ask why a row has `label`, '' for the likeliest; `on_doing` hears in the line's thread how it goes.

        The future fails with UserError.
        """
        return self._put(
            {"folder": str(folder), "explain": dict(row), "label": label},
            lambda told: explanation.from_json(told["explanation"]),
            urgent=True,
            on_part=lambda told: on_doing(str(told["doing"])),
        )

    def attention(self, folder: Path, row: Row) -> Future[Attention]:
        """Ask what each head of the model makes of a row. The future fails with UserError."""
        return self._put(
            {"folder": str(folder), "attend": dict(row)},
            lambda told: Attention(tokens=tuple(told["tokens"]), weights=told["weights"]),
            urgent=True,
        )

    def embed(self, folder: Path, texts: Sequence[str]) -> Future[np.ndarray]:
        """Ask the encoder in `folder` for vectors float16 [n, width] of texts. The future fails with UserError."""
        return self._put({"folder": str(folder), "texts": list(texts)}, _vectors, urgent=False)

    def write(
        self,
        folder: Path,
        row: Row,
        sampling: Sampling | None,
        on_pieces: Callable[[list[Piece]], None],
        *,
        task: str = "",
    ) -> Future[Ending]:
        """Let the model in `folder` go on from a row; `on_pieces` is called in the line's thread as they come.

        Without `sampling` nothing is written: the pieces are those of the row's text, as the model foretells them.
        `task` names the kind of a folder that no run has written. The future fails with UserError.
        """
        how = None if sampling is None else generation.to_json(sampling)
        asked = {"folder": str(folder), "write": dict(row), "sampling": how, "task": task}
        return self._put(
            asked,
            lambda told: generation.ending_from_json(told["ending"]),
            urgent=True,
            on_part=lambda told: on_pieces([generation.piece_from_json(one) for one in told["pieces"]]),
        )

    def unwanted(self, answer: Future[Any]) -> None:
        """An answer is no longer wanted: it is not asked for, or ends soon, as far as it has come."""
        if answer.cancel():
            return
        with self._changed:
            serving, child = self._serving, self._child
            if serving is None or serving.answer is not answer:
                return
            serving.unwanted = True
        if child is not None:
            child.send({"unwanted": serving.number})

    def _put(
        self,
        asked: Mapping[str, Any],
        read: Callable[[Mapping[str, Any]], Any],
        *,
        urgent: bool,
        on_part: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> Future[Any]:
        with self._changed:
            self._numbers += 1
            request = _Request(number=self._numbers, asked=asked, read=read, on_part=on_part)
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
        with self._changed:
            self._serving = request
        try:
            request.answer.set_result(self._ask_twice(request))
        except (UserError, CancelledError) as error:
            request.answer.set_exception(error)
        except Exception as error:  # the one who waits must hear of it, whatever it is
            LOG.exception("asking the model failed")
            request.answer.set_exception(error)
        finally:
            with self._changed:
                self._serving = None

    def _ask_twice(self, request: _Request) -> Any:
        for _ in range(2):
            child = self._child or Child(self._worker or _engine_worker(), name="desktop-llm-infer")
            self._child = child
            if child.send({"id": request.number, **request.asked}):
                if request.unwanted:  # since before there was anybody to hear it
                    child.send({"unwanted": request.number})
                told = self._await_answer(child, request)
                if told is not None:
                    if "cancelled" in told:
                        raise CancelledError
                    if "error" in told:
                        raise UserError(str(told["error"]))
                    return request.read(told)
            code = child.close()
            self._child = None
            if self._quit:
                raise CancelledError
            LOG.warning("the predicting process ended by itself (%s)", exit_words(code))
            if request.heard:
                break
        said = QCoreApplication.translate(
            "Inference", "The process that asks the model ended twice ({cause}); is there enough memory?"
        )
        if request.heard:
            said = QCoreApplication.translate(
                "Inference", "The process that writes ended in the middle of it ({cause}); is there enough memory?"
            )
        raise UserError(said.format(cause=exit_words(code)))

    def _await_answer(self, child: Child, request: _Request) -> dict[str, Any] | None:
        """The answer to a request; None when the process ended or the program closes."""
        while not self._quit:
            for told in child.wait(0.5):
                if not isinstance(told, dict) or told.get("id") != request.number:
                    continue
                if "pieces" not in told and "doing" not in told:
                    return told
                request.heard = request.heard or "pieces" in told
                if request.on_part is not None:
                    request.on_part(told)
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
        future = self._waiting = self.line.submit(folder, rows, urgent=True, wide=True)
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
