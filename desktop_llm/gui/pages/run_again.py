"""What can be done with a run: longer, again exactly, what differs, to a server and back, delete it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.pack_dialog import PackDialog
from desktop_llm.gui.pages.run_box import KEPT
from desktop_llm.gui.pages.run_delete import DeleteDialog
from desktop_llm.gui.pages.run_differs import DiffersDialog
from desktop_llm.gui.pages.run_longer import LongerDialog

if TYPE_CHECKING:
    from desktop_llm.store.runs import Run


class RunAgain(QPushButton):
    """A button with a menu, about the chosen run.

    Signals: `resume_asked(number)`: go on with it; `work_begun(Task)`: a run is being made; `made(number)`: it is;
    `back_asked()`: take one back from a server; `call_asked(number)`: wait no longer for it.
    """

    resume_asked = Signal(int)
    work_begun = Signal(object)
    made = Signal(int)
    back_asked = Signal()
    call_asked = Signal(int)

    def __init__(self, hub: Hub, parent: QWidget | None = None) -> None:
        """About no run at first."""
        super().__init__(parent)
        self._hub = hub
        self._run: Run | None = None
        self._runs: Sequence[Run] = ()
        self.setText(self.tr("This run"))
        self.setObjectName("train.this")
        self.setAccessibleName(self.tr("This run"))
        self.setProperty("kind", "plain")
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.longer = self._action(menu, "train.this.longer", self.tr("Train longer…"), self._on_longer)
        self.again = self._action(menu, "train.this.again", self.tr("Run again exactly"), self._on_again)
        self.again.setToolTip(self.tr("The same texts and recipe; afterwards the weights are compared, bit by bit."))
        self.differs = self._action(menu, "train.this.differs", self.tr("What differs…"), self._on_differs)
        menu.addSeparator()
        self.pack = self._action(menu, "train.this.pack", self.tr("Pack for a server…"), self._on_pack)
        self.back = self._action(menu, "train.this.back", self.tr("Take back from a server…"), self.back_asked.emit)
        self.call = self._action(menu, "train.this.call", self.tr("Call back from the server"), self._on_call)
        self.call.setToolTip(self.tr("Wait no longer for it, and train it here."))
        menu.addSeparator()
        self.delete = self._action(menu, "train.this.delete", self.tr("Delete…"), self._on_delete)
        self.setMenu(menu)

    def show_run(self, run: Run | None, runs: Sequence[Run], *, free: bool) -> None:
        """It is about `run`, one of `runs`; `free`: nothing trains, and the project may be written."""
        from desktop_llm.store.runs import AWAY, SENDABLE

        self._run, self._runs = run, runs
        kept = run is not None and run.state in KEPT
        away = run is not None and run.state == AWAY
        self.longer.setEnabled(run is not None and free and not away)
        self.again.setEnabled(kept and free)
        self.differs.setEnabled(run is not None and len(runs) > 1)
        self.delete.setEnabled(run is not None and free and not away)
        self.pack.setEnabled(run is not None and run.state in SENDABLE and free)
        for action in (self.back, self.call):
            action.setEnabled(away and free)

    def _action(self, menu: QMenu, name: str, words: str, asked: object) -> QAction:
        made = menu.addAction(words)
        made.setObjectName(name)
        made.triggered.connect(asked)
        return made

    def _on_longer(self) -> None:
        if self._run is not None:
            dialog = LongerDialog(self._hub, self._run, self)
            dialog.prolonged.connect(self.resume_asked)
            dialog.open()

    def _on_delete(self) -> None:
        if self._run is not None:
            dialog = DeleteDialog(self._hub, self._run, self)
            dialog.work_begun.connect(self.work_begun)
            dialog.open()

    def _on_differs(self) -> None:
        if self._run is not None:
            DiffersDialog(self._hub, self._run, self._runs, self).open()

    def _on_pack(self) -> None:
        if self._run is not None:
            PackDialog(self._hub, self.window(), self._run.recipe, self._run).open()

    def _on_call(self) -> None:
        if self._run is not None:
            self.call_asked.emit(self._run.number)

    def _on_again(self) -> None:
        project, run = self._hub.project, self._run
        if project is None or run is None:
            return
        number = run.number

        def work(_: Task) -> tuple[int, list[str]]:
            from desktop_llm.verbs import rerunning

            return rerunning.again(project, number)[0], rerunning.not_as_then(project, number)

        title = self.tr("Preparing the run")
        task = self._hub.background.run(
            work, on_done=self._on_made, on_error=self._hub.show_error, title=title, stoppable=False
        )
        self.work_begun.emit(task)

    def _on_made(self, told: tuple[int, list[str]]) -> None:
        number, differs = told
        if differs:
            words = self.tr("Not all is as it was then, so the weights may differ. {what}")
            self._hub.show_error(UserError(words.format(what=" ".join(differs))))
        self.made.emit(number)
