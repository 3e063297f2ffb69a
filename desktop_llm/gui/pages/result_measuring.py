"""Measuring runs for the Results page: in a process of its own, one after the other, with progress and Cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.rows import Changes

if TYPE_CHECKING:
    from desktop_llm.verbs.outcomes import On


class Measuring(QObject):
    """Signals: `changed()`: it has begun or ended."""

    changed = Signal()

    def __init__(self, hub: Hub, parent: QObject) -> None:
        """Idle."""
        super().__init__(parent)
        self._hub = hub
        self._task: Task | None = None

    @property
    def busy(self) -> bool:
        """Whether a run is being measured."""
        return self._task is not None

    def measure(self, number: int, on: On) -> None:
        """Ask the model of a run about all rows; what comes of it is kept."""
        project = self._hub.project
        if project is None or self.busy:
            return

        def work(task: Task) -> tuple[int, int]:
            from desktop_llm.gui import elsewhere
            from desktop_llm.verbs import evaluating

            measured = elsewhere.call_telling(
                task.should_stop, task.progress, evaluating.measure_in, project.path, number, on
            )
            evaluating.keep(project, measured, should_stop=task.should_stop)
            return measured.left_out, measured.learned

        title = self.tr("Measuring run {number}").format(number=number)
        self._task = self._hub.background.run(work, on_done=self._on_measured, title=title)
        self._task.ended.connect(self._on_ended)
        self.changed.emit()

    def forget(self) -> None:
        """Another project is open: what is under way was told to stop."""
        self._task = None

    def _on_measured(self, told: tuple[int, int]) -> None:
        left_out, learned = told
        words = []
        if left_out:
            sentence = self.tr("{count:,} texts without a label that the run has learned were left out.")
            words.append(sentence.format(count=left_out))
        if learned:
            sentence = self.tr("{count:,} of these texts are among those that the run learned from: it knows them.")
            words.append(sentence.format(count=learned))
        if words:
            self._hub.show_message(" ".join(words))
        self._hub.changed.emit(Changes(runs=True, predictions=True))

    def _on_ended(self, task: Task) -> None:
        if self._task is task:
            self._task = None
            self.changed.emit()
