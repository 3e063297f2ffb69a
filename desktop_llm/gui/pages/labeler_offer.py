"""After the name was changed in Settings: the offer to take along what was labeled under the one before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.settings import Settings
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project

STEPS = 1000
Counted = tuple[str, int, bool]
"""A former name, the rows that were labeled under it, and whether somebody has labeled under the new one, too."""


class LabelerOffer(QFrame):
    """Hidden while there is nothing to offer; without an answer all labels stay as they are."""

    def __init__(self, hub: Hub, parent: QWidget | None = None) -> None:
        """Listens for another name."""
        super().__init__(parent)
        self._hub = hub
        self.setObjectName("settings.labeler_offer")
        self._name = hub.settings.labeler
        self._former: list[str] = []
        self._offered: Counted | None = None
        self._work: Task | None = None
        self._done: Outcome | None = None
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 8, 0, 0)
        whole.setSpacing(8)
        self._words = plain_label("", "", wrap=True)
        self._words.setObjectName("settings.labeler_offer.words")
        whole.addWidget(self._words)
        self._bar = QProgressBar()
        self._bar.setObjectName("settings.labeler_offer.progress")
        self._bar.setAccessibleName(self.tr("Progress"))
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        whole.addWidget(self._bar)
        line = QHBoxLayout()
        line.setSpacing(8)
        self._take = button(self.tr("Take them along"), "settings.labeler_offer.take", self._on_take, kind="primary")
        self._leave = button(self.tr("Leave them"), "settings.labeler_offer.leave", self._on_leave)
        self._cancel = button(self.tr("Cancel"), "settings.labeler_offer.cancel", self._on_cancel)
        self._undo = button(self.tr("Undo"), "settings.labeler_offer.undo", self._on_undo)
        for made in (self._take, self._leave, self._cancel, self._undo):
            line.addWidget(made)
        line.addStretch(1)
        whole.addLayout(line)
        hub.settings_changed.connect(self._on_settings_changed)
        hub.project_opened.connect(self._on_project_opened)
        self._show()

    def _on_settings_changed(self, settings: Settings) -> None:
        if settings.labeler == self._name:
            return
        former, self._name = self._name, settings.labeler
        self._former = [former, *(one for one in self._former if one != former)]
        self._offered = self._done = None
        self._look()

    def _on_project_opened(self, _: Project | None) -> None:
        """Whoever has changed the name may have labeled in this project, too."""
        self._offered, self._work, self._done = None, None, None
        self._look()

    def _look(self) -> None:
        """Whether there are labels under the last name before, or else under one that was tried before it."""
        project, name, former = self._hub.project, self._name, [one for one in self._former if one != self._name]
        if project is None or not self._hub.writable or not name.strip():
            self._offered = None
            self._show()
            return

        def read(_: Task) -> Counted | None:
            there = bool(project.people.rows_of(name))
            counted = ((one, len(project.people.rows_of(one)), there) for one in former)
            return next((one for one in counted if one[1]), None)

        def show(told: Counted | None) -> None:
            if self._hub.project is project and self._name == name and self._work is None:
                self._offered = told
                self._show()

        self._hub.background.run(read, on_done=show)

    def _show(self) -> None:
        busy, offered, done = self._work is not None, self._offered, self._done
        self.setVisible(busy or offered is not None or done is not None)
        self._bar.setVisible(busy)
        self._cancel.setVisible(busy)
        for made in (self._take, self._leave):
            made.setVisible(offered is not None and not busy)
        self._undo.setVisible(done is not None and offered is None and not busy)
        if busy:
            return
        if offered is not None:
            self._words.setText(self._question(*offered))
        elif done is not None:
            many = self.tr("The labels of {count:,} rows are yours under the new name.")
            one = self.tr("The label of 1 row is yours under the new name.")
            self._words.setText(one if done.changed == 1 else many.format(count=done.changed))

    def _question(self, former: str, count: int, shared: bool) -> str:
        project = self._hub.project
        here = project.name if project is not None else ""
        if former:
            one = self.tr("In “{project}” 1 row was labeled by “{former}”. Is that you? Else it stays somebody else’s.")
            many = self.tr(
                "In “{project}” {count:,} rows were labeled by “{former}”. Is that you? Else they stay somebody else’s."
            )
        else:
            one = self.tr("In “{project}” 1 row was labeled without a name. Was that you? Else it stays nobody’s.")
            many = self.tr(
                "In “{project}” {count:,} rows were labeled without a name. Was that you? Else they stay nobody’s."
            )
        parts = [(one if count == 1 else many).format(project=here, former=former, count=count)]
        if shared:
            words = self.tr("“{name}” has labeled here, too: taken along, the two are one person.")
            parts.append(words.format(name=self._name))
        parts.append(self.tr("Copies of the project that others have keep the old name."))
        return " ".join(parts)

    def _on_take(self) -> None:
        project, offered, name = self._hub.project, self._offered, self._name
        if project is None or offered is None or self._work is not None:
            return

        def work(task: Task) -> Outcome:
            from desktop_llm.verbs import relabeling

            return relabeling.rename(project, offered[0], name, on_progress=task.progress, should_stop=task.should_stop)

        self._start(self.tr("Taking labels along"), work, self._on_taken)

    def _on_taken(self, outcome: Outcome) -> None:
        self._offered = None
        self._done = outcome if outcome.changed else None
        self._hub.changed.emit(outcome.changes)

    def _on_undo(self) -> None:
        project, done = self._hub.project, self._done
        if project is None or done is None:
            return
        count = max(1, done.changed)

        def work(task: Task) -> Outcome:
            return project.operations.undo(
                done.operation,
                on_progress=lambda rows: task.progress(min(1.0, rows / count)),
                should_stop=task.should_stop,
            )

        self._start(self.tr("Undoing"), work, self._on_undone)

    def _on_undone(self, outcome: Outcome) -> None:
        self._done = None
        self._hub.changed.emit(outcome.changes)
        self._look()

    def _on_leave(self) -> None:
        """They stay under the old name, and this is not asked again."""
        self._former, self._offered = [], None
        self._show()

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def _start(self, title: str, work: Callable[[Task], Outcome], on_done: Callable[[Outcome], Any]) -> None:
        self._bar.setValue(0)
        self._words.setText(title + "…")
        self._work = self._hub.background.run(
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
            self._show()
            if self._offered is None and self._done is None:
                self._look()
