"""The dialog that asks before a run is deleted: what goes with it, and what that means for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.work_dialog import FixedDialog
from desktop_llm.jobs import amounts
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.work_line import fit_height

if TYPE_CHECKING:
    from desktop_llm.rows import Changes
    from desktop_llm.store.runs import Run
    from desktop_llm.verbs.deleting import Going

WIDTH = 480


class DeleteDialog(FixedDialog):
    """Signals: `work_begun(Task)`: the run is being deleted."""

    work_begun = Signal(object)

    def __init__(self, hub: Hub, run: Run, parent: QWidget) -> None:
        """For a run of the project that is open."""
        title = self.tr("Delete run {number}").format(number=run.number)
        super().__init__(hub, parent, "train.delete", title, WIDTH)
        self._run = run
        words = self.tr(
            "Its model, checkpoints, figures and suggestions go for good, and the copy of the texts that it learned "
            "from. The project's own texts and labels stay."
        )
        self.whole.addWidget(plain_label(words, wrap=True))
        self._what = plain_label(self.tr("Looking…"), "muted", wrap=True)
        self._what.setObjectName("train.delete.what")
        self.whole.addWidget(self._what)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        cancel = button(self.tr("Cancel"), "train.delete.cancel", self.reject)
        self._go = button(self.tr("Delete for good"), "train.delete.go", self._on_go, kind="danger")
        for made in (cancel, self._go):
            buttons.addWidget(made)
        cancel.setDefault(True)
        self.whole.addLayout(buttons)
        self._go.setEnabled(False)
        self._ask()
        fit_height(self)

    def _ask(self) -> None:
        project, number = self._hub.project, self._run.number
        if project is None:
            return

        def work(_: Task) -> Going:
            from desktop_llm.verbs import deleting

            return deleting.going(project, number)

        self._hub.background.run(work, on_done=self._show, on_error=self._refuse)

    def _show(self, told: Going) -> None:
        freed = self.tr("{size} of the disk become free.").format(size=" ".join(amounts.size(told.bytes)))
        self._what.setText(f"{freed} {told.words}".strip())
        self._go.setEnabled(True)
        fit_height(self)

    def _refuse(self, error: UserError) -> None:
        self._what.setText(error.message)
        fit_height(self)

    def _on_go(self) -> None:
        project, number, hub = self._hub.project, self._run.number, self._hub
        self.accept()
        if project is None:
            return

        def work(_: Task) -> Changes:
            from desktop_llm.verbs import deleting

            return deleting.delete(project, number)

        title = self.tr("Deleting run {number}").format(number=number)
        task = hub.background.run(work, on_done=hub.changed.emit, on_error=hub.show_error, title=title, stoppable=False)
        self.work_begun.emit(task)
