"""Why a model says what it says, from the process that is kept warm; only the newest question counts."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop_llm.errors import UserError
from desktop_llm.gui.inference import Line
from desktop_llm.jobs.explanation import Explanation


class Explaining(QObject):
    """Signals: `told(Explanation)`; `failed(sentence)`; `doing(words)`: how far it is."""

    told = Signal(object)
    failed = Signal(str)
    doing = Signal(str)
    _doing = Signal(int, str)
    _over = Signal(int, object)

    def __init__(self, line: Line, parent: QObject | None = None) -> None:
        """Nothing is asked yet."""
        super().__init__(parent)
        self._line = line
        self._newest = 0
        self._asked: Future[Explanation] | None = None
        self._doing.connect(self._on_doing)
        self._over.connect(self._on_over)

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._asked is not None

    def ask(self, folder: Path, row: Mapping[str, Any], label: str) -> None:
        """Ask why a row has `label`; what was asked before is dropped."""
        self.drop()
        number = self._newest

        def on_doing(words: str) -> None:
            with suppress(RuntimeError):  # the window may be gone by now
                self._doing.emit(number, words)

        def on_done(done: Future[Explanation]) -> None:
            with suppress(RuntimeError):
                self._over.emit(number, done)

        self._asked = self._line.explain(folder, row, label, on_doing)
        self._asked.add_done_callback(on_done)

    def drop(self) -> None:
        """Stop, and hear no more of it."""
        self._newest += 1
        asked, self._asked = self._asked, None
        if asked is not None:
            self._line.unwanted(asked)

    def _on_doing(self, number: int, words: str) -> None:
        if number == self._newest:
            self.doing.emit(words)

    def _on_over(self, number: int, done: Future[Explanation]) -> None:
        if number != self._newest:
            return
        self._asked = None
        error = CancelledError() if done.cancelled() else done.exception()
        if error is None:
            self.told.emit(done.result())
        elif isinstance(error, UserError):
            self.failed.emit(error.message)
        elif not isinstance(error, CancelledError):
            self.failed.emit(self.tr("Asking the model failed; the log tells more."))
