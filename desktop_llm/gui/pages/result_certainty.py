"""The tab How sure: whether the model is right as often as it says, with the texts behind each bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.result_tab import ResultTab, Shown
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.figure_table import FigureTable
from desktop_llm.widgets.line_plot import Bar, LinePlot

if TYPE_CHECKING:
    from desktop_llm.verbs.certainty import Certainty


class CertaintyTab(ResultTab):
    """A reliability diagram at the left; the verdict, what to do, and the bars as a table at the right."""

    name = "certainty"

    def __init__(self, hub: Hub) -> None:
        """Empty."""
        super().__init__(hub, hub.tr("How sure"))
        self._told: Certainty | None = None
        self._asked: Task | None = None
        self._number = 0
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        left = Card(self.tr("As sure as right?"), self.tr("click a bar to see its texts"))
        self.plot = LinePlot(
            "results.certainty.plot", self.tr("how sure the model says it is"), self.tr("right"), diagonal=True
        )
        self.plot.clicked.connect(self._on_bar)
        left.body.addWidget(self.plot, 1)
        whole.addWidget(left, 1)
        whole.addWidget(self._build_words(), 1)

    def show_run(self, shown: Shown | None) -> None:
        """Count in the background, then draw."""
        told = None if shown is None else shown.outcomes
        project = self.hub.project
        if self._asked is not None:  # what was asked before must not be shown for this one
            self._asked.cancel()
        if shown is None or told is None or project is None:
            self._show(None)
            return
        self._number = shown.run.number

        def work(_: Task) -> Certainty | None:
            from desktop_llm.verbs import certainty

            return certainty.of(project, told)

        self._asked = self.hub.background.run(work, on_done=self._show)

    def _build_words(self) -> QWidget:
        card = Card(self.tr("What that means"), "")
        self.verdict = plain_label("", wrap=True)
        self.verdict.setObjectName("results.certainty.verdict")
        self.advice = plain_label("", "muted", wrap=True)
        self.advice.setObjectName("results.certainty.advice")
        card.body.addWidget(self.verdict)
        card.body.addWidget(self.advice)
        line = QVBoxLayout()
        self.measure = button(
            self.tr("Measure to look for a temperature"),
            "results.certainty.measure",
            lambda: self.measure_asked.emit(0),
        )
        line.addWidget(self.measure)
        card.body.addLayout(line)
        titles = [self.tr("Says"), self.tr("Right"), self.tr("Between"), self.tr("How many")]
        self.table = FigureTable("results.certainty.table", self.tr("How sure and how right"), titles)
        self.table.asked.connect(self._on_named)
        card.body.addWidget(self.table, 1)
        return card

    def _show(self, told: Certainty | None) -> None:
        self._told = told
        bins = () if told is None else told.told.bins
        bars = [
            Bar(
                left=one.low,
                right=one.high,
                value=one.right,
                low=one.least,
                high=one.most,
                words=self.tr("says {sure:.0f} %, right in {right:.0f} % of {count:,}").format(
                    sure=100 * one.sure, right=100 * one.right, count=len(one.rows)
                ),
            )
            for one in bins
        ]
        self.plot.show_bars(bars)
        self.table.show_rows(
            [
                (
                    _range(one.low, one.high),
                    f"{100 * one.right:.0f} %",
                    f"{100 * one.least:.0f}–{100 * one.most:.0f} %",
                    f"{len(one.rows):,}",
                )
                for one in reversed(bins)
            ]
        )
        self.verdict.setText("" if told is None else told.verdict)
        self.advice.setText("" if told is None else told.advice)
        self.measure.setVisible(told is not None and not told.asked and self.hub.writable)

    def _on_named(self, name: str) -> None:
        if self._told is not None:
            names = [_range(one.low, one.high) for one in self._told.told.bins]
            self._on_bar(names.index(name))

    def _on_bar(self, place: int) -> None:
        if self._told is None:
            return
        one = self._told.told.bins[place]
        words = self.tr("run {number} is {range} sure").format(number=self._number, range=_range(one.low, one.high))
        self.these_asked.emit(list(self._told.rows[place]), words)


def _range(low: float, high: float) -> str:
    return f"{100 * low:.0f}–{100 * high:.0f} %"
