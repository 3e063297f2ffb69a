"""The part of Try it behind a view of models that write: asks them, passes on what they write, keeps rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.generating import Generating
from desktop_llm.gui.hub import Hub
from desktop_llm.jobs.generation import Ending, Piece, Sampling
from desktop_llm.rows import Changes
from desktop_llm.verbs import adding
from desktop_llm.widgets.screen import WritingView


class TryWriting(QObject):
    """One project's models and one view."""

    def __init__(self, hub: Hub, view: WritingView) -> None:
        """No model yet."""
        super().__init__(view)
        self._hub, self._view = hub, view
        self._models: list[tuple[str, Path]] = []
        self._columns: dict[int, int] = {}
        self._generating = Generating(hub.inference.line, self)
        self._generating.came.connect(self._on_came)
        self._generating.ended.connect(self._on_ended)
        self._generating.failed.connect(self._on_failed)
        view.asked.connect(self._on_asked)
        view.stopped.connect(self._generating.stop)
        view.kept.connect(self._on_kept)

    def take(self, models: Sequence[tuple[str, Path]]) -> None:
        """Models by their titles, one a column. What others are writing is given up."""
        if list(models) != self._models:
            self._give_up()
            self._models = list(models)
            self._view.show_names([title for title, _ in models])
        self._view.let_keep(self._hub.writable)

    def leave(self) -> None:
        """The project goes."""
        self._generating.drop()
        self._columns.clear()

    def _give_up(self) -> None:
        self._generating.drop()
        for column in list(self._columns.values()):
            ending = Ending(reason="cancelled", tokens=0, seconds=0.0, prompt=0, before=0.0)
            self._view.show_ending(column, ending)
        self._columns.clear()

    def _on_asked(self, column: int, row: dict[str, str], sampling: Sampling | None) -> None:
        task = self._hub.task
        if task is None or column >= len(self._models):
            return
        number = self._generating.ask(self._models[column][1], row, sampling, task=task.name)
        self._columns[number] = column

    def _on_came(self, number: int, pieces: list[Piece]) -> None:
        self._view.show_pieces(self._columns[number], pieces)

    def _on_ended(self, number: int, ending: Ending) -> None:
        self._view.show_ending(self._columns.pop(number), ending)

    def _on_failed(self, number: int, sentence: str) -> None:
        self._view.show_problem(self._columns.pop(number), sentence)

    def _on_kept(self, row: dict[str, str]) -> None:
        project, task = self._hub.project, self._hub.task
        if project is None or task is None:
            return

        def work(_: Task) -> Changes:
            return adding.add(project, row)

        def done(changes: Changes) -> None:
            self._hub.changed.emit(changes)
            waits = self.tr("It is a row of the project now, and waits in Label.")
            self._hub.show_message(self.tr("It is a row of the project now.") if task.unsupervised else waits)

        def failed(error: UserError) -> None:
            self._hub.show_message(error.message)

        self._hub.background.run(work, on_done=done, on_error=failed)
