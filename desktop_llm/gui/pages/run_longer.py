"""The dialog that lets a run go on for longer: how many epochs in all, and what that means for its steps and rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QFormLayout, QHBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.work_dialog import FixedDialog
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import row_title
from desktop_llm.widgets.work_line import WorkLine, fit_height

if TYPE_CHECKING:
    from desktop_llm.store.runs import Run
    from desktop_llm.verbs.rerunning import Longer

WIDTH = 480
ASK_MS = 200
MOST = 10_000.0


class LongerDialog(FixedDialog):
    """Signals: `prolonged(number)`: the run has its new plan, and waits to be resumed."""

    prolonged = Signal(int)

    def __init__(self, hub: Hub, run: Run, parent: QWidget) -> None:
        """For a run of the project that is open."""
        title = self.tr("Train run {number} longer").format(number=run.number)
        super().__init__(hub, parent, "train.longer", title, WIDTH)
        self._run = run
        self._asked = 0
        words = self.tr(
            "The run goes on from its last checkpoint, on the same texts. From there the learning rate follows the new "
            "plan, as if the run had been planned so long from the start; it may rise again for a while."
        )
        self.whole.addWidget(plain_label(words, wrap=True))
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        self.epochs = QDoubleSpinBox()
        self.epochs.setObjectName("train.longer.epochs")
        self.epochs.setAccessibleName(self.tr("Epochs in all"))
        self.epochs.lineEdit().setTextMargins(7, 0, 0, 0)
        self.epochs.setRange(0.01, MOST)
        self.epochs.setValue(min(MOST, 2 * run.recipe.num_train_epochs))
        form.addRow(row_title(self.tr("Epochs in all")), self.epochs)
        self.whole.addLayout(form)
        self._line = WorkLine("train.longer.work", lambda _: "")
        self.whole.addWidget(self._line)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        self._go = button(self.tr("Train longer"), "train.longer.go", self._on_go, kind="primary")
        for made in (button(self.tr("Cancel"), "train.longer.cancel", self.reject), self._go):
            buttons.addWidget(made)
        self._go.setDefault(True)
        self.whole.addLayout(buttons)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(ASK_MS)
        self._timer.timeout.connect(self._ask)
        self.epochs.valueChanged.connect(self._on_changed)
        self._go.setEnabled(False)
        self._ask()
        fit_height(self)

    def _values(self) -> dict[str, Any]:
        """The new plan; a limit of steps would keep the run from becoming longer."""
        return {"num_train_epochs": self.epochs.value(), "max_steps": -1}

    def _on_changed(self) -> None:
        self._go.setEnabled(False)
        self._timer.start()

    def _ask(self) -> None:
        project, number, values = self._hub.project, self._run.number, self._values()
        if project is None:
            return
        self._asked += 1
        asked = self._asked

        def work(_: Task) -> Longer:
            from desktop_llm.verbs import rerunning

            return rerunning.longer(project, number, values)

        self._hub.background.run(
            work, on_done=lambda told: self._show(told, asked), on_error=lambda error: self._refuse(error, asked)
        )

    def _show(self, told: Longer, asked: int) -> None:
        if asked != self._asked:
            return
        words = self.tr("From step {step:,} to step {after:,}; {before:,} were planned.")
        self._line.say(words.format(step=told.step, after=told.after, before=told.before))
        self._go.setEnabled(True)
        fit_height(self)

    def _refuse(self, error: UserError, asked: int) -> None:
        if asked == self._asked:
            self._line.say(error.message, "bad")
            fit_height(self)

    def _on_go(self) -> None:
        project, number, values = self._hub.project, self._run.number, self._values()
        if project is None:
            return
        self._asked += 1
        asked = self._asked
        self._go.setEnabled(False)

        def work(_: Task) -> int:
            from desktop_llm.verbs import rerunning

            rerunning.prolong(project, number, values)
            return number

        self._hub.background.run(work, on_done=self._on_done, on_error=lambda error: self._refuse(error, asked))

    def _on_done(self, number: int) -> None:
        self.prolonged.emit(number)
        self.accept()
