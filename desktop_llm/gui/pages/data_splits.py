"""The tab Splits: by what rule rows are held out for validation and test, what that gives, and doing it now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt, QTimer
from PySide6.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QProgressBar, QVBoxLayout

from desktop_llm.data.splits import METHODS
from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data_tab import DataTab
from desktop_llm.gui.undoing import undo_of
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.form import Choice, Percent, WholeNumber, row_title
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.splitting import Dealt, Rule

REST_MS = 250
WIDTH = 380
MOST_PERCENT = 90
STEPS = 1000
"""Of the bar."""
BY_COLUMN = ("group", "time")


class SplitsTab(DataTab):
    """The rule at the left, rows by label and split at the right."""

    name = "splits"

    def __init__(self, hub: Hub) -> None:
        """Empty until a project is open."""
        super().__init__(hub, hub.tr("Splits"))
        self._dealing: Task | None = None
        self._work: Task | None = None
        self._done: Outcome | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self._deal)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        left = QVBoxLayout()
        left.addWidget(self._build_rule())
        left.addStretch(1)
        whole.addLayout(left)
        whole.addWidget(self._build_counts(), 1)

    def set_project(self, project: Project | None) -> None:
        """Forget the rule of the one before."""
        super().set_project(project)
        self._timer.stop()
        self._work, self._done = None, None
        self.words.setText("")
        self._grid.show_rows((), ())
        task = self.hub.task
        of_all = task is not None and task.unsupervised
        self._card.set_title(self.tr("Rows by split") if of_all else self.tr("Labeled rows by label and split"))
        self._show()

    def reload(self) -> None:
        """Read the project's rule and its columns, then what the rule gives."""
        super().reload()
        project = self.hub.project
        if project is None:
            return

        def read(_: Task) -> tuple[Rule, list[str]]:
            from desktop_llm.verbs import splitting

            return splitting.rule(project), project.items.columns()

        def show(told: tuple[Rule, list[str]]) -> None:
            if self.hub.project is project:
                self._show_rule(*told)
                self._deal()

        self.hub.background.run(read, on_done=show)

    def _build_rule(self) -> Card:
        card = Card(self.tr("How rows are held out"))
        card.setFixedWidth(WIDTH)
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.method = Choice()
        for way, words in METHODS.items():
            self.method.addItem(QCoreApplication.translate("SplitMethods", words), way)
        self.column = Choice()
        self.column.let_narrow()
        self.validation, self.test, self.seed = Percent(), Percent(), WholeNumber()
        for box in (self.validation, self.test):
            box.setRange(0, MOST_PERCENT)
        self.seed.setRange(0, 2**31 - 1)
        for title, name, control in (
            (self.tr("Method"), "method", self.method),
            (self.tr("Column"), "column", self.column),
            (self.tr("Validation"), "validation", self.validation),
            (self.tr("Test"), "test", self.test),
            (self.tr("Seed"), "seed", self.seed),
        ):
            control.setObjectName(f"splits.{name}")
            control.setAccessibleName(title)
            form.addRow(row_title(title), control)
        for choice in (self.method, self.column):
            choice.currentIndexChanged.connect(lambda _: self._on_changed())
        for number in (self.validation, self.test, self.seed):
            number.valueChanged.connect(lambda _: self._on_changed())
        card.body.addLayout(form)
        self.again = QCheckBox(self.tr("Deal out all rows anew"))
        self.again.setObjectName("splits.again")
        self.again.setAccessibleName(self.again.text())
        self.again.setToolTip(self.tr("Else a row that has a split keeps it, so that figures can be compared."))
        self.again.toggled.connect(lambda _: self._on_changed())
        card.body.addWidget(self.again)
        note = self.tr("Runs to come hold out by this rule; which rows follows from their text, not from their order.")
        card.body.addWidget(plain_label(note, "muted", wrap=True))
        return card

    def _build_counts(self) -> Card:
        self._card = Card(self.tr("Labeled rows by label and split"), " ")
        self._grid = TextGrid(self)
        self.table = grid_view(self._grid, "splits.counts", self.tr("Labeled rows by label and split"))
        self._card.body.addWidget(self.table, 1)
        self._bar = QProgressBar()
        self._bar.setObjectName("splits.progress")
        self._bar.setAccessibleName(self.tr("Progress of dealing out"))
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        self._bar.hide()
        self._card.body.addWidget(self._bar)
        line = QHBoxLayout()
        line.setSpacing(8)
        self.words = plain_label("", "muted", wrap=True)
        self.words.setObjectName("splits.words")
        self._undo = button(self.tr("Undo"), "splits.undo", self._on_undo, kind="quiet")
        self._cancel = button(self.tr("Cancel"), "splits.cancel", self._on_cancel)
        self.go = button(self.tr("Deal out now"), "splits.apply", self._on_apply, kind="primary")
        line.addWidget(self.words, 1)
        for widget in (self._undo, self._cancel, self.go):
            line.addWidget(widget)
        self._card.body.addLayout(line)
        return self._card

    def rule(self) -> Rule:
        """What the controls say."""
        from desktop_llm.verbs.splitting import Rule

        return Rule(
            method=self.method.currentData(),
            validation=round(self.validation.value() / 100, 4),
            test=round(self.test.value() / 100, 4),
            seed=self.seed.value(),
            column=self.column.currentData() or "",
        )

    def _show_rule(self, told: Rule, columns: list[str]) -> None:
        controls = (self.method, self.column, self.validation, self.test, self.seed)
        for control in controls:
            control.blockSignals(True)
        self.method.setCurrentIndex(max(0, self.method.findData(told.method)))
        self.column.clear()
        self.column.addItem(self.tr("choose…"), "")
        for column in columns:
            self.column.addItem(column, column)
        self.column.setCurrentIndex(max(0, self.column.findData(told.column)))
        self.validation.setValue(round(100 * told.validation, 2))
        self.test.setValue(round(100 * told.test, 2))
        self.seed.setValue(told.seed)
        for control in controls:
            control.blockSignals(False)
        self._show()

    def _show(self) -> None:
        free = self.hub.writable and self._work is None
        for control in (self.method, self.validation, self.test, self.seed, self.again):
            control.setEnabled(free)
        self.column.setEnabled(free and self.method.currentData() in BY_COLUMN)
        self.go.setEnabled(free)
        self._bar.setVisible(self._work is not None)
        self._cancel.setVisible(self._work is not None)
        self._undo.setVisible(free and self._done is not None)

    def _on_changed(self) -> None:
        self._done = None
        self.words.setText("")
        self._show()
        self._timer.start()

    def _deal(self) -> None:
        """Show what the rule gives."""
        project, rule, again = self.hub.project, self.rule(), self.again.isChecked()
        if project is None:
            return
        if self._dealing is not None:
            self._dealing.cancel()
        self._card.set_note(self.tr("counting…"))

        def work(task: Task) -> Dealt:
            from desktop_llm.verbs import splitting

            return splitting.deal(project, rule, again=again, should_stop=task.should_stop)

        def show(dealt: Dealt) -> None:
            if self.hub.project is project:
                self._show_dealt(dealt)

        self._dealing = self.hub.background.run(work, on_done=show, on_error=self._on_error)

    def _show_dealt(self, dealt: Dealt) -> None:
        names = ("train", "validation", "test")
        rows = [
            (stratum, *(f"{told.get(name, 0):,}" for name in names), f"{sum(told.values()):,}")
            for stratum, told in sorted(dealt.counts.items(), key=lambda pair: pair[0].casefold())
        ]
        sides = Counter(dealt.split_of.values())  # a row may count for several labels
        total = [sides[name] for name in names]
        if rows:
            rows.append((self.tr("All"), *(f"{count:,}" for count in total), f"{sum(total):,}"))
        task = self.hub.task
        kind = self.tr("Rows") if task is not None and task.unsupervised else self.tr("Label")
        titles = (kind, self.tr("Training"), self.tr("Validation"), self.tr("Test"), self.tr("All"))
        self._grid.show_rows(titles, rows)
        fit_columns(self.table)
        self._card.set_note(self.tr("{count:,} rows get a split").format(count=len(dealt.new)))
        self.go.setEnabled(self.hub.writable and self._work is None and bool(rows))

    def _on_error(self, error: UserError) -> None:
        self._card.set_note("")
        self._grid.show_rows((), ())
        self.words.setText(error.message)
        self.go.setEnabled(False)

    def _on_apply(self) -> None:
        project, rule, again = self.hub.project, self.rule(), self.again.isChecked()
        labeler = self.hub.settings.labeler
        if project is None:
            return

        def work(task: Task) -> Outcome:
            from desktop_llm.verbs import splitting

            return splitting.apply(
                project,
                rule,
                again=again,
                labeler=labeler,
                on_progress=task.progress,
                should_stop=task.should_stop,
            )

        self._start(self.tr("Dealing out rows"), work, self._on_done)

    def _on_done(self, outcome: Outcome) -> None:
        many = self.tr("{count:,} rows have another split now.").format(count=outcome.changed)
        self.words.setText(many if outcome.changed else self.tr("The rule is kept; all rows had their split already."))
        self.again.setChecked(False)
        self._done = outcome if outcome.changed else None
        self.hub.changed.emit(outcome.changes)

    def _on_undo(self) -> None:
        project, done = self.hub.project, self._done
        if project is None or done is None:
            return

        def undone(outcome: Outcome) -> None:
            self.words.setText(self.tr("{count:,} rows are as before.").format(count=outcome.changed))
            self.hub.changed.emit(outcome.changes)

        self._done = None
        self._start(self.tr("Undoing"), undo_of(project, done), undone)

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def _start(self, title: str, work: Callable[[Task], Outcome], on_done: Callable[[Outcome], object]) -> None:
        self.words.setText(title + "…")
        self._bar.setValue(0)
        self._work = self.hub.background.run(
            work,
            on_done=on_done,
            on_progress=lambda fraction, _: self._bar.setValue(round(STEPS * fraction)),
            title=title,
        )
        self._work.ended.connect(self._on_ended)
        self._show()

    def _on_ended(self, task: Task) -> None:
        if task is self._work:
            self._work = None
            if task.error is not None:
                self.words.setText(self.tr("Stopped; nothing was changed.") if task.cancelled else "")
            self._show()

    def take_focus(self) -> None:
        """To the method."""
        self.method.setFocus(Qt.FocusReason.OtherFocusReason)
