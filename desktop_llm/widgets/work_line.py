"""A line that tells of work under way: what, how far, how much longer, and a button that stops it."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label

STEPS = 1000
LEAST_FRACTION = 0.02
"""Before so much of it no time is told: it would be wrong."""


def fit_height(dialog: QWidget) -> None:
    """Make a dialog of fixed width as high as what it says now."""
    layout = dialog.layout()
    if layout is not None:
        layout.activate()
        width, needed = dialog.width(), layout.totalSizeHint().height()
        if layout.hasHeightForWidth():
            needed = layout.totalHeightForWidth(width)
        dialog.setFixedHeight(needed)


class WorkLine(QWidget):
    """Words alone while nothing is under way. Signals: `cancel_asked()`."""

    cancel_asked = Signal()

    def __init__(self, name: str, duration: Callable[[float], str], parent: QWidget | None = None) -> None:
        """`name` begins the object names; `duration` puts seconds into words."""
        super().__init__(parent)
        self._duration, self._title, self._began = duration, "", 0.0
        self._words = plain_label("", "muted", wrap=True)
        self._words.setObjectName(f"{name}.words")
        self._bar = QProgressBar()
        self._bar.setObjectName(f"{name}.progress")
        self._bar.setAccessibleName(self.tr("Progress"))
        self._bar.setTextVisible(False)
        self._cancel = button(self.tr("Cancel"), f"{name}.cancel", self._on_cancel)
        self._cancel.setAutoDefault(False)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self._words, 1)
        line.addWidget(self._bar, 1)
        line.addWidget(self._cancel)
        self.say("")

    def begin(self, title: str) -> None:
        """Work of this title begins."""
        self._title, self._began = title, time.monotonic()
        self._words.setText(title + "…")
        self._words.setProperty("role", "muted")
        self._bar.setRange(0, 0)
        self._cancel.setEnabled(True)
        self._show(busy=True)

    def show_progress(self, fraction: float, _words: str = "") -> None:
        """It is so far."""
        self._bar.setRange(0, STEPS)
        self._bar.setValue(round(STEPS * fraction))
        words = self._title
        if LEAST_FRACTION <= fraction < 1.0 and self._cancel.isEnabled():
            left = (time.monotonic() - self._began) * (1 - fraction) / fraction
            words = self.tr("{what} · {time} left").format(what=words, time=self._duration(left))
        self._words.setText(words)

    def say(self, words: str, role: str = "muted") -> None:
        """The work is over, or there is none: what is to be said of it."""
        self._words.setText(words)
        self._words.setProperty("role", role)
        self._words.style().unpolish(self._words)
        self._words.style().polish(self._words)
        self._show(busy=False)

    def text(self) -> str:
        """What is said."""
        return self._words.text()

    def _show(self, *, busy: bool) -> None:
        for part in (self._bar, self._cancel):
            part.setVisible(busy)
        self.setVisible(busy or bool(self._words.text()))

    def _on_cancel(self) -> None:
        self._cancel.setEnabled(False)
        self._words.setText(self.tr("stopping…"))
        self.cancel_asked.emit()
