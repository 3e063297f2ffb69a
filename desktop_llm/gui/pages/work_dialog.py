"""Dialogs of one width that are as high as what they say; and those that work and stay open to say what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.status import time_words
from desktop_llm.widgets.work_line import WorkLine, fit_height

T = TypeVar("T")


class FixedDialog(QDialog):
    """Goes when it is closed. Its parts stand one below the other in `whole`; `fit_height` follows what they say."""

    def __init__(self, hub: Hub, parent: QWidget, name: str, title: str, width: int) -> None:
        """`name` is its object name."""
        super().__init__(parent)
        self._hub = hub
        self.setObjectName(name)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFixedWidth(width)
        self.whole = QVBoxLayout(self)
        self.whole.setContentsMargins(16, 16, 16, 16)
        self.whole.setSpacing(12)


class WorkDialog(FixedDialog):
    """One piece of work at a time, with its progress, a Cancel, and words at the end.

    Closing gives up what is under way. A dialog says in `_let` what may be touched, and in `_stopped_words` what a
    cancel has left.
    """

    def __init__(self, hub: Hub, parent: QWidget, name: str, title: str, width: int) -> None:
        """The line of the work and the buttons are added by `add_line` and `add_buttons`."""
        super().__init__(hub, parent, name, title, width)
        self._work: Task | None = None
        self._on_done: Callable[[Any], object] = lambda _: None
        self._line = WorkLine(f"{name}.work", time_words)
        self._line.cancel_asked.connect(self._on_cancel)

    def add_line(self) -> None:
        """Place the line that tells of the work."""
        self.whole.addWidget(self._line)

    def add_buttons(self, *buttons: QPushButton) -> None:
        """The last row; Enter in a field presses none of them."""
        row = QHBoxLayout()
        row.addStretch(1)
        for made in buttons:
            made.setAutoDefault(False)
            row.addWidget(made)
        self.whole.addLayout(row)

    def begin(self, title: str, work: Callable[[Task], T], on_done: Callable[[T], object]) -> Task:
        """Work in the background; `on_done` also hears of what was over before it heard of a cancel."""
        self._on_done = on_done
        self._line.begin(title)
        self._work = self._hub.background.run(
            work, on_done=on_done, on_error=self._on_error, on_progress=self._line.show_progress, title=title
        )
        self._work.ended.connect(self._on_ended)
        self._let()
        return self._work

    def _on_ended(self, task: Task) -> None:
        self._work = None
        if task.cancelled and task.error is None:
            self._on_done(task.result)  # it was over before it heard of the cancel
        elif task.cancelled:
            self._line.say(self._stopped_words())
        self._let()

    def _let(self) -> None:
        """Let be touched what may be touched now."""
        fit_height(self)

    def _stopped_words(self) -> str:
        raise NotImplementedError

    def _on_error(self, error: UserError) -> None:
        self._line.say(error.message, "bad")

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def reject(self) -> None:
        """Close; what is under way is given up."""
        self._on_cancel()
        super().reject()
