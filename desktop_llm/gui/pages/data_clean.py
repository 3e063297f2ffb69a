"""The tab Clean: steps at the left, what they would do to real rows at the right, and labels and splits put right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.clean_steps import CleanSteps
from desktop_llm.gui.pages.data_tab import DataTab
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.differences import Difference, Differences

if TYPE_CHECKING:
    from desktop_llm.data.cleaning.preview import Sample
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.cleaning import Look

REST_MS = 300
STEPS = 1000


class CleanTab(DataTab):
    """Nothing is changed before Apply, and History takes it back."""

    name = "clean"

    def __init__(self, hub: Hub) -> None:
        """The preview comes once a project is open."""
        super().__init__(hub, hub.tr("Clean"))
        self._looking: Task | None = None
        self._work: Task | None = None
        self._done: Outcome | None = None
        self.steps = CleanSteps()
        self.steps.changed.connect(self._on_changed)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self.reload)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        whole.addWidget(self.steps)
        right = QVBoxLayout()
        right.setSpacing(16)
        right.addWidget(self._build_preview(), 1)
        right.addWidget(self._build_further())
        whole.addLayout(right, 1)

    def set_project(self, project: Project | None) -> None:
        """Forget the rows of the one before."""
        super().set_project(project)
        self._timer.stop()
        self._work, self._done = None, None
        task = self.hub.task
        self._variants.setVisible(task is None or task.classes)
        self.preview.show_differences([])
        self._words.setText("")
        self._show_buttons()

    def reload(self) -> None:
        """Look at the first rows again."""
        super().reload()
        self._timer.stop()
        project = self.hub.project
        if self._looking is not None:
            self._looking.cancel()
        if project is None or self._work is not None:
            return
        try:
            steps = self.steps.steps()
        except ValueError as error:
            self._card.set_note(self.tr("“{title}” has no value that fits").format(title=error))
            return
        self._card.set_note(self.tr("looking…"))

        def work(task: Task) -> Look:
            from desktop_llm.verbs import cleaning

            return cleaning.look(project, steps, should_stop=task.should_stop)

        def show(told: Look) -> None:
            if self.hub.project is project:
                self._show_look(told)

        self._looking = self.hub.background.run(work, on_done=show)
        self._show_buttons()

    def state(self) -> dict[str, Any]:
        """The chosen steps."""
        return {"steps": self.steps.state()}

    def restore(self, told: dict[str, Any]) -> None:
        """As last time."""
        if isinstance(told.get("steps"), dict):
            self.steps.restore(told["steps"])

    def _build_preview(self) -> Card:
        self._card = Card(self.tr("What would change"), " ")
        self.preview = Differences("clean.preview", self.tr("Rows before and after"))
        self.preview.setPlaceholderText(self.tr("The steps at the left change nothing in the first rows."))
        self._card.body.addWidget(self.preview, 1)
        self._bar = QProgressBar()
        self._bar.setObjectName("clean.progress")
        self._bar.setAccessibleName(self.tr("Progress of the cleaning"))
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        self._bar.hide()
        self._card.body.addWidget(self._bar)
        line = QHBoxLayout()
        line.setSpacing(8)
        self._words = plain_label("", "muted", wrap=True)
        self._words.setObjectName("clean.words")
        self._undo = button(self.tr("Undo"), "clean.undo", self._on_undo, kind="quiet")
        self._cancel = button(self.tr("Cancel"), "clean.cancel", self._on_cancel)
        self.go = button(self.tr("Apply to all rows"), "clean.apply", self._on_apply, kind="primary")
        line.addWidget(self._words, 1)
        for widget in (self._undo, self._cancel, self.go):
            line.addWidget(widget)
        self._card.body.addLayout(line)
        return self._card

    def _build_further(self) -> Card:
        card = Card(self.tr("Labels and splits"), self.tr("each can be undone"))
        line = QHBoxLayout()
        line.setSpacing(8)
        said = self.tr("Labels spelled in several ways become one; training rows that are held out, too, go.")
        self._variants = button(self.tr("Merge label spellings"), "clean.variants", self._on_variants)
        self._variants.setToolTip(self.tr("Labels that are one, spelled in several ways, become the one used most."))
        self._leaks = button(self.tr("Remove leaks from training"), "clean.leaks", self._on_leaks)
        self._leaks.setToolTip(
            self.tr("Training rows that are held out for measuring, too, or nearly so, go into the bin.")
        )
        line.addWidget(plain_label(said, "muted", wrap=True), 1)
        line.addWidget(self._variants)
        line.addWidget(self._leaks)
        card.body.addLayout(line)
        return card

    def _show_look(self, told: Look) -> None:
        self.preview.show_differences([self._difference(one) for one in told.samples])
        words = self.tr("of the first {seen:,} rows {changed:,} would change, {dropped:,} go")
        self._card.set_note(words.format(seen=told.seen, changed=told.changed, dropped=told.dropped))

    def _difference(self, one: Sample) -> Difference:
        steps = ", ".join(one.steps)
        if one.dropped:
            heading = self.tr("Row {id} goes: it {reason}").format(id=one.id, reason=one.dropped)
            return Difference(heading=heading, before=one.before, after=None)
        return Difference(
            heading=self.tr("Row {id} · {steps}").format(id=one.id, steps=steps),
            before=one.before,
            after=one.after,
            gone=[(place.start, place.end) for place in one.places],
            come=[(place.after_start, place.after_end) for place in one.places],
        )

    def _show_buttons(self) -> None:
        free = self.hub.writable and self._work is None
        for widget in (self.go, self._variants, self._leaks):
            widget.setEnabled(free)
            widget.setToolTip(widget.toolTip() if self.hub.writable else self.tr("This project can only be read now."))
        self._cancel.setVisible(self._work is not None)
        self._bar.setVisible(self._work is not None)
        self._undo.setVisible(free and self._done is not None)

    def _on_changed(self) -> None:
        self._done = None
        self._words.setText("")
        self._show_buttons()
        self._timer.start()

    def _on_apply(self) -> None:
        project, labeler = self.hub.project, self.hub.settings.labeler
        try:
            steps = self.steps.steps()
        except ValueError:
            return
        if project is None:
            return

        def work(task: Task) -> Outcome:
            from desktop_llm.verbs import cleaning

            return cleaning.apply(
                project, steps, labeler=labeler, on_progress=task.progress, should_stop=task.should_stop
            )

        self._start(self.tr("Cleaning"), work)

    def _on_variants(self) -> None:
        project, labeler = self.hub.project, self.hub.settings.labeler
        if project is None:
            return

        def work(task: Task) -> Outcome | None:
            from desktop_llm.verbs import cleaning

            found = cleaning.variants(project)
            return cleaning.merge(project, found, labeler=labeler, should_stop=task.should_stop) if found else None

        self._start(self.tr("Merging labels"), work)

    def _on_leaks(self) -> None:
        project, labeler = self.hub.project, self.hub.settings.labeler
        if project is None:
            return

        def work(task: Task) -> Outcome | None:
            from desktop_llm.verbs import cleaning

            found = cleaning.leaks(project, task.should_stop)
            return cleaning.drop_leaks(project, found, labeler=labeler, should_stop=task.should_stop) if found else None

        self._start(self.tr("Looking for leaks"), work)

    def _on_undo(self) -> None:
        project, done = self.hub.project, self._done
        if project is None or done is None:
            return

        def work(task: Task) -> Outcome:
            return project.operations.undo(done.operation, should_stop=task.should_stop)

        self._start(self.tr("Undoing"), work, undoing=True)

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def _start(self, title: str, work: Callable[[Task], Outcome | None], *, undoing: bool = False) -> None:
        self._done = None
        self._words.setText(title + "…")
        self._bar.setValue(0)
        task = self.hub.background.run(
            work,
            on_done=lambda outcome: self._on_done(outcome, undoing=undoing),
            on_progress=lambda fraction, _: self._bar.setValue(round(STEPS * fraction)),
            title=title,
        )
        self._work = task
        task.ended.connect(self._on_ended)
        self._show_buttons()

    def _on_done(self, outcome: Outcome | None, *, undoing: bool) -> None:
        if outcome is None or not outcome.changed:
            self._words.setText(self.tr("Nothing was found; all rows are as before."))
            return
        one = self.tr("1 row is as before.") if undoing else self.tr("1 row changed.")
        many = self.tr("{count:,} rows are as before.") if undoing else self.tr("{count:,} rows changed.")
        words = one if outcome.changed == 1 else many.format(count=outcome.changed)
        if outcome.cut:
            words += " " + self.tr("{count:,} spans were cut and taken away.").format(count=outcome.cut)
        self._words.setText(words)
        self._done = None if undoing else outcome
        self.hub.changed.emit(outcome.changes)

    def _on_ended(self, task: Task) -> None:
        if task is not self._work:
            return
        self._work = None
        if task.error is not None or task.cancelled:
            self._words.setText(self.tr("Stopped; nothing was changed.") if task.cancelled else "")
        self._show_buttons()
        self._timer.start()
