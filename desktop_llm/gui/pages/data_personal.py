"""The tab Personal: find personal data in all rows, look at it kind by kind, let it stay, mask it or replace it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop_llm.data.personal.find import KINDS, Kind
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.data_tab import DataTab
from desktop_llm.gui.pages.personal_finds import FindsCard
from desktop_llm.gui.pages.personal_kinds import KindsGrid
from desktop_llm.gui.pages.personal_originals import OriginalsCard
from desktop_llm.rows import Changes
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.personal import Found

STEPS = 1000
WIDTH = 480
BAR = 12
"""Beside it, where a scroll bar comes when it is needed."""


class PersonalTab(DataTab):
    """Nothing is looked for before the person asks, and nothing changed before Apply."""

    name = "personal"

    def __init__(self, hub: Hub) -> None:
        """Empty until it is asked to look."""
        super().__init__(hub, hub.tr("Personal data"))
        self._found: Found | None = None
        self._kind: Kind = KINDS[0]
        self._work: Task | None = None
        self._done: list[Outcome] = []
        self._forgetting = False
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        inner = QWidget()
        left = QVBoxLayout(inner)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(16)
        left.addWidget(self._build_kinds())
        left.addWidget(self._build_rule())
        self.originals = OriginalsCard(hub)
        self.originals.setFixedWidth(WIDTH)
        self.originals.forgotten.connect(self._on_forgotten)
        left.addWidget(self.originals)
        left.addStretch(1)
        # what it asks before it forgets may need more room than a low window has
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFixedWidth(WIDTH + BAR)
        scroll.setWidget(inner)
        self.originals.grew.connect(lambda: scroll.ensureWidgetVisible(self.originals))
        whole.addWidget(scroll)
        whole.addSpacing(-BAR)
        self._finds = FindsCard()
        self._finds.stay_asked.connect(self._on_stay)
        self.finds = self._finds.finds
        whole.addWidget(self._finds, 1)
        self._show()

    def set_project(self, project: Project | None) -> None:
        """Forget what was found in the one before."""
        super().set_project(project)
        self._found, self._work, self._done = None, None, []
        self._card.set_note("")
        self._say("")
        self.originals.set_project()
        self._show()

    def on_changes(self, changes: Changes) -> None:
        """Other rows: what was found may not be there any more."""
        if not changes.items:
            return
        if self.isVisible():
            self.originals.reload()
        else:
            self._stale = True
        if self._work is None and not self._forgetting:
            self._card.set_note(self.tr("rows have changed since; look again") if self._found is not None else "")

    def reload(self) -> None:
        """Read the rule; looking through all texts waits until it is asked for."""
        super().reload()
        project = self.hub.project
        if project is None:
            return

        def work(_: Task) -> bool:
            from desktop_llm.verbs import personal

            return personal.refuses(project)

        def show(refuses: bool) -> None:
            if self.hub.project is project:
                self.rule.blockSignals(True)
                self.rule.setChecked(refuses)
                self.rule.blockSignals(False)

        self.hub.background.run(work, on_done=show)
        self.originals.reload()
        self._show()

    def _build_kinds(self) -> Card:
        self._card = Card(self.tr("Personal data"), " ")
        self._card.setFixedWidth(WIDTH)
        self._kinds = KindsGrid()
        self._kinds.kind_asked.connect(self._choose)
        self._kinds.way_chosen.connect(self._show)
        self._card.body.addWidget(self._kinds)
        self._bar = QProgressBar()
        self._bar.setObjectName("personal.progress")
        self._bar.setAccessibleName(self.tr("Progress"))
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        self._card.body.addWidget(self._bar)
        self._words = plain_label("", "muted", wrap=True)
        self._words.setObjectName("personal.words")
        self._words.hide()
        self._card.body.addWidget(self._words)
        line = QHBoxLayout()
        line.setSpacing(8)
        self._undo = button(self.tr("Undo"), "personal.undo", self._on_undo, kind="quiet")
        self._cancel = button(self.tr("Cancel"), "personal.cancel", self._on_cancel)
        self._look = button(self.tr("Look through all rows"), "personal.look", self._on_look)
        self._apply = button(self.tr("Apply"), "personal.apply", self._on_apply, kind="primary")
        line.addStretch(1)
        for widget in (self._undo, self._cancel, self._look, self._apply):
            line.addWidget(widget)
        self._card.body.addLayout(line)
        return self._card

    def _build_rule(self) -> Card:
        card = Card(self.tr("Export"), self.tr("reviewed: masked, replaced, or may stay"))
        card.setFixedWidth(WIDTH)
        self.rule = QCheckBox(self.tr("Refuse to export models of unreviewed texts"))
        self.rule.setObjectName("personal.rule")
        self.rule.setAccessibleName(self.rule.text())
        self.rule.toggled.connect(self._on_rule)
        card.body.addWidget(self.rule)
        return card

    def _say(self, words: str) -> None:
        self._words.setText(words)
        self._words.setVisible(bool(words))

    def _choose(self, kind: Kind) -> None:
        self._kind = kind
        self._show()

    def _show(self) -> None:
        """What was found, and what can be done now."""
        found, free = self._found, self._work is None and self.hub.project is not None
        self._kinds.show_counts(found, free=free and self.hub.writable)
        self._bar.setVisible(self._work is not None)
        self._cancel.setVisible(self._work is not None)
        self._look.setVisible(self._work is None)
        self._look.setEnabled(free)
        self._apply.setVisible(self._work is None and found is not None)
        self._apply.setEnabled(free and self.hub.writable and bool(self._kinds.ways()))
        self._undo.setVisible(bool(self._done) and free)
        self.rule.setEnabled(self.hub.writable)
        self._finds.show_finds(found, self._kind, free=self._work is None and self.hub.writable)

    def _on_look(self) -> None:
        project = self.hub.project
        if project is None:
            return

        def work(task: Task) -> Found:
            from desktop_llm.verbs import personal

            return personal.scan(project, on_progress=task.progress, should_stop=task.should_stop)

        self._done = []
        self._start(self.tr("Looking for personal data"), work, self._on_found)

    def _on_found(self, found: Found) -> None:
        self._found = found
        self._card.set_note(self.tr("in {count:,} rows").format(count=found.rows))
        if not found.open:
            self._say(self.tr("Nothing is left to review."))
        elif self._kind not in found.open:
            self._kind = next(kind for kind in KINDS if kind in found.open)
        self._kinds.begin_again()
        self._show()

    def _on_apply(self) -> None:
        project, labeler, ways = self.hub.project, self.hub.settings.labeler, self._kinds.ways()
        if project is None or not ways:
            return

        def work(task: Task) -> list[Outcome]:
            from desktop_llm.verbs import personal, staying

            changing: dict[Kind, Any] = {kind: way for kind, way in ways.items() if way != "keep"}
            staying_kinds = [kind for kind in ways if kind not in changing]
            half = 0.5 if changing and staying_kinds else 1.0
            done, values = [], None
            if staying_kinds:
                values = personal.there(
                    project,
                    staying_kinds,
                    on_progress=lambda part: task.progress(half * part),
                    should_stop=task.should_stop,
                )
            if changing:
                treated = personal.treat(
                    project,
                    changing,
                    labeler=labeler,
                    on_progress=lambda part: task.progress(1 - half + half * part),
                    should_stop=task.should_stop,
                )
                done.append(treated)
            if values is not None:  # quick, and so last: until here all can be stopped, and nothing has changed
                done.append(staying.keep(project, values, labeler=labeler))
            return [one for one in done if one.changes != Changes()]

        title = self.tr("Masking personal data") if set(ways.values()) != {"keep"} else self.tr("Letting it stay")
        self._start(title, work, self._on_applied)

    def _on_stay(self) -> None:
        self._kinds.choose_way(self._kind, "keep")
        self._on_apply()

    def _on_applied(self, done: list[Outcome]) -> None:
        self._work = None
        for outcome in done:
            self.hub.changed.emit(outcome.changes)
        self._on_look()
        self._done = done
        if done:
            self._say(self.tr("{what} Looking again…").format(what=self._told()))

    def _told(self) -> str:
        """What was done last, which Undo takes back."""
        changed = sum(outcome.changed for outcome in self._done)
        if not changed:
            return self.tr("What was chosen may stay.")
        return self.tr("1 row changed.") if changed == 1 else self.tr("{count:,} rows changed.").format(count=changed)

    def _on_undo(self) -> None:
        project, done = self.hub.project, self._done
        if project is None or not done:
            return

        def work(task: Task) -> list[Outcome]:
            return [project.operations.undo(one.operation, should_stop=task.should_stop) for one in reversed(done)]

        self._done = []
        self._start(self.tr("Undoing"), work, self._on_undone)

    def _on_undone(self, undone: list[Outcome]) -> None:
        self._work = None
        for outcome in undone:
            self.hub.changed.emit(outcome.changes)
        self._on_look()

    def _on_forgotten(self) -> None:
        """The rows are as they were, but the search begins anew, and History has nothing to undo."""
        self._done = []
        self._show()
        self._forgetting = True
        self.hub.changed.emit(Changes(items=True))
        self._forgetting = False
        self.hub.show_message(self.tr("The originals are forgotten."))

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def _on_rule(self, refuse: bool) -> None:
        project = self.hub.project
        if project is None:
            return

        def work(_: Task) -> None:
            from desktop_llm.verbs import personal

            personal.set_refuses(project, refuse=refuse)

        self.hub.background.run(work)

    def _start(self, title: str, work: Callable[[Task], Any], on_done: Callable[[Any], object]) -> None:
        self._bar.setValue(0)
        self._say("")
        task = self.hub.background.run(
            work,
            on_done=on_done,
            on_progress=lambda fraction, _: self._bar.setValue(round(STEPS * fraction)),
            title=title,
        )
        self._work = task
        task.ended.connect(self._on_ended)
        self._show()

    def _on_ended(self, task: Task) -> None:
        if task is self._work:
            self._work = None
            if self._done:
                self._say(self._told())
            self._show()
