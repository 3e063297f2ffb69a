"""A choice among the runs of a project that have a model; three pages use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.store.runs import ENDED
from desktop_llm.verbs import proposing
from desktop_llm.widgets.form import Choice

if TYPE_CHECKING:
    from desktop_llm.store.runs import Run

KEPT = ENDED


class RunBox(Choice):
    """Signals: `run_changed(Run or None)`."""

    run_changed = Signal(object)

    def __init__(self, hub: Hub, name: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name."""
        super().__init__(parent)
        self._hub = hub
        self._runs: list[Run] = []
        self.setObjectName(name)
        self.setAccessibleName(self.tr("Run"))
        self.setMinimumWidth(240)
        self.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToContents)
        self.activated.connect(lambda _: self.run_changed.emit(self.run))

    @property
    def run(self) -> Run | None:
        """The chosen run."""
        return next((run for run in self._runs if run.number == self.currentData()), None)

    @property
    def runs(self) -> tuple[Run, ...]:
        """All that have a model, the newest first."""
        return tuple(self._runs)

    def title(self, run: Run) -> str:
        """What a run is called."""
        return self.tr("Run {number} · {model}").format(number=run.number, model=run.title)

    def choose(self, number: int) -> None:
        """Choose a run by its number."""
        self.setCurrentIndex(max(0, self.findData(number)))
        self.run_changed.emit(self.run)

    def reload(self, wanted: int | None = None) -> None:
        """Read the runs again; keeps the choice unless `wanted`."""
        project = self._hub.project

        def work(_: Task) -> list[Run]:
            return project.runs.with_model() if project is not None else []

        self._hub.background.run(work, on_done=lambda runs: self._take(runs, wanted))

    def _take(self, runs: list[Run], wanted: int | None) -> None:
        newer = bool(runs) and (not self._runs or runs[0].number > self._runs[0].number)
        task = self._hub.task
        proposed = proposing.of(runs, task) if newer and task is not None else None
        chosen = wanted if wanted is not None else (proposed.number if proposed is not None else self.currentData())
        self._runs = runs
        self.clear()
        for run in runs:
            figure = ""
            if task is not None:
                figures = run.metrics.get("test", run.metrics.get("validation", {}))
                metric = task.main(figures)
                value = figures.get(metric.name)
                if value is not None:
                    figure = f" · {100 * value:.1f} %" if metric.percent else f" · {value:.3f}"
            going_on = "" if run.ended else self.tr(" · as it was before it goes on")
            self.addItem(self.title(run) + (figure if run.ended else "") + going_on, run.number)
        self.setCurrentIndex(max(0, self.findData(chosen)))
        self.run_changed.emit(self.run)
