"""The dialog that takes a run back from a server: a ZIP file or a folder, and then what has become of the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.status import time_words
from desktop_llm.rows import Changes
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.work_line import WorkLine, fit_height

if TYPE_CHECKING:
    from desktop_llm.verbs.returning import Returned

WIDTH = 560


class ReturnDialog(QDialog):
    """Stays open to say what came. Signal: `taken(number)`."""

    taken = Signal(int)

    def __init__(self, hub: Hub, parent: QWidget) -> None:
        """For the project that is open."""
        super().__init__(parent)
        self._hub = hub
        self._work: Task | None = None
        self.setObjectName("server.return")
        self.setWindowTitle(self.tr("Take back from a server"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFixedWidth(WIDTH)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 16)
        whole.setSpacing(12)
        words = self.tr(
            "Bring the folder “run” back from the server, as it is or as a ZIP file, and choose it here. Which run it "
            "is, and whether all of it is whole, is looked up before anything is changed. A run that has not ended may "
            "be taken back, too, and once more later."
        )
        whole.addWidget(plain_label(words, wrap=True))
        self._line = WorkLine("server.return.work", time_words)
        self._line.cancel_asked.connect(self._on_cancel)
        whole.addWidget(self._line)
        buttons = QHBoxLayout()
        self._close = button(self.tr("Close"), "server.return.close", self.reject)
        self._folder = button(self.tr("Choose a folder…"), "server.return.folder", self._on_folder)
        self._file = button(self.tr("Choose a ZIP file…"), "server.return.file", self._on_file, kind="primary")
        buttons.addStretch(1)
        for made in (self._close, self._folder, self._file):
            made.setAutoDefault(False)
            buttons.addWidget(made)
        whole.addLayout(buttons)
        fit_height(self)

    def take(self, path: Path) -> None:
        """Take back what is in `path`."""
        project = self._hub.project
        if project is None or self._work is not None:
            return

        def work(task: Task) -> Returned:
            from desktop_llm.verbs import returning

            return returning.take(project, path, on_progress=task.progress, should_stop=task.should_stop)

        title = self.tr("Taking the run back")
        self._line.begin(title)
        self._work = self._hub.background.run(
            work, on_done=self._on_taken, on_error=self._on_error, on_progress=self._line.show_progress, title=title
        )
        self._work.ended.connect(self._on_ended)
        hub = self._hub
        # of no part of the dialog: that may be closed by then
        self._work.ended.connect(lambda task: hub.changed.emit(_changes(task.result)))
        self._let()

    def _on_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, self.windowTitle(), "", self.tr("ZIP files (*.zip)"))
        if chosen:
            self.take(Path(chosen))

    def _on_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.windowTitle())
        if chosen:
            self.take(Path(chosen))

    def _on_error(self, error: UserError) -> None:
        self._line.say(error.message, "bad")

    def _on_taken(self, back: Returned) -> None:
        run = back.run
        if not back.new:
            words = self.tr("Nothing in it was new: run {number} is {state}, at step {step:,}.")
        elif run.state in ("finished", "stopped"):
            words = self.tr("Run {number} is taken back, {state} after {step:,} steps; its model is here.")
        elif not run.total_steps:
            words = self.tr("Run {number} is taken back, {state}. It has not begun a step.")
        else:
            words = self.tr("Run {number} is taken back, {state} at step {step:,} of {total:,}.")
        told = [words.format(number=run.number, state=run.state, step=run.step, total=run.total_steps)]
        if back.left_out:
            told.append(self.tr("Damaged, and left out: {names}.").format(names=", ".join(back.left_out)))
        elif back.new and run.state in ("interrupted", "failed") and run.message:
            told.append(run.message)
        self._line.say(" ".join(told), "good" if back.new and run.state in ("finished", "stopped") else "")
        if back.new:
            self.taken.emit(run.number)

    def _on_ended(self, task: Task) -> None:
        self._work = None
        if task.cancelled and task.error is None:
            self._on_taken(task.result)  # it was over before it heard of the cancel
        elif task.cancelled:
            self._line.say(self.tr("Stopped; nothing was changed."))
        self._let()

    def _let(self) -> None:
        for part in (self._file, self._folder):
            part.setEnabled(self._work is None)
        fit_height(self)

    def _on_cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def reject(self) -> None:
        """Close; what is being taken is given up, and nothing of it stays."""
        self._on_cancel()
        super().reject()


def _changes(back: Returned | None) -> Changes:
    """What has changed; also where it was given up, as the run is shown to be away meanwhile."""
    return Changes(runs=True) if back is None else back.changes | Changes(runs=True)
