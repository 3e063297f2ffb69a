"""The list mode of the Label page: pages of rows, and what is done with those that are selected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label_list import PAGE, LabelList
from desktop_llm.gui.pages.label_many import LabelMany
from desktop_llm.gui.pages.label_rows import LabelRows
from desktop_llm.rows import Class, Item
from desktop_llm.verbs import naming

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome

KEPT_PAGES = 100


class Listing(QObject):
    """Signals: `labeled(count, agreed)`: so many rows got a label, and how many of them as the model had suggested
    (None: nothing was suggested); `written(Outcome)`: something was written; `current_changed(Item or None)`.
    """

    labeled = Signal(int, object)
    written = Signal(object)
    current_changed = Signal(object)

    def __init__(self, hub: Hub, rows: LabelRows, classes: Callable[[], Sequence[Class]], parent: QWidget) -> None:
        """`classes()` are the project's now."""
        super().__init__(parent)
        self._hub, self._rows, self._classes = hub, rows, classes
        self._before: list[list[int]] = []
        self.many = LabelMany(hub, self)
        self.view = LabelList(self._words, parent)
        self.view.hide()
        self.view.page_asked.connect(self.turn_page)
        self.view.current_changed.connect(lambda: self.current_changed.emit(self.view.current))

    def load(self, first: Item | None) -> None:
        """The page that begins with a row, or the first one."""
        self._before = []
        rows = self._rows.page(None, PAGE)
        if first is not None and all(row.id != first.id for row in rows):
            rows = [first, *self._rows.page(first.id, PAGE - 1)]
        self._show(rows, None if first is None else first.id)

    def turn_page(self, by: int) -> None:
        """To the next (1) or the previous (-1) page."""
        project, items = self._hub.project, self.view.items
        if project is None or not items:
            return
        if by > 0:
            rows = self._rows.page(items[-1].id, PAGE)
            if rows:
                self._before = [*self._before, [item.id for item in items]][-KEPT_PAGES:]
        elif self._before:
            rows = project.items.get_many(self._before.pop())
        else:
            rows = self._rows.page_before(items[0].id, PAGE)
        if rows:
            self._show(rows, None)

    def refresh(self) -> None:
        """The same rows as they are now; those that are gone go, and when none is left, the first ones come."""
        project, current = self._hub.project, self.view.current
        if project is None:
            return
        rows = project.items.get_many([item.id for item in self.view.items])
        if len(rows) == len(self.view.items) and rows:
            self.view.update_items(self._named(rows))
        else:
            self._show(rows or self._rows.page(None, PAGE), None if current is None else current.id)

    def move(self, by: int) -> None:
        """To the next or previous row, over the ends of the page, too."""
        if not self.view.step(by):
            self.turn_page(by)
            if by < 0 and self.view.items:
                self.view.select([self.view.items[-1].id])

    def give(self, value: Any) -> None:
        """Give the selected rows a label; None takes it away."""
        chosen, task = self.view.selected(), self._hub.task
        if not chosen or task is None:
            return
        named = None if value is None else task.labels.to_named(value, self._names())
        told = [item.prediction.label == named for item in chosen if item.prediction is not None]
        agreed = sum(told) if told and value is not None else None
        self.many.give(chosen, value, "" if value is None else self._words(value), self._done(chosen, agreed))

    def accept(self) -> None:
        """Give each selected row what the model suggests for it; a label that is archived is nobody's."""
        task, classes = self._hub.task, self._classes()
        if task is None:
            return
        chosen: list[Item] = []
        archived: UserError | None = None
        for item in self.view.selected():
            try:
                if item.prediction is not None:
                    naming.must_be_offered(item.prediction.label, task.labels, classes)
                    chosen.append(item)
            except UserError as error:
                archived = error
        if chosen:
            numbers = {one.name: one.id for one in classes}
            self.many.accept(chosen, numbers, self._done(chosen, len(chosen)))
        if archived is not None:
            self._hub.show_error(archived)

    def skip(self) -> None:
        """Put the selected rows aside."""
        chosen = self.view.selected()
        if chosen:
            self.many.skip(chosen, self._done(chosen, None, labels=False))

    def _done(self, chosen: Sequence[Item], agreed: int | None, *, labels: bool = True) -> Callable[[Outcome], None]:
        last = chosen[-1].id

        def done(outcome: Outcome) -> None:
            if labels and outcome.changed:
                self.labeled.emit(outcome.changed, agreed)
            self.refresh()
            if self._hub.settings.advance_after_label:
                self.view.select([last])
                self.view.step(1)
            self.written.emit(outcome)

        return done

    def _show(self, rows: Sequence[Item], current: int | None) -> None:
        self.view.show_items(self._named(rows), current)
        self.current_changed.emit(self.view.current)

    def _named(self, rows: Sequence[Item]) -> list[Item]:
        project, task = self._hub.project, self._hub.task
        if project is None or task is None:
            return list(rows)
        return naming.all_in_names_of_now(project, rows, task.labels)

    def _names(self) -> dict[int, str]:
        return {one.id: one.name for one in self._classes()}

    def _words(self, value: Any) -> str:
        task = self._hub.task
        return "" if task is None else task.labels.text(value, self._names())
