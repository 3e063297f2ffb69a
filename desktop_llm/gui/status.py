"""The status bar: what is saved at the left; what is running, how far, how long, and its Cancel at the right."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtWidgets import QProgressBar, QStatusBar

from desktop_llm.gui.hub import Hub
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label

LEAST_SECONDS = 0.5
"""Work shorter than this shows no progress."""


def time_words(seconds: float) -> str:
    """A duration in words: 12 s, 4 min, 2 h 05 min."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    if seconds < 3600:
        return f"{round(seconds / 60)} min"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"


class Status(QStatusBar):
    """Listens to the hub."""

    def __init__(self, hub: Hub) -> None:
        """Empty until something is open."""
        super().__init__()
        self._hub = hub
        self._began: dict[str, float] = {}
        self._cancel: Callable[[], None] | None = None
        self.setSizeGripEnabled(False)
        self.saved = plain_label("")
        self.saved.setObjectName("status.saved")
        self._work = plain_label("")
        self._work.setObjectName("status.work")
        self._bar = QProgressBar()
        self._bar.setFixedWidth(160)
        self._bar.setTextVisible(False)
        self._stop = button(self.tr("Cancel"), "status.cancel", self._on_cancel, kind="quiet")
        self.addWidget(self.saved, 1)
        for part in (self._work, self._bar, self._stop):
            self.addPermanentWidget(part)
            part.hide()
        hub.job_changed.connect(self._on_job_changed)
        hub.message_shown.connect(lambda sentence: self.showMessage(sentence, 6000))

    def _on_job_changed(self, told: tuple[str, float, str, Callable[[], None] | None] | None) -> None:
        if told is None:
            self._began.clear()
            for part in (self._work, self._bar, self._stop):
                part.hide()
            return
        title, fraction, text, self._cancel = told
        began = self._began.setdefault(title, time.monotonic())
        spent = time.monotonic() - began
        if spent < LEAST_SECONDS:
            return
        words = [title, text] if text else [title]
        if 0.02 < fraction < 1.0:
            words.append(self.tr("{time} left").format(time=time_words(spent * (1 - fraction) / fraction)))
        self._work.setText(" · ".join(words))
        self._bar.setRange(0, 1000 if fraction > 0 else 0)
        self._bar.setValue(round(1000 * fraction))
        self._work.show()
        self._bar.show()
        self._stop.setVisible(self._cancel is not None)

    def _on_cancel(self) -> None:
        if self._cancel is not None:
            self._cancel()
