"""The queue of runs: when one ends, the next begins by itself, as long as the window is there to see it.

Runs that still wait when the program is started again wait for a word: nobody wants a machine to train unasked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.jobs.events import Interrupted

if TYPE_CHECKING:
    from desktop_llm.gui.hub import Hub
    from desktop_llm.gui.training import Outcome
    from desktop_llm.jobs.recipe import Recipe
    from desktop_llm.rows import Changes
    from desktop_llm.store.project import Project
    from desktop_llm.store.runs import Run


class RunQueue(QObject):
    """The waiting runs of the open project. Signal: `changed()`."""

    changed = Signal()

    def __init__(self, hub: Hub) -> None:
        """Reads the project's queue when one is opened and when its runs change."""
        super().__init__(hub)
        self._hub = hub
        self.waiting: list[Run] = []
        hub.project_opened.connect(self._on_project_opened)
        hub.changed.connect(self._on_changed)
        hub.training.ended.connect(self._on_ended)
        self.reload()

    def reload(self) -> None:
        """Read what waits."""
        project = self._hub.project
        if project is not None:
            self._hub.background.run(lambda _: project.runs.queued(), on_done=self._take)

    def add(self, recipe: Recipe) -> Task | None:
        """Freeze rows and labels as they are now into a run that waits."""
        project = self._hub.project
        if project is None:
            return None

        def work(_: Task) -> int:
            from desktop_llm.verbs import queueing

            return queueing.add(project, recipe)

        title = self.tr("Preparing the run")
        return self._hub.background.run(work, on_done=self._on_added, title=title, stoppable=False)

    def remove(self, number: int) -> None:
        """Take a waiting run away."""
        project = self._hub.project
        if project is None:
            return

        def work(_: Task) -> Changes:
            from desktop_llm.verbs import queueing

            return queueing.remove(project, number)

        self._hub.background.run(work, on_done=self._hub.changed.emit)

    def start_next(self) -> None:
        """Begin the run whose turn it is, unless one is under way."""
        project = self._hub.project
        if project is not None and self._hub.writable and not self._hub.is_training:
            self._hub.background.run(lambda _: _next(project), on_done=lambda told: self._begin(project, *told))

    def _begin(self, project: Project, number: int, waiting: list[Run]) -> None:
        self._take(waiting)
        if not number:
            return
        if project is not self._hub.project or self._hub.is_training:
            self._hub.background.run(lambda _: project.runs.enqueue(number), on_done=self._hub.changed.emit)
            return
        try:
            self._hub.train(number)
        except UserError as error:
            self._hub.background.run(lambda _: project.runs.enqueue(number), on_done=self._hub.changed.emit)
            self._hub.show_error(error)

    def _take(self, runs: list[Run]) -> None:
        self.waiting = runs
        self.changed.emit()

    def _on_added(self, number: int) -> None:
        from desktop_llm.rows import Changes

        self._hub.show_message(self.tr("Run {number} waits for its turn.").format(number=number))
        self._hub.changed.emit(Changes(runs=True, items=True))
        self.start_next()  # the one before may have ended meanwhile

    def _on_ended(self, outcome: Outcome) -> None:
        if self.waiting and not isinstance(outcome.event, Interrupted):
            QTimer.singleShot(0, self, self.start_next)

    def _on_project_opened(self, project: Project | None) -> None:
        self.waiting = []
        self.changed.emit()
        self.reload()

    def _on_changed(self, changes: Changes) -> None:
        if changes.runs:
            self.reload()


def _next(project: Project) -> tuple[int, list[Run]]:
    """The run whose turn it is, which does not wait any more, and those that do; 0 where none waits."""
    waiting = project.runs.queued()
    if not waiting:
        return 0, []
    project.runs.dequeue(waiting[0].number)
    return waiting[0].number, waiting[1:]
