"""Writes what a person decides about a row: on disk when a method returns, or a sentence on screen and no change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication

from desktop_llm import keymap
from desktop_llm.errors import UserError
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label_clock import Clock
from desktop_llm.gui.pages.label_voice import Voice
from desktop_llm.rows import Class, Item
from desktop_llm.verbs import naming

tr = QCoreApplication.translate


class Pen:
    """Labels, skips, undoes for the person at the window. What follows on the screen is for the page to do."""

    def __init__(self, hub: Hub, clock: Clock, voice: Voice) -> None:
        """Writes to the hub's project, as `voice` says; `clock` tells how long the row was looked at."""
        self._hub, self._clock, self._voice = hub, clock, voice
        self.recent: list[Any] = []
        """The labels given last, the newest that was not among them first: each keeps its place, and so its key."""
        self.last: Any = None
        """The label given last; None before the first."""
        self._visit: tuple[int, str] | None = None
        """The row whose label is being written, and the uid of the entry."""
        self._kept: tuple[int, Any] | None = None
        """The row that is looked at, and what was kept for it last."""

    def forget(self) -> None:
        """Another project has other labels."""
        self.recent, self.last = [], None
        self._visit = self._kept = None
        self._voice.forget()

    def read_again(self) -> None:
        """Drafts may be others on disk."""
        self._voice.forget()

    def follow_classes(self) -> None:
        """Labels were merged, archived or removed: what was given last is given again as what it is now, or not."""
        project, task = self._hub.project, self._hub.task
        if project is not None and task is not None:
            given = naming.values_of_now(project, [self.last, *self.recent], task.labels)
            self.last, recent = given.pop(0, None), list(given.values())
            self.recent = [value for place, value in enumerate(recent) if value not in recent[:place]]

    def remember(self, value: Any) -> None:
        """This label was given."""
        self.last = value
        if value not in self.recent:
            self.recent = [value, *self.recent][: keymap.RECENT]

    def give(self, item: Item, value: Any) -> bool:
        """Give the stored label `value`."""
        project, seconds = self._hub.project, self._seconds()
        if self._voice.plain and self._kept == (item.id, value):
            return True  # it is on disk as it stands
        if self._voice.plain and self._visit is not None and self._visit[0] == item.id:
            return self.keep(item, value, one_step=True)
        if project is None:
            return False
        stands = self._voice.stands(project.people, item.id, value, self._labeler)
        if not stands and not self._write(
            lambda: self._voice.give(project.labels, item.id, value, self._labeler, seconds=seconds)
        ):
            return False
        self.drop(item)
        self.remember(value)
        return True

    def keep(self, item: Item, value: Any, *, one_step: bool = False) -> bool:
        """Keep a label that may not be whole yet; None takes it away.

        `one_step`: what was kept just before and this are one step to undo.
        """
        project, seconds, labeler = self._hub.project, self._seconds(), self._labeler
        if project is None:
            return False
        labels = project.labels
        again = self._visit[1] if one_step and self._visit is not None and self._visit[0] == item.id else ""

        def write() -> None:
            uid = labels.keep(item.id, value, labeler, again=again, seconds=seconds)
            self._visit, self._kept = (item.id, uid) if one_step else None, (item.id, value)

        return self._write(write)

    def hold(self, item: Item, value: Any) -> bool:
        """Keep as a draft what is not whole yet, where an opinion or a decision is asked for; False elsewhere."""
        if self._voice.plain:
            return False
        self._write(lambda: self._voice.hold(item.id, value))
        return True

    def drop(self, item: Item) -> bool:
        """Forget what was held of a row; False where nothing was."""
        dropped: list[bool] = []
        self._write(lambda: dropped.append(self._voice.drop(item.id)))
        return dropped == [True]

    def holds(self, item: Item | None) -> bool:
        """Whether what is shown of a row is held, and not said yet."""
        return self._voice.holds(item)

    def held(self, item: Item | None) -> Item | None:
        """A row with what is held of it."""
        return self._voice.held(item)

    def clear(self, item: Item) -> bool:
        """Take the label away."""
        project, seconds, voice = self._hub.project, self._seconds(), self._voice
        if voice.plain or project is None:
            return self.keep(item, None)
        return self._write(lambda: voice.clear(project.labels, item.id, self._labeler, seconds=seconds))

    def leave(self) -> None:
        """Another row is looked at: what is written from now on is another step, and takes time of its own."""
        self.begin_again()
        self._clock.show_row()

    def begin_again(self) -> None:
        """What was kept for the row may stand no more: what is written from now on is another step."""
        self._visit = self._kept = None

    def accept(self, item: Item, classes: Sequence[Class]) -> bool:
        """Give what the model suggests."""
        project, task, seconds = self._hub.project, self._hub.task, self._seconds()
        if project is None or task is None or item.prediction is None:
            return False
        suggestion, numbers = item.prediction.label, {one.name: one.id for one in classes}

        def write() -> None:
            naming.must_be_offered(suggestion, task.labels, classes)
            value = task.labels.to_value(suggestion, numbers)
            self._voice.give(project.labels, item.id, value, self._labeler, "suggestion", seconds=seconds)
            self.remember(value)

        self.begin_again()
        return self._write(write)

    def skip(self, item: Item) -> bool:
        """Put the row aside."""
        project, seconds = self._hub.project, self._seconds()
        self.drop(item)
        self.begin_again()
        return project is not None and self._write(
            lambda: self._voice.skip(project.labels, item.id, self._labeler, seconds=seconds)
        )

    def turn(self, *, undo: bool) -> int | None:
        """Undo or redo a single label; the row it was about, None when there was nothing or it could not be."""
        project = self._hub.project
        if project is None:
            return None
        number: list[int | None] = []
        if not self._write(lambda: number.append(project.labels.undo() if undo else project.labels.redo())):
            return None
        if number == [None]:
            nothing = tr("Pen", "There is nothing to undo."), tr("Pen", "There is nothing to do again.")
            self._hub.show_message(nothing[0] if undo else nothing[1])
        return number[0]

    @property
    def _labeler(self) -> str:
        return self._hub.settings.labeler

    def _seconds(self) -> float:
        return round(self._clock.row, 2)

    def _write(self, write: Callable[[], object]) -> bool:
        try:
            write()
        except UserError as error:
            self._hub.show_error(error)
            return False
        return True
