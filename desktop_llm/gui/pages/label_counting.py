"""Counts a project's rows and labels behind the scenes, for many quick keys together."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from desktop_llm.gui.hub import Hub
from desktop_llm.rows import Class, Counts


class Counting(QObject):
    """Signal: `counted(Counts, list of classes)`, after each `ask` or after several that came close together."""

    counted = Signal(object, object)

    def __init__(self, hub: Hub, parent: QObject) -> None:
        """Counts nothing before it is asked."""
        super().__init__(parent)
        self._hub = hub
        self._asked = self._counting = False

    def ask(self) -> None:
        """Count, or count again once what is under way is over."""
        self._asked = True
        self._count()

    def _count(self) -> None:
        project = self._hub.project
        if project is None or not self._asked or self._counting:
            return
        self._asked, self._counting = False, True
        work = self._hub.background.run(
            lambda _: (project.items.counts(), project.classes.all()), on_done=self._on_counted
        )
        work.ended.connect(self._on_ended)

    def _on_counted(self, told: tuple[Counts, list[Class]]) -> None:
        self.counted.emit(*told)

    def _on_ended(self, _: object) -> None:
        self._counting = False
        self._count()
