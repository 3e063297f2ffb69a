"""The tab Curves: what a limit on the chance of a label trades, for all labels together or for one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from desktop_llm.evidence.curves import thin
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.result_tab import ResultTab, Shown
from desktop_llm.widgets.card import Card
from desktop_llm.widgets.empty import EmptyState
from desktop_llm.widgets.figure_table import FigureTable
from desktop_llm.widgets.line_plot import Line, LinePlot

if TYPE_CHECKING:
    from desktop_llm.verbs.label_curves import LabelCurves


class CurvesTab(ResultTab):
    """Two plots at the left, a table of labels at the right that chooses what they show."""

    name = "curves"

    def __init__(self, hub: Hub) -> None:
        """Empty."""
        super().__init__(hub, hub.tr("Curves"))
        self._told: tuple[LabelCurves, ...] = ()
        self._asked: Task | None = None
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self._stack = QStackedWidget()
        whole.addWidget(self._stack)
        self.empty = EmptyState("", "", self.tr("Measure"), "results.curves.measure")
        self.empty.asked.connect(lambda: self.measure_asked.emit(0))
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._build())

    def show_run(self, shown: Shown | None) -> None:
        """Count in the background, then draw."""
        project = self.hub.project
        if self._asked is not None:  # what was asked before must not be shown for this one
            self._asked.cancel()
        told = None if shown is None else shown.outcomes
        if project is None or told is None or told.logits is None:
            self._show(())
            return

        def work(_: Task) -> tuple[LabelCurves, ...]:
            from desktop_llm.verbs import label_curves

            return label_curves.of(project, told)

        self._asked = self.hub.background.run(work, on_done=self._show)

    def _build(self) -> QWidget:
        page = QWidget()
        columns = QHBoxLayout(page)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(16)
        self.plots: dict[str, LinePlot] = {}
        self._cards: dict[str, Card] = {}
        for name, title, across, up in (
            ("pr", self.tr("Precision and recall"), self.tr("recall"), self.tr("precision")),
            ("roc", self.tr("Hits and false alarms"), self.tr("false alarms"), self.tr("hits")),
        ):
            self._cards[name] = Card(title, "")
            self.plots[name] = LinePlot(f"results.curves.{name}", across, up, diagonal=name == "roc")
            self._cards[name].body.addWidget(self.plots[name], 1)
            columns.addWidget(self._cards[name], 5)
        card = Card(self.tr("By label"), self.tr("worst first; choose one to draw it"))
        titles = [self.tr("Label"), self.tr("AP"), self.tr("F1 now"), self.tr("Best F1"), self.tr("At")]
        self.table = FigureTable("results.curves.labels", self.tr("Curves by label"), titles)
        self.table.setToolTip(
            self.tr("AP: average precision. Best F1: what a limit of its own would give, on these very texts.")
        )
        self.table.currentCellChanged.connect(lambda row, *_: self._draw(row))
        card.body.addWidget(self.table, 1)
        columns.addWidget(card, 9)
        return page

    def _show(self, told: tuple[LabelCurves, ...]) -> None:
        self._told = told
        self._stack.setCurrentIndex(1 if told else 0)
        if not told:
            words = self.tr("For these the model is asked for the chance of every label; that takes a moment.")
            self.empty.tell(self.tr("Not drawn yet"), words, self.tr("Measure") if self.hub.writable else "")
            return
        self.table.show_rows(
            [
                (
                    one.name or self.tr("All labels together"),
                    f"{one.curves.average:.3f}",
                    f"{one.now.f1:.3f}",
                    f"{one.best.f1:.3f}",
                    f"{one.best.limit:.2f}",
                )
                for one in told
            ]
        )
        self.table.setCurrentCell(0, 0)
        self._draw(0)

    def _draw(self, row: int) -> None:
        if not 0 <= row < len(self._told):
            return
        one = self._told[row]
        told, name = one.curves, one.name or self.tr("all labels")
        self.plots["pr"].show_lines([_line(name, told.recall, told.precision, told.precision[:1])])
        self.plots["roc"].show_lines([_line(name, told.alarms, told.recall, np.zeros(1))])
        area = "–" if math.isnan(told.area) else f"{told.area:.3f}"
        self._cards["pr"].set_note(self.tr("average precision {value:.3f}").format(value=told.average))
        self._cards["roc"].set_note(self.tr("area {value}").format(value=area))


def _line(name: str, x: np.ndarray, y: np.ndarray, first: np.ndarray) -> Line:
    """From nothing told, where it is as high as `first`."""
    across, up = thin(np.append(0.0, x), np.append(first, y))
    return Line(name=name, role="accent", x=across, y=up)
