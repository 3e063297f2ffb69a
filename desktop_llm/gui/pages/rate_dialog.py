"""The dialog that measures which learning rate a recipe bears: the loss while the rate grows, and what to take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_llm.gui import elsewhere
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.work_dialog import WorkDialog
from desktop_llm.jobs import recipe as recipes
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.line_plot import Line, LinePlot

if TYPE_CHECKING:
    from desktop_llm.jobs.rate_curve import RateCurve
    from desktop_llm.jobs.recipe import Recipe

WIDTH, HEIGHT = 620, 260


class RateDialog(WorkDialog):
    """Signals: `rate_chosen(rate)`: train with this learning rate."""

    rate_chosen = Signal(float)

    def __init__(self, hub: Hub, parent: QWidget, recipe: Recipe) -> None:
        """Begins to measure at once."""
        super().__init__(hub, parent, "rate", self.tr("Find a learning rate"), WIDTH)
        self._found: RateCurve | None = None
        self.words = plain_label(
            self.tr("Some real steps, each with a larger learning rate; nothing of them is kept."), wrap=True
        )
        self.words.setObjectName("rate.words")
        self.plot = LinePlot("rate.plot", self.tr("learning rate"), self.tr("loss"), unit=False, powers=True)
        self.plot.setFixedHeight(HEIGHT)
        self.whole.addWidget(self.words)
        self.whole.addWidget(self.plot)
        self.whole.addLayout(self._build_legend())
        self.add_line()
        close = button(self.tr("Close"), "rate.close", self.reject)
        self.use = button(self.tr("Use it"), "rate.use", self._on_use, kind="primary")
        self.add_buttons(close, self.use)
        project = hub.project
        if project is not None:
            path, told = project.path, recipes.to_json(recipe)

            def work(task: Task) -> RateCurve:
                from desktop_llm.verbs import rate_finding

                return elsewhere.call_telling(task.should_stop, task.progress, rate_finding.find_in, path, told)

            self.begin(self.tr("Finding a learning rate"), work, self._show)

    def _build_legend(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(12)
        for words, role in (
            (self.tr("━ loss of a step"), "legend-muted"),
            (self.tr("━ its mean so far"), "legend-accent"),
            (self.tr("● falls fastest"), "legend-good"),
        ):
            line.addWidget(plain_label(words, role))
        line.addStretch(1)
        return line

    def _show(self, found: RateCurve | None) -> None:
        if found is None:
            return
        self._found = found
        self._line.say("")
        self.words.setText(found.words)
        x = np.log10(np.asarray(found.rates or (1.0,)))
        empty = not found.rates
        lines = [
            Line(name=self.tr("loss of a step"), role="muted", x=x, y=np.asarray(found.losses or (0.0,))),
            Line(name=self.tr("mean"), role="accent", x=x, y=np.asarray(found.smooth or (0.0,))),
        ]
        if found.suggested:
            place = found.rates.index(found.steepest)
            at = np.asarray([np.log10(found.steepest)])
            point = Line(name=self.tr("steepest"), role="good", x=at, y=np.asarray([found.smooth[place]]), dots=True)
            lines.append(point)
            self.use.setText(self.tr("Use {rate:g}").format(rate=found.suggested))
            self.use.setAccessibleName(self.use.text())
        self.plot.show_lines([] if empty else lines)
        self._let()

    def _stopped_words(self) -> str:
        return self.tr("Stopped.")

    def _let(self) -> None:
        self.use.setEnabled(self._work is None and self._found is not None and bool(self._found.suggested))
        super()._let()

    def _on_use(self) -> None:
        if self._found is not None and self._found.suggested:
            self.rate_chosen.emit(self._found.suggested)
            self.accept()
