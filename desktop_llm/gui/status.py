"""The status bar: what is saved at the left; what is running, how far, how long, and its Cancel at the right."""

from __future__ import annotations

import time

from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtWidgets import QProgressBar, QStatusBar

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.job import Job
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label

LEAST_SECONDS = 0.5
"""Work shorter than this shows no progress."""
MESSAGE_MS = 6000
STEPS = 1000


def time_words(seconds: float) -> str:
    """A duration in words: 12 s, 4 min, 2 h 05 min."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("Duration", text)

    minutes = round(seconds / 60)
    if seconds < 59.5:
        return tr("{count} s").format(count=max(1, round(seconds)))
    if minutes < 60:
        return tr("{count} min").format(count=minutes)
    return tr("{hours} h {minutes:02d} min").format(hours=minutes // 60, minutes=minutes % 60)


class Status(QStatusBar):
    """Listens to the hub. Of several jobs it shows the newest, and says how many more there are."""

    def __init__(self, hub: Hub) -> None:
        """Empty until something is open."""
        super().__init__()
        self._jobs: dict[object, Job] = {}
        self._began: dict[object, float] = {}
        self.setObjectName("status")
        self.setSizeGripEnabled(False)
        self.setContentsMargins(0, 0, 16, 0)
        self.saved = plain_label("")
        self.saved.setObjectName("status.saved")
        self._work = plain_label("")
        self._work.setObjectName("status.work")
        self._bar = QProgressBar()
        self._bar.setObjectName("status.bar")
        self._bar.setAccessibleName(self.tr("Progress"))
        self._bar.setFixedWidth(160)
        self._bar.setTextVisible(False)
        self._stop = button(self.tr("Cancel"), "status.cancel", self._on_cancel, kind="quiet")
        self.addWidget(self.saved, 1)
        for part in (self._work, self._bar, self._stop):
            self.addPermanentWidget(part)
            part.hide()
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.timeout.connect(self._show)
        hub.job_changed.connect(self._on_job_changed)
        hub.message_shown.connect(lambda sentence: self.showMessage(sentence, MESSAGE_MS))

    def show_saved(self, labels: int | None, *, of_labels: bool = True) -> None:
        """Say how many labels are on disk; None: no project is open. `of_labels`: its texts have any."""
        if labels is None:
            self.saved.setText("")
        elif not of_labels:
            self.saved.setText(self.tr("Saved"))
        elif labels == 1:
            self.saved.setText(self.tr("Saved · 1 label"))
        else:
            self.saved.setText(self.tr("Saved · {count:,} labels").format(count=labels))

    def _on_job_changed(self, job: Job) -> None:
        if job.over:
            self._jobs.pop(job.key, None)
            self._began.pop(job.key, None)
        else:
            self._jobs[job.key] = job
            self._began.setdefault(job.key, time.monotonic())
        self._show()

    def _shown(self) -> Job | None:
        """The newest job that has run long enough to be told of; wakes up again when one will have."""
        now, waiting = time.monotonic(), []
        for key in reversed(self._jobs):
            missing = LEAST_SECONDS - (now - self._began[key])
            if missing <= 0:
                return self._jobs[key]
            waiting.append(missing)
        if waiting and not self._due.isActive():
            self._due.start(round(1000 * min(waiting)) + 1)
        return None

    def _show(self) -> None:
        job = self._shown()
        for part in (self._work, self._bar):
            part.setVisible(job is not None)
        self._stop.setVisible(job is not None and job.cancel is not None)
        if job is None:
            return
        self._work.setText(" · ".join(word for word in (job.title, job.text, self._left(job), self._more()) if word))
        known = job.fraction is not None and job.fraction > 0
        self._bar.setRange(0, STEPS if known else 0)
        self._bar.setValue(round(STEPS * (job.fraction or 0)))

    def _left(self, job: Job) -> str:
        if job.left is not None:
            return job.left
        if job.fraction is None or not 0.02 < job.fraction < 1.0:
            return ""
        spent = time.monotonic() - self._began[job.key]
        return self.tr("{time} left").format(time=time_words(spent * (1 - job.fraction) / job.fraction))

    def _more(self) -> str:
        others = len(self._jobs) - 1
        return self.tr("and {count} more").format(count=others) if others else ""

    def _on_cancel(self) -> None:
        job = self._shown()
        if job is not None and job.cancel is not None:
            job.cancel()
            self._stop.hide()
