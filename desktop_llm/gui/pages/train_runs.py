"""The choice among a project's runs on the Train page, whatever became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.widgets.form import Choice

if TYPE_CHECKING:
    from desktop_llm.store.runs import Run


class TrainRuns(Choice):
    """Signals: `loaded()`: the runs were read; `run_asked(Run)`: this one is to be shown."""

    loaded = Signal()
    run_asked = Signal(object)

    def __init__(self, hub: Hub, parent: QWidget | None = None) -> None:
        """Empty until `reload`."""
        super().__init__(parent)
        self._hub = hub
        self.runs: list[Run] = []
        self._with_model: list[int] = []
        self.setObjectName("train.run")
        self.setAccessibleName(self.tr("Run"))
        self.setMinimumWidth(240)
        self.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToContents)
        self.activated.connect(lambda _: self.ask())

    @property
    def run(self) -> Run | None:
        """The run that trains, else the chosen one."""
        number = self._hub.training.number if self._hub.is_training else self.currentData()
        return next((run for run in self.runs if run.number == number), None)

    def models(self) -> dict[str, str]:
        """The models of runs, to start others from: what they are called, by folder."""
        project = self._hub.project
        if project is None:
            return {}
        words = self.tr("Model of run {number}")
        return {
            str(project.runs.folder(number).model.resolve()): words.format(number=number) for number in self._with_model
        }

    def reload(self, *, show_last: bool = False) -> None:
        """Read the runs again; `show_last`: choose and show the newest."""
        project = self._hub.project
        if project is None:
            return

        def work(_: Task) -> tuple[list[Run], list[int]]:
            return project.runs.all(), [run.number for run in project.runs.with_model()]

        def take(told: tuple[list[Run], list[int]]) -> None:
            runs, self._with_model = told
            self._take(runs, show_last=show_last)

        self._hub.background.run(work, on_done=take)

    def ask(self) -> None:
        """Show the chosen run; while one trains, nothing else."""
        if self.run is not None and not self._hub.is_training:
            self.run_asked.emit(self.run)

    def _take(self, runs: list[Run], *, show_last: bool) -> None:
        chosen = None if show_last else self.currentData()
        if self._hub.is_training or (runs and chosen is None):
            chosen = self._hub.training.number if self._hub.is_training else (runs[0].number if runs else None)
        if len(runs) > len(self.runs) and runs:
            chosen = runs[0].number
        self.runs = runs
        self.clear()
        for run in runs:
            words = self.tr("Run {number} · {model} · {state}")
            self.addItem(words.format(number=run.number, model=run.title, state=run.state), run.number)
        gone = chosen is not None and self.findData(chosen) < 0  # it was deleted: the one shown is no more
        self.setCurrentIndex(max(0, self.findData(chosen)))
        if show_last or gone:
            self.ask()
        self.loaded.emit()
