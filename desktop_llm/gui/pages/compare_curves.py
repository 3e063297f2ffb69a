"""The curves of several runs over one another; those that differ by their seed alone make one band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.flow import FlowLayout
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.line_plot import ROLES, Line, LinePlot

if TYPE_CHECKING:
    from desktop_llm.gui.pages.result_tab import Shown
    from desktop_llm.store.runs import Run
    from desktop_llm.tasks.task import Metric
    from desktop_llm.tasks.task import Task as Kind
    from desktop_llm.verbs.seeding import Band

BY_SIZE = "size"
CHOICE_WIDTH = 200
"""What a metric and a split take."""


class CompareCurves(Card):
    """What is drawn is chosen at the top right."""

    def __init__(self, hub: Hub, parent: QWidget | None = None) -> None:
        """Empty."""
        super().__init__(hub.tr("Curves"), " ", parent)
        self._hub = hub
        self._shown: Shown | None = None
        self._runs: Sequence[Run] = ()
        self.choice = Choice()
        self.choice.setObjectName("results.compare.curve")
        self.choice.setAccessibleName(self.tr("What is drawn"))
        self.choice.setMinimumWidth(CHOICE_WIDTH)
        self.choice.activated.connect(lambda _: self._draw())
        self.head.addWidget(self.choice)
        self.plot = LinePlot("results.compare.plot", self.tr("step"), "", unit=False)
        self.body.addWidget(self.plot, 1)
        holder = QWidget()
        self._legend = FlowLayout(holder)
        self.body.addWidget(holder)
        self.words = plain_label("", "muted", wrap=True)
        self.words.setObjectName("results.compare.seeds")
        self.body.addWidget(self.words)

    def show_runs(self, shown: Shown | None, runs: Sequence[Run]) -> None:
        """These runs, the chosen one first."""
        self._shown, self._runs = shown, runs
        chosen, task = self.choice.currentData(), self._hub.task
        self.choice.clear()
        self.words.setText("")
        if shown is None or task is None:
            self.plot.show_lines([])
            return
        metric = _main(task, shown)
        self.choice.addItem(self.tr("{name} on validation").format(name=metric.title), f"validation/{metric.name}")
        self.choice.addItem(self.tr("Loss on validation"), "validation/loss")
        self.choice.addItem(self.tr("Loss on training texts"), "loss")
        self.choice.addItem(self.tr("{name} by texts learned from").format(name=metric.title), BY_SIZE)
        self.choice.setCurrentIndex(max(0, self.choice.findData(chosen)))
        self._draw()

    def _draw(self) -> None:
        project, shown, task = self._hub.project, self._shown, self._hub.task
        if project is None or shown is None or task is None:
            return
        wanted, runs, metric = str(self.choice.currentData()), list(self._runs), _main(task, shown)

        def work(_: Task) -> tuple[tuple[Band, ...], str]:
            from desktop_llm.verbs import seeding

            told = seeding.folded(shown.run, shown.every, metric)
            words = "" if told is None else told.words
            if wanted == BY_SIZE:
                ended = [one for one in shown.every if one.ended]
                by_size = seeding.by_size(ended, metric, "test") or seeding.by_size(ended, metric, "validation")
                return (() if by_size is None else (by_size,)), words
            return seeding.bands(project, runs, shown.every, wanted), words

        def show(told: tuple[tuple[Band, ...], str]) -> None:
            if self._shown is shown and self.choice.currentData() == wanted:
                self._show(*told, by_size=wanted == BY_SIZE)

        self._hub.background.run(work, on_done=show)

    def _show(self, bands: Sequence[Band], words: str, *, by_size: bool) -> None:
        across = self.tr("texts learned from") if by_size else self.tr("step")
        self.plot.set_titles(across, "")
        lines = []
        for place, band in enumerate(bands):
            lines.append(
                Line(
                    name=self._name(band, by_size=by_size),
                    role=ROLES[place % len(ROLES)],
                    x=band.x,
                    y=band.y,
                    low=band.low if len(band.numbers) > 1 else None,
                    high=band.high if len(band.numbers) > 1 else None,
                    dots=len(band.x) < 40,
                )
            )
        self.plot.show_lines(lines)
        self._legend.clear()
        for line in lines:
            self._legend.addWidget(plain_label(f"― {line.name}", f"legend-{line.role}"))
        nothing = self.tr("All runs learned from as many texts; train one on more or fewer to see what more bring.")
        if not bands:
            words = nothing if by_size else self.tr("These runs were not measured on the way.")
        self.words.setText(words)
        self.words.setVisible(bool(words))

    def _name(self, band: Band, *, by_size: bool) -> str:
        if by_size:
            return self.tr("all runs")
        numbers = ", ".join(str(number) for number in band.numbers)
        if len(band.numbers) > 1:
            return self.tr("runs {numbers}, mean and range").format(numbers=numbers)
        return self.tr("run {number}").format(number=numbers)


def _main(task: Kind, shown: Shown) -> Metric:
    """The main figure of what is shown: a task may measure some of its models in another way."""
    return task.main(shown.run.metrics.get("test") or shown.run.metrics.get("validation") or ())
