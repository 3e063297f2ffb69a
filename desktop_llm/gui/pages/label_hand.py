"""What a command or a click does with labels: to the row shown, or to the rows selected in the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from desktop_llm import keymap
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label_desk import LabelDesk
from desktop_llm.gui.pages.label_listing import Listing
from desktop_llm.gui.pages.label_pen import Pen
from desktop_llm.rows import Changes, Class, Item
from desktop_llm.widgets.screen import LabelEditor

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome


class Hand(QObject):
    """Signals: `labeled(Item)`: this row is done, what comes next?; `kept(Item)`: it has changed and stays in sight;
    `held(Item)`: what is said of it is not whole yet, and nothing of it is written;
    `turned(item id)`: its label was undone or done again; `turned_many(Outcome, sentence)`: an operation was.
    """

    labeled = Signal(object)
    kept = Signal(object)
    held = Signal(object)
    turned = Signal(int)
    turned_many = Signal(object, str)

    def __init__(
        self,
        hub: Hub,
        desk: LabelDesk,
        listing: Listing,
        pen: Pen,
        current: Callable[[], Item | None],
        classes: Callable[[], Sequence[Class]],
        parent: QObject,
    ) -> None:
        """`current()` is the row shown, `classes()` the project's now."""
        super().__init__(parent)
        self._hub, self._desk, self._listing, self._pen = hub, desk, listing, pen
        self._current, self._classes = current, classes
        listing.labeled.connect(self._on_many_labeled)
        hub.changed.connect(self._on_changed)

    def commands(self) -> dict[str, Callable[[], None]]:
        """What it does by command; nothing where the project can only be read."""
        told: dict[str, Callable[[], None]] = {
            "accept": self.accept,
            "skip": self.skip,
            "clear": self.clear,
            "undo": lambda: self.turn(undo=True),
            "redo": lambda: self.turn(undo=False),
            "repeat": lambda: self._again(self._pen.last),
            **{f"recent.{place + 1}": partial(self._recent, place) for place in range(keymap.RECENT)},
        }
        turning = ("undo", "redo")
        return {name: partial(self._if_writable, do, gives=name not in turning) for name, do in told.items()}

    def follow(self, editor: LabelEditor) -> None:
        """Write what the editor gives, in its turn."""
        editor.chosen.connect(lambda value: self._listing.many.after(partial(self.choose, value)))
        editor.edited.connect(self.edit)

    def begin(self) -> None:
        """Another project: it has other labels, nothing is done there yet, and what waits is not wanted any more."""
        self._pen.forget()
        self._desk.session.begin()
        self._listing.many.forget()

    def show_classes(self) -> None:
        """The project's labels as they are now, and those given last."""
        self._pen.follow_classes()
        self._desk.show_classes(self._classes())
        self._desk.show_recent(self._pen.recent)

    def leave(self) -> None:
        """Another row comes: what was written a moment ago is kept."""
        if self._desk.editor is not None:
            self._desk.editor.settle()
        self._pen.leave()

    def choose(self, value: Any) -> None:
        """Give this label."""
        item = self._current()
        if self._many:
            self._pen.remember(value)
            self._listing.give(value)
        elif item is not None and self._pen.give(item, value):
            suggested = item.prediction.label if item.prediction is not None else None
            self._desk.session.count_label(None if suggested is None else suggested == self._named(value))
            self.labeled.emit(item)
        self._desk.show_recent(self._pen.recent)

    def edit(self, value: Any) -> None:
        """Keep a label that may not be whole yet; None: no label."""
        item = self._current()
        if item is None:
            return
        if self._pen.hold(item, value):
            self.held.emit(self._on_disk(item))
            return
        editor = self._desk.editor
        self._pen.keep(item, value, one_step=editor is not None and editor.writes)
        self.kept.emit(item)

    def accept(self) -> None:
        """Confirm what stands, or take what the model suggests."""
        item = self._current()
        if self._many:
            self._listing.accept()
        elif self._desk.editor is not None and not self._desk.listing and self._desk.editor.confirm():
            return
        elif item is not None and self._pen.accept(item, self._classes()):
            self._desk.session.count_label(agreed=True)
            self._desk.show_recent(self._pen.recent)
            self.labeled.emit(item)

    def skip(self) -> None:
        """Put aside."""
        item = self._current()
        if self._many:
            self._listing.skip()
        elif item is not None and self._pen.skip(item):
            self.labeled.emit(item)

    def clear(self) -> None:
        """Take the label away."""
        item = self._current()
        if self._many:
            self._listing.give(None)
        elif item is not None and self._pen.drop(item):
            self.held.emit(self._on_disk(item))
        elif item is not None and (item.value is not None or item.skipped):
            self._pen.clear(item)
            self.kept.emit(item)

    def turn(self, *, undo: bool) -> None:
        """Undo or redo what comes next in line: a single label, or an operation on many."""
        project, item = self._hub.project, self._current()
        if project is None:
            return
        if undo and item is not None and self._pen.drop(item):
            self.held.emit(self._on_disk(item))
            return
        self._pen.begin_again()
        step = project.undoing.next_undo() if undo else project.undoing.next_redo()
        if step is not None and step.operation is not None:
            words = self.tr("Undone: {what}.") if undo else self.tr("Done again: {what}.")
            sentence = words.format(what=step.title)
            self._listing.many.turn(step, lambda outcome: self._on_turned(outcome, sentence), undo=undo)
            return
        number = self._pen.turn(undo=undo)
        if number is not None:
            self.turned.emit(number)

    @property
    def _many(self) -> bool:
        return self._desk.listing and len(self._listing.view.selected()) > 1

    def _recent(self, place: int) -> None:
        self._again(self._pen.recent[place] if place < len(self._pen.recent) else None)

    def _again(self, value: Any) -> None:
        """Give a label of before, where a value by itself is a label."""
        if value is not None and self._desk.editor is not None and self._desk.editor.can_list:
            self.choose(value)

    def _on_disk(self, item: Item) -> Item | None:
        return self._hub.project.items.get(item.id) if self._hub.project is not None else None

    def _if_writable(self, do: Callable[[], None], *, gives: bool) -> None:
        """`gives`: it is of labels, which not all tasks have."""
        task = self._hub.task
        if self._hub.writable and not (gives and task is not None and task.unsupervised):
            do()

    def _named(self, value: Any) -> Any:
        task = self._hub.task
        names = {one.id: one.name for one in self._classes()}
        return task.labels.to_named(value, names) if task is not None else None

    def _on_changed(self, changes: Changes) -> None:
        if changes.items:  # drafts may have been masked with the texts
            self._pen.read_again()

    def _on_many_labeled(self, count: int, agreed: int | None) -> None:
        self._desk.session.count_many(count, agreed)

    def _on_turned(self, outcome: Outcome, sentence: str) -> None:
        if outcome.left:
            sentence += " " + self.tr("{count:,} rows were changed since and stay.").format(count=outcome.left)
        self.turned_many.emit(outcome, sentence)
