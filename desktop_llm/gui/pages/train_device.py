"""The device at work, in one small card of the Train page: memory, share of the peak, warmth, power, one at a time."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QStackedWidget

from desktop_llm.widgets.card import Card
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.plot import SeriesPlot

GAUGES = {"memory": 1e-9, "mfu": 100.0, "celsius": 1.0, "watts": 1.0}
"""What is shown, and by what its figures are multiplied."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("TrainDevice", text)


class TrainDevice(Card):
    """A plot of what is chosen; there is a choice where the machine can tell more than one thing."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._titles = {
            "memory": _tr("Memory, GB"),
            "mfu": _tr("% of peak"),
            "celsius": _tr("Temp., °C"),
            "watts": _tr("Power, W"),
        }
        self._helps = {
            "memory": _tr("What the training takes: of a GPU what its tensors take at most, else the whole process."),
            "mfu": _tr("How much of what the device can compute at most the model itself needed, in per cent (MFU)."),
            "celsius": _tr("How warm the device is."),
            "watts": _tr("What the device took from the wall, on average over some seconds."),
        }
        super().__init__(self._titles["memory"])
        self.choice = Choice()
        self.choice.setObjectName("train.gauge")
        self.choice.setAccessibleName(_tr("What of the device is shown"))
        self.choice.let_narrow()
        self.choice.activated.connect(self._on_activated)
        self.choice.hide()
        self.head.insertWidget(0, self.choice, 100)
        self._wanted = "memory"
        self._stack = QStackedWidget()
        self.plots: dict[str, SeriesPlot] = {}
        for name in GAUGES:
            plot = SeriesPlot(f"train.plot.{name}")
            plot.add_series(name, "accent")
            plot.setMinimumHeight(90)
            plot.setToolTip(self._helps[name])
            self.plots[name] = plot
            self._stack.addWidget(plot)
        self.body.addWidget(self._stack, 1)
        self.set_tight()
        self._offer()

    def append(self, name: str, steps: Sequence[int], values: Sequence[float]) -> None:
        """Add points: bytes, a share of one, degrees Celsius or watts."""
        if not steps:
            return
        fresh = not self.plots[name].points(name)
        self.plots[name].append(name, list(steps), [value * GAUGES[name] for value in values])
        if fresh:
            self._offer()

    def clear(self) -> None:
        """Another run; what was chosen is shown again once that tells it."""
        for plot in self.plots.values():
            plot.clear()
        self._offer()

    def _offer(self) -> None:
        chosen = self._wanted
        told = [name for name, plot in self.plots.items() if plot.points(name)] or ["memory"]
        self.choice.clear()
        for name in told:
            self.choice.addItem(self._titles[name], name)
        self.choice.setCurrentIndex(max(0, self.choice.findData(chosen)))
        several = len(told) > 1
        self.choice.setVisible(several)
        self._title.setVisible(not several)
        self.set_title(self._titles[told[0]])
        self._show_chosen()

    def _on_activated(self) -> None:
        self._wanted = str(self.choice.currentData())
        self._show_chosen()

    def _show_chosen(self) -> None:
        self._stack.setCurrentWidget(self.plots[str(self.choice.currentData())])
