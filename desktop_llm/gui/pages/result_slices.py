"""The tab Slices: how the run fares on parts of the rows, how unlike they are treated, and a floor for exports."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages import result_words
from desktop_llm.gui.pages.result_tab import ResultTab, Shown
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.figure_table import FigureTable
from desktop_llm.widgets.form import Choice

if TYPE_CHECKING:
    from desktop_llm.verbs.floors import Floor
    from desktop_llm.verbs.slicing import Sliced


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What there is to show: by what rows are sliced, and could be, the slices, the labels' balance, and the rule."""

    by: str
    choices: tuple[str, ...]
    sliced: Sliced | None
    balance: str
    floor: Floor | None
    broken: str
    against: str = ""


class SlicesTab(ResultTab):
    """Slices at the left, what is told unlike and the rule at the right."""

    name = "slices"

    def __init__(self, hub: Hub) -> None:
        """Empty."""
        super().__init__(hub, hub.tr("Slices"))
        self._shown: Shown | None = None
        self._told: _Told | None = None
        self._asked: Task | None = None
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        whole.addWidget(self._build_slices(), 1)
        whole.addWidget(self._build_unlike(), 1)

    def show_run(self, shown: Shown | None) -> None:
        """Slice what is shown by what is chosen."""
        self._shown = shown
        if shown is None:
            self.by.clear()
        self._ask()

    def _build_slices(self) -> QWidget:
        self._slices = Card(self.tr("Slices"), self.tr("Enter opens the texts of one"))
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(plain_label(self.tr("By"), "muted"))
        self.by = Choice()
        self.by.setObjectName("results.slices.by")
        self.by.setAccessibleName(self.tr("Slice by"))
        self.by.activated.connect(lambda _: self._ask())
        line.addWidget(self.by, 1)
        self.save = button(self.tr("Save report…"), "results.slices.save", self._on_save)
        line.addWidget(self.save)
        self._slices.body.addLayout(line)
        self.verdict = plain_label("", wrap=True)
        self.verdict.setObjectName("results.slices.verdict")
        self._slices.body.addWidget(self.verdict)
        titles = [
            self.tr("Slice"),
            self.tr("Texts"),
            self.tr("Main figure"),
            self.tr("All others"),
            self.tr("Differs?"),
        ]
        self.table = FigureTable("results.slices.table", self.tr("Slices"), titles)
        self.table.asked.connect(self._on_slice)
        self._slices.body.addWidget(self.table, 1)
        return self._slices

    def _build_unlike(self) -> QWidget:
        card = Card(self.tr("Told alike?"), self.tr("in points between slices; Enter shows what limits would mend"))
        self.unlike = plain_label("", wrap=True)
        self.unlike.setObjectName("results.slices.unlike")
        card.body.addWidget(self.unlike)
        titles = [self.tr("Label"), self.tr("How often told"), self.tr("Found"), self.tr("Wrongly told")]
        self.gaps = FigureTable("results.slices.gaps", self.tr("Differences by label"), titles)
        self.gaps.asked.connect(self._on_label)
        card.body.addWidget(self.gaps, 1)
        self.balance = plain_label("", "muted", wrap=True)
        self.balance.setObjectName("results.slices.balance")
        card.body.addWidget(self.balance)
        card.body.addLayout(self._build_rule())
        self.rule = plain_label("", "muted", wrap=True)
        self.rule.setObjectName("results.slices.rule")
        card.body.addWidget(self.rule)
        return card

    def _build_rule(self) -> QVBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(8)
        self.refuse = QCheckBox(self.tr("Refuse exports where the worst slice is worse than"))
        self.refuse.setObjectName("results.slices.refuse")
        self.refuse.setAccessibleName(self.refuse.text())
        self.refuse.clicked.connect(lambda _: self._on_rule())
        self.floor = QLineEdit()
        self.floor.setObjectName("results.slices.floor")
        self.floor.setAccessibleName(self.tr("Floor"))
        self.floor.setFixedWidth(72)
        self.floor.editingFinished.connect(self._on_floor)
        self.unit = plain_label("%", "muted")
        for part in (self.refuse, self.floor, self.unit):
            line.addWidget(part)
        line.addStretch(1)
        whole = QVBoxLayout()
        whole.addLayout(line)
        return whole

    def _ask(self) -> None:
        project, shown, wanted = self.hub.project, self._shown, self.by.currentData()
        if self._asked is not None:
            self._asked.cancel()
        if project is None or shown is None:
            self._show(None)
            return

        def work(task: Task) -> _Told:
            from desktop_llm.verbs import floors, slicing

            choices = slicing.choices(project)
            by = wanted if wanted in choices else choices[0]
            floor, broken, told = floors.of(project), "", None
            if shown.outcomes is not None and len(shown.outcomes):
                stop = task.should_stop
                told = slicing.of(project, shown.run.number, shown.on, by, told=shown.outcomes, should_stop=stop)
                ruled = told
                if floor is not None and floor.by != by:
                    ruled = slicing.of(
                        project, shown.run.number, shown.on, floor.by, told=shown.outcomes, should_stop=stop
                    )
                broken = "" if floor is None else floors.broken(ruled, floor)
            balance = ""
            if by != slicing.LABEL and self._has_classes():
                balance = slicing.balance(project, by, should_stop=task.should_stop).words
            against = "" if told is None else self._against(told, by, shown, task)
            return _Told(
                by=by, choices=choices, sliced=told, balance=balance, floor=floor, broken=broken, against=against
            )

        self._asked = self.hub.background.run(work, on_done=self._show)

    def _against(self, told: Sliced, by: str, shown: Shown, task: Task) -> str:
        """How the worst slice fares against the other runs that are marked."""
        project = self.hub.project
        if project is None or told.worst is None:
            return ""
        words = []
        from desktop_llm.verbs import slicing

        for other in shown.runs[1:]:
            with suppress(UserError):  # it was not measured on this
                numbers = shown.run.number, other.number
                stop = task.should_stop
                words.append(slicing.against(project, *numbers, shown.on, by, told.worst.name, should_stop=stop))
        return "\n".join(words)

    def _has_classes(self) -> bool:
        return self.hub.task is not None and self.hub.task.classes

    def _show(self, told: _Told | None) -> None:
        self._told = told
        if told is not None and [self.by.itemData(place) for place in range(self.by.count())] != list(told.choices):
            chosen = self.by.currentData()
            self.by.clear()
            for name in told.choices:
                self.by.addItem(name.removeprefix("column:"), name)
            self.by.setCurrentIndex(max(0, self.by.findData(chosen)))
        sliced = None if told is None else told.sliced
        self.save.setEnabled(sliced is not None)
        nothing = self.tr("The run was not measured on this yet; measure it above.")
        words = nothing if sliced is None else sliced.words
        self.verdict.setText("\n".join(one for one in (words, "" if told is None else told.against) if one))
        self._show_slices(sliced)
        self._show_gaps(sliced)
        labels = "" if told is None or not told.balance else self.tr("Labels to learn from: {words}")
        self.balance.setText(labels.format(words="" if told is None else told.balance))
        self.balance.setVisible(bool(labels))
        self._show_rule(told)

    def _show_slices(self, sliced: Sliced | None) -> None:
        if sliced is None:
            self.table.show_rows([])
            return
        metric, rows = sliced.metric, []
        for one in sliced.slices:
            value = one.figures[metric.name]
            apart = self.tr("no")
            if one.gap.excludes_nought:
                better = (one.gap.value > 0) == metric.higher_is_better
                apart = self.tr("better") if better else self.tr("worse")
            rows.append(
                (
                    one.name,
                    f"{len(one):,}",
                    result_words.with_limits(value.value, value, metric),
                    result_words.figure(one.rest, metric),
                    apart,
                )
            )
        title = self.table.horizontalHeaderItem(2)
        if title is not None:
            title.setText(metric.title)
        self.table.show_rows(rows)
        self.table.resizeColumnToContents(2)

    def _show_gaps(self, sliced: Sliced | None) -> None:
        gaps = () if sliced is None else sliced.gaps
        self.unlike.setText("" if sliced is None else sliced.gap_words or self.tr("Nothing to compare by this."))
        shares = [(one.label, (one.parity, one.hits, one.alarms)) for one in gaps]
        self.gaps.show_rows([(label, *map(result_words.points, values)) for label, values in shares])

    def _show_rule(self, told: _Told | None) -> None:
        floor, task = None if told is None else told.floor, self.hub.task
        percent = task is not None and task.metrics[0].percent
        for part in (self.refuse, self.floor):
            part.setEnabled(self.hub.writable and told is not None)
        self.refuse.setChecked(floor is not None)
        self.unit.setVisible(percent)
        if floor is not None:
            self.floor.setText(f"{100 * floor.value:g}" if percent else f"{floor.value:g}")
        elif not self.floor.text():
            self.floor.setText("80" if percent else "0.8")
        if told is None or floor is None:
            self.rule.setText("")
        elif told.broken:
            self.rule.setText(self.tr("This run may not be exported: {words}").format(words=told.broken))
        else:
            words = self.tr("This run may be exported: its worst slice by {by} reaches the floor.")
            self.rule.setText(words.format(by=floor.by))
        self.rule.setVisible(bool(self.rule.text()))

    def _on_floor(self) -> None:
        if self.refuse.isChecked() and self._told is not None:
            self._on_rule()

    def _on_rule(self) -> None:
        project, task, by = self.hub.project, self.hub.task, self.by.currentData()
        if project is None or task is None or self._told is None:
            return
        kept = self._told.floor
        try:
            value = float(self.floor.text().replace(",", ".").replace("%", "").strip())
        except ValueError:
            self.hub.show_error(UserError(self.tr("The floor is a number, such as 80.")))
            return
        value = value / 100 if task.metrics[0].percent else value
        wanted, name = self.refuse.isChecked(), str(kept.by if kept is not None else by)

        def work(_: Task) -> None:
            from desktop_llm.verbs import floors
            from desktop_llm.verbs.floors import Floor

            floors.put(project, Floor(by=name, value=value) if wanted else None)

        self.hub.background.run(work, on_done=lambda _: self._ask())

    def _on_slice(self, name: str) -> None:
        sliced = None if self._told is None else self._told.sliced
        if sliced is not None and name in sliced.keys:
            self.these_asked.emit(list(sliced.keys[name]), self.tr("{by}: {name}").format(by=sliced.by, name=name))

    def _on_label(self, name: str) -> None:
        """A limit for each slice, that finds as much of this label everywhere."""
        told, shown = self._told, self._shown
        if told is None or shown is None:
            return
        from desktop_llm.gui.pages.limits_dialog import LimitsDialog

        dialog = LimitsDialog(self.hub, self, shown, told.by, name)
        dialog.measure_asked.connect(lambda: self.measure_asked.emit(0))
        dialog.open()

    def _on_save(self) -> None:
        if self._shown is not None:
            start = f"slices-run{self._shown.run.number}.md"
            chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Save the report"), start, "Markdown (*.md)")
            if chosen:
                self.save_to(Path(chosen))

    def save_to(self, path: Path) -> None:
        """Write the report of all slicings to a file."""
        project, shown, told = self.hub.project, self._shown, self._told
        if project is None or shown is None or told is None:
            return
        number, on, choices = shown.run.number, shown.on, told.choices

        def work(task: Task) -> None:
            from desktop_llm.verbs import slice_report

            slice_report.write(project, number, on, choices, path, should_stop=task.should_stop)

        words = self.tr("The report is in {path}.").format(path=path)
        self.hub.background.run(work, on_done=lambda _: self.hub.show_message(words), title=self.tr("Slicing"))
