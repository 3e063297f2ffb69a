"""Keeps the full-text index up to date behind the window: after opening a project, and after its rows have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.rows import Changes

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

REST_MS = 1000
"""How long rows must rest before the index takes them in."""


class SearchIndex(QObject):
    """Listens to the hub; one piece of work at a time."""

    def __init__(self, hub: Hub, parent: QObject | None = None) -> None:
        """Nothing is read before a project is open."""
        super().__init__(parent)
        self._hub = hub
        self._work: Task | None = None
        self._again = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self._begin)
        hub.project_opened.connect(self._on_project_opened)
        hub.changed.connect(self._on_changed)

    def _on_project_opened(self, project: Any) -> None:
        self._again = False
        if project is None:
            self._timer.stop()
        else:
            self._timer.start()

    def _on_changed(self, changes: Changes) -> None:
        if changes.items:
            self._timer.start()

    def _begin(self) -> None:
        project = self._hub.project
        if project is None or project.read_only:
            return
        if self._work is not None:
            self._again = True
            return

        def work(task: Task) -> None:
            _fill(project, task)

        # a failure is in the log; whoever searches meanwhile finds all the same, only later
        self._work = self._hub.background.run(
            work, title=self.tr("Preparing the search"), stoppable=False, on_error=lambda _: None
        )
        self._work.ended.connect(self._on_ended)

    def _on_ended(self, _: Task) -> None:
        self._work = None
        if self._again:
            self._again = False
            self._timer.start()


def _fill(project: Project, task: Task) -> None:
    project.search.catch_up(on_progress=task.progress, should_stop=task.should_stop)
