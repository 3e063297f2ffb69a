"""Labels many rows at once, off the window's thread, one operation after the other in the order of the keys."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from desktop_llm.errors import UserError
from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.rows import Item

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project
    from desktop_llm.store.undoing import Step

LONG = 500
"""Rows from which on the status bar tells of the work."""


class LabelMany(QObject):
    """What is asked for while an operation is written waits for it; nothing that was pressed is lost."""

    def __init__(self, hub: Hub, parent: QObject) -> None:
        """Nothing is under way."""
        super().__init__(parent)
        self._hub = hub
        self._work: Task | None = None
        self._waiting: deque[Callable[[], object]] = deque()

    @property
    def busy(self) -> bool:
        """Whether an operation is being written."""
        return self._work is not None

    def after(self, do: Callable[[], object]) -> None:
        """Do it as soon as nothing is being written, in the order asked for."""
        self._waiting.append(do)
        self._go_on()

    def forget(self) -> None:
        """Another project: what waits is not wanted any more."""
        self._waiting.clear()

    def give(self, items: Sequence[Item], value: Any, name: str, done: Callable[[Outcome], object]) -> None:
        """Give rows a stored label called `name`; None takes it away."""
        title = f"Labeled “{name}”" if value is not None else "Labels taken away"
        self._label({item.id: value for item in items}, title, done)

    def accept(self, items: Sequence[Item], numbers: dict[str, int], done: Callable[[Outcome], object]) -> None:
        """Give rows what the model suggests for each; those without a suggestion stay."""
        task = self._hub.task
        if task is None:
            return
        told = {one.id: one.prediction.label for one in items if one.prediction is not None}
        try:
            values = {item: task.labels.to_value(label, numbers) for item, label in told.items()}
        except UserError as error:
            self._hub.show_error(error)
            return
        self._label(
            values, f"Accepted {len(values):,} suggestions" if len(values) > 1 else "Accepted a suggestion", done
        )

    def skip(self, items: Sequence[Item], done: Callable[[Outcome], object]) -> None:
        """Put rows aside."""
        from desktop_llm.verbs import bulk

        ids, labeler = [item.id for item in items], self._hub.settings.labeler
        title = f"Skipped {len(ids):,} rows" if len(ids) > 1 else "Skipped a row"
        self._run(lambda project, how: bulk.skip_items(project, ids, title, labeler=labeler, **how), done, len(ids))

    def turn(self, step: Step, done: Callable[[Outcome], object], *, undo: bool) -> None:
        """Undo an operation, or do it again."""
        number = step.operation
        assert number is not None

        def work(project: Project, how: dict[str, Any]) -> Outcome:
            turn = project.operations.undo if undo else project.operations.redo
            return turn(number, **how)

        self._run(work, done, step.count)

    def _label(self, values: dict[int, Any], title: str, done: Callable[[Outcome], object]) -> None:
        from desktop_llm.verbs import bulk

        if not values:
            return
        labeler = self._hub.settings.labeler
        self._run(
            lambda project, how: bulk.label_items(project, values, title, labeler=labeler, **how), done, len(values)
        )

    def _run(
        self, work: Callable[[Project, dict[str, Any]], Outcome], done: Callable[[Outcome], object], count: int
    ) -> None:
        project = self._hub.project
        if project is None or self._work is not None:
            return

        def run(task: Task) -> Outcome:
            def progress(rows: int) -> None:
                task.progress(min(1.0, rows / max(1, count)))

            return work(project, {"on_progress": progress, "should_stop": task.should_stop})

        title = self.tr("Labeling rows") if count > LONG else ""
        self._work = self._hub.background.run(run, on_done=done, title=title)
        self._work.ended.connect(self._on_ended)

    def _on_ended(self, _: Task) -> None:
        self._work = None
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and self._work is None:
            self._waiting.popleft()()
