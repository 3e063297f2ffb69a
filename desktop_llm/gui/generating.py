"""Texts that models write, token by token, from the process that is kept warm."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop_llm.errors import UserError
from desktop_llm.gui.inference import Line
from desktop_llm.jobs.generation import Ending, Piece, Sampling


class Generating(QObject):
    """What was asked is written in that order, one text after the other.

    Signals: `came(number, pieces)`; `ended(number, Ending)`; `failed(number, sentence)`; every text that was not
    dropped has one of the last two.
    """

    came = Signal(int, object)
    ended = Signal(int, object)
    failed = Signal(int, str)
    _came = Signal(int, object)
    _over = Signal(int, object)

    def __init__(self, line: Line, parent: QObject | None = None) -> None:
        """Nothing is asked yet."""
        super().__init__(parent)
        self._line = line
        self._numbers = 0
        self._asked: dict[int, Future[Ending]] = {}
        self._came.connect(self._on_came)
        self._over.connect(self._on_over)

    @property
    def busy(self) -> bool:
        """Whether a text is being written, or waits for its turn."""
        return bool(self._asked)

    def ask(self, folder: Path, row: Mapping[str, Any], sampling: Sampling | None, *, task: str = "") -> int:
        """Let a model go on from a row, or without `sampling` look at it; the number under which pieces come."""
        self._numbers += 1
        number = self._numbers

        def on_pieces(pieces: list[Piece]) -> None:
            with suppress(RuntimeError):  # the window may be gone by now
                self._came.emit(number, pieces)

        def on_done(done: Future[Ending]) -> None:
            with suppress(RuntimeError):
                self._over.emit(number, done)

        future = self._line.write(folder, row, sampling, on_pieces, task=task)
        self._asked[number] = future
        future.add_done_callback(on_done)
        return number

    def stop(self) -> None:
        """End what is being written where it is, and what waits before it begins."""
        for future in list(self._asked.values()):
            self._line.unwanted(future)

    def drop(self) -> None:
        """As `stop`, and nothing more is heard of it."""
        asked, self._asked = self._asked, {}
        for future in asked.values():
            self._line.unwanted(future)

    def _on_came(self, number: int, pieces: list[Piece]) -> None:
        if number in self._asked:
            self.came.emit(number, pieces)

    def _on_over(self, number: int, done: Future[Ending]) -> None:
        if self._asked.pop(number, None) is None:
            return
        error = CancelledError() if done.cancelled() else done.exception()
        if error is None:
            self.ended.emit(number, done.result())
        elif isinstance(error, CancelledError):
            self.ended.emit(number, Ending(reason="cancelled", tokens=0, seconds=0.0, prompt=0, before=0.0))
        else:
            words = self.tr("Asking the model failed; the log tells more.")
            self.failed.emit(number, error.message if isinstance(error, UserError) else words)
