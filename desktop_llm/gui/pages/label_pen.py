"""Writes what a person decides about a row: on disk when a method returns, or a sentence on screen and no change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication

from desktop_llm.errors import UserError
from desktop_llm.gui.hub import Hub
from desktop_llm.rows import Class, Item

tr = QCoreApplication.translate


class Pen:
    """Labels, skips, undoes for the person at the window. What follows on the screen is for the page to do."""

    def __init__(self, hub: Hub) -> None:
        """Writes to the hub's project."""
        self._hub = hub
        self._visit: tuple[int, str] | None = None
        """The row whose label is being written, and the uid of the entry."""
        self._kept: tuple[int, Any] | None = None
        """The row that is looked at, and what was kept for it last."""

    def give(self, item: Item, value: Any) -> bool:
        """Give the stored label `value`."""
        project = self._hub.project
        if self._kept == (item.id, value):
            return True  # it is on disk as it stands
        if self._visit is not None and self._visit[0] == item.id:
            return self.keep(item, value, one_step=True)
        return project is not None and self._write(lambda: project.labels.set(item.id, value, self._labeler))

    def keep(self, item: Item, value: Any, *, one_step: bool = False) -> bool:
        """Keep a label that may not be whole yet; None takes it away.

        `one_step`: what was kept just before and this are one step to undo.
        """
        project = self._hub.project
        if project is None:
            return False
        again = self._visit[1] if one_step and self._visit is not None and self._visit[0] == item.id else ""

        def write() -> None:
            uid = project.labels.keep(item.id, value, self._labeler, again=again)
            self._visit, self._kept = (item.id, uid) if one_step else None, (item.id, value)

        return self._write(write)

    def leave(self) -> None:
        """Another row is looked at: what is written from now on is another step."""
        self._visit = self._kept = None

    def accept(self, item: Item, classes: Sequence[Class]) -> bool:
        """Give what the model suggests."""
        project, task = self._hub.project, self._hub.task
        if project is None or task is None or item.prediction is None:
            return False
        suggestion, numbers = item.prediction.label, {one.name: one.id for one in classes}

        def write() -> None:
            value = task.labels.to_value(suggestion, numbers)
            project.labels.set(item.id, value, self._labeler, "suggestion")

        return self._write(write)

    def skip(self, item: Item) -> bool:
        """Put the row aside."""
        project = self._hub.project
        return project is not None and self._write(lambda: project.labels.skip(item.id, self._labeler))

    def turn(self, *, undo: bool) -> int | None:
        """Undo or redo; the row it was about, None when there was nothing or it could not be."""
        project = self._hub.project
        if project is None or not self._hub.writable:
            return None
        number: list[int | None] = []
        if self._write(lambda: number.append(project.labels.undo() if undo else project.labels.redo())):
            if number == [None]:
                nothing = tr("Pen", "There is nothing to undo."), tr("Pen", "There is nothing to do again.")
                self._hub.show_message(nothing[0] if undo else nothing[1])
            return number[0]
        return None

    @property
    def _labeler(self) -> str:
        return self._hub.settings.labeler

    def _write(self, write: Callable[[], object]) -> bool:
        try:
            write()
        except UserError as error:
            self._hub.show_error(error)
            return False
        return True
