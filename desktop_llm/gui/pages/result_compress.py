"""The tab Compress: a run, its smaller forms and the runs that it taught, by answers, time and size on this machine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages import result_words
from desktop_llm.gui.pages.result_tab import ResultTab, Shown
from desktop_llm.gui.status import time_words
from desktop_llm.jobs import formats
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.figure_table import FigureTable
from desktop_llm.widgets.flow import FlowLayout
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.scatter_plot import Dot, ScatterPlot
from desktop_llm.widgets.work_line import WorkLine

if TYPE_CHECKING:
    from desktop_llm.errors import UserError
    from desktop_llm.jobs.board import Board, Point
    from desktop_llm.tasks.task import Metric

TIME, SIZE = "time", "size"
OWN, TAUGHT = "accent", "second"
"""The colours of a run's own forms, and of those of runs that it taught."""


class CompressTab(ResultTab):
    """The points at the left; at the right the verdict, the same as a table, and what to do next."""

    name = "compress"

    def __init__(self, hub: Hub) -> None:
        """Empty."""
        super().__init__(hub, hub.tr("Compress"))
        self._shown: Shown | None = None
        self._board: Board | None = None
        self._asked: Task | None = None
        self._work: Task | None = None
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        whole.addWidget(self._build_plot(), 1)
        whole.addWidget(self._build_words(), 1)
        self._show(None)

    def show_run(self, shown: Shown | None) -> None:
        """What was measured of it the last time."""
        self._shown, project = shown, self.hub.project
        if self._asked is not None:
            self._asked.cancel()
        if shown is None or project is None:
            self._show(None)
            return
        number = shown.run.number

        def work(_: Task) -> Board | None:
            from desktop_llm.verbs import compressing

            return compressing.kept(project, number)

        self._asked = self.hub.background.run(work, on_done=self._show)

    def _build_plot(self) -> QWidget:
        card = Card(self.tr("Smaller and quicker?"), self.tr("click a point to choose it"))
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(plain_label(self.tr("Across"), "muted"))
        self.across = Choice()
        self.across.setObjectName("results.compress.across")
        self.across.setAccessibleName(self.tr("What goes across"))
        self.across.addItem(self.tr("time of an answer"), TIME)
        self.across.addItem(self.tr("size of its files"), SIZE)
        self.across.activated.connect(lambda _: self._draw())
        line.addWidget(self.across, 1)
        card.body.addLayout(line)
        self.plot = ScatterPlot("results.compress.plot")
        self.plot.clicked.connect(self._choose)
        card.body.addWidget(self.plot, 1)
        self.how = plain_label("", "muted", wrap=True)
        self.how.setObjectName("results.compress.how")
        card.body.addWidget(self.how)
        return card

    def _build_words(self) -> QWidget:
        card = Card(self.tr("What to take"), self.tr("Enter exports the chosen one"))
        self.verdict = plain_label("", wrap=True)
        self.verdict.setObjectName("results.compress.verdict")
        card.body.addWidget(self.verdict)
        titles = [
            self.tr("Form"),
            self.tr("Main figure"),
            self.tr("Loses"),
            self.tr("Time"),
            self.tr("Size"),
        ]
        self.table = FigureTable("results.compress.table", self.tr("Forms of the run"), titles)
        self.table.asked.connect(lambda _: self._on_export())
        self.table.itemSelectionChanged.connect(lambda: self._choose(self.table.currentRow()))
        card.body.addWidget(self.table, 1)
        self._line = WorkLine("results.compress", time_words)
        self._line.cancel_asked.connect(self._on_cancel)
        card.body.addWidget(self._line)
        buttons = QWidget()
        row = FlowLayout(buttons)
        self.measure = button(self.tr("Measure here"), "results.compress.measure", self._on_measure)
        self.smaller = button(self.tr("Train a smaller one…"), "results.compress.smaller", self._on_smaller)
        self.export = button(self.tr("Export this…"), "results.compress.export", self._on_export, kind="primary")
        for part in (self.measure, self.smaller, self.export):
            row.addWidget(part)
        card.body.addWidget(buttons)
        return card

    @property
    def chosen(self) -> Point | None:
        """The form that is chosen."""
        place = self.table.currentRow()
        points = () if self._board is None else self._board.points
        return points[place] if 0 <= place < len(points) else None

    def _metric(self) -> Metric | None:
        task = self.hub.task
        return None if task is None or self._board is None else task.metric(self._board.metric)

    def _show(self, board: Board | None) -> None:
        self._board = board
        metric = self._metric()
        if board is None or metric is None:
            words = self.tr(
                "Nothing was measured yet. Measure here writes this run as ONNX, too, and asks each form of it, and "
                "each run that it has taught, about the held-out texts on this machine. Train a smaller one makes a "
                "student that learns from this run."
            )
            self.verdict.setText("" if self._shown is None else words)
            self.how.setText("")
            self.table.show_rows([])
        else:
            from desktop_llm.verbs import compressing

            self.verdict.setText(compressing.words(board, metric))
            self.how.setText(" ".join((compressing.conditions(board), *board.left_out)))
            self.table.show_rows([self._row(one, metric) for one in board.points])
            title = self.table.horizontalHeaderItem(1)
            if title is not None:
                title.setText(metric.title)
            for column in range(1, self.table.columnCount()):
                self.table.resizeColumnToContents(column)
            self.table.setCurrentCell(self._best(metric), 0)
        self._draw()
        self._let()

    def _best(self, metric: Metric) -> int:
        from desktop_llm.verbs import compressing

        assert self._board is not None
        return compressing.best(self._board, metric)

    def _row(self, one: Point, metric: Metric) -> tuple[str, ...]:
        loss = "–"
        if self._board is not None and one != self._board.points[0]:
            sign = -1 if metric.higher_is_better else 1
            loss = result_words.figure(sign * one.gap, metric).replace("-", "−")
        return (
            one.title,
            result_words.figure(one.value, metric),
            loss,
            milliseconds(one.latency),
            formats.megabytes(one.size),
        )

    def _draw(self) -> None:
        board, metric = self._board, self._metric()
        if board is None or metric is None:
            self.plot.show_dots([], "", "")
            return
        by_size = self.across.currentData() == SIZE
        scale = 100.0 if metric.percent else 1.0
        dots = [
            Dot(
                name=one.title,
                x=one.size / 1e6 if by_size else 1000 * one.latency,
                y=scale * one.value,
                low=scale * one.low if math.isfinite(one.low) else math.nan,
                high=scale * one.high if math.isfinite(one.high) else math.nan,
                role=OWN if one.run == board.run else TAUGHT,
                words=self._hint(one, metric),
            )
            for one in board.points
        ]
        across = self.tr("megabytes on disk") if by_size else self.tr("milliseconds for an answer")
        self.plot.show_dots(dots, across, f"{metric.title}, %" if metric.percent else metric.title)
        self.plot.choose(self.table.currentRow())

    def _hint(self, one: Point, metric: Metric) -> str:
        from desktop_llm.verbs import compressing

        return compressing.line(one, metric).replace(": ", "\n", 1).replace(", ", "\n")

    def _choose(self, place: int) -> None:
        if place != self.table.currentRow():
            self.table.setCurrentCell(place, 0)
        self.plot.choose(place)
        self._let()

    def _let(self) -> None:
        shown, project = self._shown, self.hub.project
        there = shown is not None and project is not None and project.runs.folder(shown.run.number).model.is_dir()
        self.measure.setText(self.tr("Measure here") if self._board is None else self.tr("Measure again"))
        self.measure.setEnabled(there and self.hub.writable and self._work is None)
        self.smaller.setEnabled(there and self.hub.writable)
        self.export.setEnabled(self.chosen is not None)

    def _on_measure(self) -> None:
        project, shown = self.hub.project, self._shown
        if project is None or shown is None or self._work is not None:
            return
        number = shown.run.number

        def work(task: Task) -> Board:
            from desktop_llm.gui import elsewhere
            from desktop_llm.verbs import compressing

            return elsewhere.call_telling(task.should_stop, task.progress, compressing.measure_in, project.path, number)

        title = self.tr("Measuring run {number} and its smaller forms").format(number=number)
        self._line.begin(title)
        self._work = self.hub.background.run(
            work,
            on_done=lambda board: self._on_measured(number, board),
            on_error=self._on_error,
            on_progress=self._line.show_progress,
            title=title,
        )
        self._work.ended.connect(self._on_ended)
        self._let()

    def _on_measured(self, number: int, board: Board) -> None:
        if self._shown is not None and self._shown.run.number == number:
            self._show(board)

    def _on_error(self, error: UserError) -> None:
        self.hub.show_error(error)

    def _on_ended(self, task: Task) -> None:
        if task is self._work:
            self._work = None
            self._line.say("")
            self._let()

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def _on_smaller(self) -> None:
        if self._shown is not None:
            from desktop_llm.gui.pages.smaller_dialog import SmallerDialog

            dialog = SmallerDialog(self.hub, self._shown.run, self)
            dialog.made.connect(lambda values: self.hub.page_asked.emit("train", {"values": values}))
            dialog.open()

    def _on_export(self) -> None:
        one = self.chosen
        if one is not None:
            self.hub.page_asked.emit("export", {"run": one.run, "format": one.format})


def milliseconds(seconds: float) -> str:
    """A time of an answer."""
    told = 1000 * seconds
    return f"{told:.1f} ms" if told < 100 else f"{told:,.0f} ms"
