"""What a model that writes is compared with: what it began with, another run, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop_llm.jobs.recipe import SCRATCH
from desktop_llm.widgets.form import Choice

if TYPE_CHECKING:
    from desktop_llm.store.runs import Run

BEGAN = "began"


class BesideBox(Choice):
    """Signals: `chosen()`."""

    chosen = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """`name` becomes the object name."""
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(self.tr("Beside it"))
        self.setMinimumWidth(200)
        self.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToContents)
        self._runs: dict[int, Run] = {}
        self._began: Path | None = None
        self.activated.connect(lambda _: self.chosen.emit())

    @property
    def other(self) -> Run | Path | None:
        """A run, or the folder that the shown one began with."""
        told = self.currentData()
        return self._began if told == BEGAN else self._runs.get(told)

    def forget(self) -> None:
        """Another project: what was chosen is not meant any more."""
        self.clear()

    def show_runs(self, shown: Run | None, runs: Sequence[Run]) -> None:
        """What `shown` can be compared with; the choice stays where it still is one."""
        before = self.currentData()
        self._runs = {run.number: run for run in runs if shown is None or run.number != shown.number}
        self._began = None
        self.clear()
        self.addItem(self.tr("Nothing beside it"), None)
        if shown is not None and shown.recipe.model != SCRATCH:
            self._began = Path(shown.recipe.model)
            self.addItem(self.tr("What it began with · {name}").format(name=shown.model_title), BEGAN)
        for number, run in self._runs.items():
            self.addItem(self.tr("Run {number} · {model}").format(number=number, model=run.model_title), number)
        self.setCurrentIndex(max(0, self.findData(before)))
        self.setEnabled(self.count() > 1)
