"""The tab Compare: whether marked runs differ by more than chance, in words, with the rows and curves behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.compare_curves import CompareCurves
from desktop_llm.gui.pages.result_tab import ResultTab, Shown
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.flow import FlowLayout
from desktop_llm.widgets.form import Choice
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view

if TYPE_CHECKING:
    from desktop_llm.verbs.comparing import Comparison

RowsKind = str
BETTER, WORSE, NONE = "better", "worse", "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What came of comparing with another run: a comparison, or why there is none, and which run to measure then."""

    number: int
    found: Comparison | None
    problem: str = ""
    unmeasured: int = 0


class CompareTab(ResultTab):
    """The verdict and a table at the left, overlaid curves at the right."""

    name = "compare"

    def __init__(self, hub: Hub) -> None:
        """Empty."""
        super().__init__(hub, hub.tr("Compare"))
        self._shown: Shown | None = None
        self._told: dict[int, _Told] = {}
        self._asked: Task | None = None
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        whole.addWidget(self._build_verdict(), 3)  # its last column holds the longest words
        self.curves = CompareCurves(hub)
        whole.addWidget(self.curves, 2)

    def show_run(self, shown: Shown | None) -> None:
        """Compare the chosen run with the others that are marked, or with the one before it."""
        self._shown, project = shown, self.hub.project
        if self._asked is not None:
            self._asked.cancel()
        if shown is None or project is None:
            self._take([])
            self.curves.show_runs(None, [])
            return
        others = [one for one in shown.runs if one.number != shown.run.number]
        if not others:
            earlier = [one for one in shown.every if one.number < shown.run.number and one.ended]
            later = [one for one in reversed(shown.every) if one.number > shown.run.number and one.ended]
            others = (earlier or later)[:1]
        self.curves.show_runs(shown, [shown.run, *others])
        first, numbers, on = shown.run.number, [one.number for one in others], shown.on

        def work(task: Task) -> list[_Told]:
            from desktop_llm.verbs import comparing

            told = []
            for number in numbers:
                try:
                    found = comparing.between(project, first, number, on, should_stop=task.should_stop)
                    told.append(_Told(number=number, found=found))
                except UserError as error:
                    missing = comparing.unmeasured(project, (first, number), on)
                    told.append(_Told(number=number, found=None, problem=error.message, unmeasured=missing))
            return told

        self._asked = self.hub.background.run(work, on_done=self._take)

    def _build_verdict(self) -> QWidget:
        self._card = Card(self.tr("Is it better?"), self.tr("mark several runs above with Ctrl"))
        body = self._card.body
        self.other = Choice()
        self.other.setObjectName("results.compare.other")
        self.other.setAccessibleName(self.tr("Compared with"))
        self.other.activated.connect(lambda _: self._show())
        body.addWidget(self.other)
        self.verdict = plain_label("", wrap=True)
        self.verdict.setObjectName("results.compare.verdict")
        body.addWidget(self.verdict)
        self._grid = TextGrid(self)
        self.table = grid_view(self._grid, "results.compare.table", self.tr("Figures of both"))
        body.addWidget(self.table, 1)
        buttons = QWidget()
        line = FlowLayout(buttons)
        self._buttons = {
            kind: button("", f"results.compare.{kind}", partial(self._on_rows, kind)) for kind in (BETTER, WORSE, NONE)
        }
        self._measure = button("", "results.compare.measure", self._on_measure)
        self._differs = button(self.tr("What else differs…"), "results.compare.differs", self._on_differs)
        for part in (*self._buttons.values(), self._measure, self._differs):
            line.addWidget(part)
        body.addWidget(buttons)
        self.caution = plain_label("", "muted", wrap=True)
        self.caution.setObjectName("results.compare.caution")
        body.addWidget(self.caution)
        self._rest = QWidget()  # what is left of the card where there is no table
        body.addWidget(self._rest, 1)
        return self._card

    def _take(self, told: list[_Told]) -> None:
        chosen = self.other.currentData()
        self._told = {one.number: one for one in told}
        self.other.clear()
        for one in told:
            self.other.addItem(self.tr("with run {number}").format(number=one.number), one.number)
        self.other.setCurrentIndex(max(0, self.other.findData(chosen)))
        self.other.setVisible(len(told) > 1)
        self._show()

    def _show(self) -> None:
        one = self._told.get(self.other.currentData())
        found = one.found if one is not None else None
        self._differs.setVisible(one is not None)
        self._measure.setVisible(one is not None and bool(one.unmeasured) and self.hub.writable)
        for part in (self.table, self.caution):
            part.setVisible(found is not None)
        self._rest.setVisible(found is None)
        for row_button in self._buttons.values():
            row_button.setVisible(False)
        if found is None:
            self._tell_problem(one)
            return
        self.verdict.setText(
            "\n".join(told.found.words if told.found else told.problem for told in self._told.values())
        )
        self.caution.setText(" ".join(found.remarks))
        self._show_table(found)
        self._show_rows(found)

    def _tell_problem(self, one: _Told | None) -> None:
        if one is not None:
            self.verdict.setText(one.problem)
            self._measure.setText(self.tr("Measure run {number}").format(number=one.unmeasured))
        elif self._shown is None:
            self.verdict.setText("")
        else:
            self.verdict.setText(self.tr("There is no other run yet; train one with another recipe to compare."))

    def _show_table(self, found: Comparison) -> None:
        from desktop_llm.verbs.comparing import amount, signed

        titles = [self.tr("Measure"), *(self._run_words(one) for one in (found.first, found.second))]
        titles += [self.tr("Differs?"), self.tr("Difference")]
        rows = []
        for metric in found.metrics:
            told, values = found.figures[metric.name], found.mains[metric.name]
            ends = [signed(one, metric).removesuffix(" points") for one in (told.value, told.low, told.high)]
            difference = f"{ends[0]} ({ends[1]} … {ends[2]})" if told.sure else ends[0]
            apart = self.tr("no")
            if told.excludes_nought:
                better = (told.value > 0) == metric.higher_is_better
                apart = self.tr("better") if better else self.tr("worse")
            rows.append((metric.title, *(amount(one, metric) for one in values), apart, difference))
        self._grid.show_rows(titles, rows)
        fit_columns(self.table)

    def _show_rows(self, found: Comparison) -> None:
        first, second = found.first, found.second
        words = {
            BETTER: self.tr("{count:,} only run {number} has right ›").format(count=len(found.better), number=first),
            WORSE: self.tr("{count:,} only run {number} has right ›").format(count=len(found.worse), number=second),
            NONE: self.tr("{count:,} both have wrong ›").format(count=len(found.both_wrong)),
        }
        if not found.judged:
            words[BETTER] = self.tr("{count:,} run {number} does better ›").format(
                count=len(found.better), number=first
            )
            words[WORSE] = self.tr("{count:,} run {number} does better ›").format(count=len(found.worse), number=second)
        counts = {BETTER: found.better, WORSE: found.worse, NONE: found.both_wrong if found.judged else ()}
        for kind, part in self._buttons.items():
            part.setText(words[kind])
            part.setAccessibleName(words[kind])
            part.setVisible(bool(counts[kind]))

    def _run_words(self, number: int) -> str:
        return self.tr("Run {number}").format(number=number)

    def _on_rows(self, kind: RowsKind) -> None:
        one = self._told.get(self.other.currentData())
        if one is None or one.found is None:
            return
        found = one.found
        ids = {BETTER: found.better, WORSE: found.worse, NONE: found.both_wrong}[kind]
        words = self._buttons[kind].text().removesuffix(" ›")
        self.these_asked.emit(list(ids), words)

    def _on_measure(self) -> None:
        one = self._told.get(self.other.currentData())
        if one is not None and one.unmeasured:
            self.measure_asked.emit(one.unmeasured)

    def _on_differs(self) -> None:
        from desktop_llm.gui.pages.run_differs import DiffersDialog

        if self._shown is not None:
            chosen = self.other.currentData()
            DiffersDialog(self.hub, self._shown.run, self._shown.every, self, against=chosen).show()
