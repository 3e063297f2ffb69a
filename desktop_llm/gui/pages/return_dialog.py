"""The dialog that takes a run back from a server: a ZIP file or a folder, and then what has become of the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.work_dialog import WorkDialog
from desktop_llm.rows import Changes
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.work_line import fit_height

if TYPE_CHECKING:
    from desktop_llm.verbs.returning import Returned

WIDTH = 560


class ReturnDialog(WorkDialog):
    """Stays open to say what came. Signal: `taken(number)`."""

    taken = Signal(int)

    def __init__(self, hub: Hub, parent: QWidget) -> None:
        """For the project that is open."""
        super().__init__(hub, parent, "server.return", self.tr("Take back from a server"), WIDTH)
        words = self.tr(
            "Bring the folder “run” back from the server, as it is or as a ZIP file, and choose it here. Which run it "
            "is, and whether all of it is whole, is looked up before anything is changed. A run that has not ended may "
            "be taken back, too, and once more later."
        )
        self.whole.addWidget(plain_label(words, wrap=True))
        self.add_line()
        self._close = button(self.tr("Close"), "server.return.close", self.reject)
        self._folder = button(self.tr("Choose a folder…"), "server.return.folder", self._on_folder)
        self._file = button(self.tr("Choose a ZIP file…"), "server.return.file", self._on_file, kind="primary")
        self.add_buttons(self._close, self._folder, self._file)
        fit_height(self)

    def take(self, path: Path) -> None:
        """Take back what is in `path`."""
        project = self._hub.project
        if project is None or self._work is not None:
            return

        def work(task: Task) -> Returned:
            from desktop_llm.verbs import returning

            return returning.take(project, path, on_progress=task.progress, should_stop=task.should_stop)

        begun, hub = self.begin(self.tr("Taking the run back"), work, self._on_taken), self._hub
        # of no part of the dialog: that may be closed by then
        begun.ended.connect(lambda task: hub.changed.emit(_changes(task.result)))

    def _on_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, self.windowTitle(), "", self.tr("ZIP files (*.zip)"))
        if chosen:
            self.take(Path(chosen))

    def _on_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.windowTitle())
        if chosen:
            self.take(Path(chosen))

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

    def _stopped_words(self) -> str:
        return self.tr("Stopped; nothing was changed.")

    def _let(self) -> None:
        for part in (self._file, self._folder):
            part.setEnabled(self._work is None)
        fit_height(self)


def _changes(back: Returned | None) -> Changes:
    """What has changed; also where it was given up, as the run is shown to be away meanwhile."""
    return Changes(runs=True) if back is None else back.changes | Changes(runs=True)
