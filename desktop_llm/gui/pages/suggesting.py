"""Lets a finished run look at the texts that wait for a label: suggestions to accept, the least certain first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from desktop_llm.errors import Cancelled
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.rows import Changes
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import proposing
from desktop_llm.widgets.button import button

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

BATCH = 256


class Suggesting(QObject):
    """A button that names the run, and the work behind it."""

    def __init__(self, hub: Hub, parent: QWidget) -> None:
        """Hidden until there is a finished run."""
        super().__init__(parent)
        self._hub = hub
        self._number = 0
        self._work: Task | None = None
        self.button = button("", "label.suggest", self.start)
        self.button.hide()
        hub.project_opened.connect(lambda _: self.refresh())

    def refresh(self) -> None:
        """Offer the newest run that has a model, of a search the best."""
        project = self._hub.project
        if project is None or not self._hub.writable:
            self.button.hide()
            return
        self._hub.background.run(lambda _: _proposed(project), on_done=self._offer)

    def start(self) -> None:
        """Ask the model about all rows without a label."""
        project, number, inference = self._hub.project, self._number, self._hub.inference
        if project is None or not number:
            return
        self.button.setEnabled(False)

        def work(task: Task) -> Changes:
            folder = project.runs.folder(number).model
            total, done, after = project.items.counts(), 0, 0
            waiting = max(1, total.total - total.labeled)
            while rows := project.items.unlabelled(after, BATCH):
                if task.should_stop():
                    raise Cancelled
                asked = [{**content, "id": item} for item, content in rows]
                answer = inference.line.submit(folder, asked, urgent=False).result()
                answers = zip([item for item, _ in rows], answer.predictions, strict=True)
                project.predictions.write(number, list(answers))
                after, done = rows[-1][0], done + len(rows)
                task.progress(done / waiting, f"{done:,}")
            return project.predictions.rebuild_uncertainty(number)

        self._work = self._hub.background.run(
            work,
            on_done=self._on_done,
            title=self.tr("Asking run {number}").format(number=number),
        )
        self._work.ended.connect(self._on_ended)

    def _offer(self, number: int) -> None:
        self._number = number
        self.button.setVisible(bool(number))
        self.button.setEnabled(self._work is None)
        words = self.tr("Suggest with run {number}").format(number=number)
        # the head of a page has little room; the rest is told under the mouse
        self.button.setText(self.tr("Ask run {number}").format(number=number))
        self.button.setAccessibleName(words)
        self.button.setToolTip(words)

    def _on_ended(self, _: Task) -> None:
        self._work = None
        self.button.setEnabled(True)

    def _on_done(self, changes: Changes) -> None:
        self._hub.show_message(self.tr("Suggestions are there; the least certain texts can come first now."))
        self._hub.changed.emit(changes)


def _proposed(project: Project) -> int:
    """The number of the run that is proposed of those with a model; 0 when there is none."""
    run = proposing.of(project.runs.with_model(), TASKS[project.task])
    return 0 if run is None else run.number


def with_model(project: Project) -> list[int]:
    """The numbers of the runs that have a model, the newest first."""
    return [run.number for run in project.runs.with_model()]
