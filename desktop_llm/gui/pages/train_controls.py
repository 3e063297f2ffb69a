"""The head of the Train page: which run is shown, what can be done with it, and the buttons of the one that trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.run_again import RunAgain
from desktop_llm.gui.pages.train_runs import TrainRuns
from desktop_llm.widgets.button import button

if TYPE_CHECKING:
    from desktop_llm.store.runs import Run

RESUMABLE = ("interrupted", "failed")


class TrainControls(QWidget):
    """Signals: `resume_asked(number)`; `run_asked(Run)`: show it; `loaded()`: the runs were read; `stop_asked()`."""

    resume_asked = Signal(int)
    run_asked = Signal(object)
    loaded = Signal()
    stop_asked = Signal()

    def __init__(self, hub: Hub, parent: QWidget | None = None) -> None:
        """No runs are known before `runs` are read."""
        super().__init__(parent)
        self._hub = hub
        self.runs = TrainRuns(hub)
        self.runs.run_asked.connect(self.run_asked)
        self.runs.loaded.connect(self.loaded)
        self.again = RunAgain(hub)
        self.again.resume_asked.connect(self.resume_asked)
        self.resume_button = button(self.tr("Resume"), "train.resume", self._on_resume)
        self.pause_button = button(self.tr("Pause"), "train.pause", self._on_pause)
        self.stop_button = button(self.tr("Stop and keep"), "train.stop", self.stop_asked.emit)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for part in (self.runs, self.again, self.resume_button, self.pause_button, self.stop_button):
            row.addWidget(part)

    @property
    def run(self) -> Run | None:
        """The run that trains, else the chosen one."""
        return self.runs.run

    def show_state(self, *, free: bool) -> None:
        """Offer what can be done now; `free`: no run is being prepared."""
        active, writable = self._hub.is_training, self._hub.writable
        wish = self._hub.training.wish if active else ""
        self.pause_button.setVisible(active)
        self.pause_button.setText(self.tr("Go on") if wish == "pause" else self.tr("Pause"))
        self.stop_button.setVisible(active)
        self.stop_button.setEnabled(wish not in ("stop", "leave"))
        chosen = self.runs.run
        self.runs.setVisible(bool(self.runs.runs) and not active)
        self.resume_button.setVisible(
            chosen is not None and chosen.state in RESUMABLE and not active and self._hub.writable
        )
        self.again.setVisible(bool(self.runs.runs) and not active)
        self.again.show_run(chosen, self.runs.runs, free=free and not active and writable)

    def _on_resume(self) -> None:
        if self.runs.run is not None:
            self.resume_asked.emit(self.runs.run.number)

    def _on_pause(self) -> None:
        if self._hub.training.wish == "pause":
            self._hub.training.proceed()
        else:
            self._hub.training.pause()
        self.show_state(free=True)
