"""What lies on the Label page: the queue or the guideline, the task's editor with the row or the list, the session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QWidget

from desktop_llm import keymap
from desktop_llm.gui import shortcuts
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label_clock import Clock
from desktop_llm.gui.pages.label_guideline import GuidelineCard
from desktop_llm.gui.pages.label_queue import QueueCard
from desktop_llm.gui.pages.label_session import SessionCard
from desktop_llm.rows import Class, Counts, Item
from desktop_llm.widgets.screen import ClassInfo, LabelEditor, ShownItem

if TYPE_CHECKING:
    from desktop_llm.tasks.task import Task

WIDE = 820
"""From so many pixels on there is room for the queue beside the text."""


class LabelDesk(QWidget):
    """Shows; the page decides. `editor` is there while a project is open.

    Signals: `command_asked(name)`: one of the key map's, by the mouse.
    """

    command_asked = Signal(str)

    def __init__(self, hub: Hub, clock: Clock, parent: QWidget) -> None:
        """Without an editor at first."""
        super().__init__(parent)
        self._hub = hub
        self.editor: LabelEditor | None = None
        self.wants_list = self.wants_guideline = False
        self.list_view: QWidget | None = None
        """The list, which stands in the editor while rows are shown as a list."""
        self.may_list: Callable[[], bool] = lambda: True
        """Whether rows may be shown as a list now: not where their labels are kept back."""
        self.left: Callable[[int], int] = lambda unlabeled: unlabeled
        """How many rows wait in what is shown."""
        self._unlabeled = self._total = 0
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(16)
        self.queue = QueueCard()
        self.guideline = GuidelineCard()
        self.guideline.close_asked.connect(lambda: self.command_asked.emit("guideline"))
        self._line.addWidget(self.queue)
        self._line.addWidget(self.guideline)
        self.guideline.hide()
        self.session = SessionCard(clock, self)
        self.session.advance_chosen.connect(lambda on: hub.save_settings(advance_after_label=on))
        self.session.list_asked.connect(lambda: self.command_asked.emit("list"))
        self.session.guideline_asked.connect(lambda: self.command_asked.emit("guideline"))
        self.session.keys_asked.connect(lambda: self.command_asked.emit("help"))
        self.session.hide()

    @property
    def listing(self) -> bool:
        """Whether rows are shown as a list."""
        return self.wants_list and self.may_list() and self.editor is not None and self.editor.can_list

    def put_editor(self, editor: LabelEditor, task: Task) -> QWidget:
        """Take this editor of a task in the place of the one before; who gets the keyboard in the page's place.

        None is for nobody, which Qt knows and its stubs do not.
        """
        if self.editor is not None:
            for kept in (self.session, self.list_view):
                if kept is not None:
                    kept.setParent(self)  # they outlive the editor that they stand in
            self._line.removeWidget(self.editor)
            self.editor.blockSignals(True)  # what it still says is about a row of the project before
            self.editor.hide()
            self.editor.deleteLater()
        self.editor = editor
        editor.set_foot(self.session)
        editor.let_write(self._hub.writable)
        self.session.show()
        self._line.addWidget(editor, 1)
        self.queue.model.in_line = task.in_line
        self.session.show_agreement(task.learns)
        editor.asked.connect(self.command_asked)
        return editor if editor.focusProxy() is not None else cast("QWidget", None)

    def show_ways(self) -> None:
        """Single or list, guideline, going on, and the keys for them."""
        editor = self.editor
        if editor is None:
            return
        free = {one.name: shortcuts.free_keys(one.name, self._hub, editor) for one in keymap.COMMANDS}
        told = {name: keymap.words(keys[0]) if keys else "" for name, keys in free.items()}
        editor.set_keys(told)
        self.session.show_keys(told)
        going_on = self._hub.settings.advance_after_label
        self.session.show_ways(advance=going_on, listing=self.listing, can_list=editor.can_list)
        if editor.can_list:
            editor.show_list(self.list_view if self.listing else None)
        if self.list_view is not None:
            self.list_view.setVisible(self.listing)
        self._show_sides()

    def turn_guideline(self) -> None:
        """Show the guideline, or hide it."""
        self.wants_guideline = not self.wants_guideline
        self._show_sides()

    def show_classes(self, classes: Sequence[Class]) -> None:
        """The labels, with the keys that work."""
        project, keys = self._hub.project, self._hub.keys
        if self.editor is None or project is None:
            return
        self.editor.set_classes(
            [
                ClassInfo(
                    id=one.id,
                    name=one.name,
                    color=one.color,
                    key="" if keys.shadowed(one.key) else one.key,
                    count=one.count,
                    description=one.description,
                    archived=one.archived,
                )
                for one in classes
            ]
        )

    def show_guideline(self, classes: Sequence[Class]) -> None:
        """The guideline as it is now, if it is wanted."""
        project = self._hub.project
        if self.wants_guideline and project is not None:
            self.guideline.show_guideline(project.guidelines.get(), classes)

    def show_recent(self, values: Sequence[Any]) -> None:
        """The labels given last, with their keys."""
        if self.editor is not None and self.editor.can_list:
            told = [self._hub.keys.told(f"recent.{place + 1}") for place in range(keymap.RECENT)]
            self.editor.set_recent(list(zip(values, told, strict=False)))

    def show_counts(self, counts: Counts) -> None:
        """The project's numbers."""
        self.session.show_counts(counts)
        self._unlabeled, self._total = counts.unlabeled, counts.total
        self.show_left()

    def show_left(self) -> None:
        """How many rows wait; where none needs a label, how many there are."""
        task = self._hub.task
        if task is not None and task.unsupervised:
            self.queue.show_texts(self._total)
        else:
            self.queue.show_left(self.left(self._unlabeled))

    def show_item(self, item: Item | None, counts: Counts | None, *, draft: bool = False) -> None:
        """A row, in the names that labels have now; None: there is none. `draft`: its label is not given yet."""
        if self.editor is None:
            return
        if item is None:
            self.editor.show_item(None)
            return
        self.queue.mark(item.id)
        self.editor.show_item(
            ShownItem(
                id=item.id,
                content=item.content,
                extra=item.extra,
                value=item.value,
                suggestion=item.prediction,
                position=item.id,
                total=counts.total if counts is not None else 0,
                source=item.source,
                draft=draft,
            )
        )

    def _show_sides(self) -> None:
        wide = self.width() >= WIDE
        above = self.wants_guideline and not wide
        directions = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._line.setDirection(directions[above])
        self.guideline.stand(beside=not above)
        self.guideline.setVisible(self.wants_guideline)
        self.queue.setVisible(wide and not self.listing and not self.wants_guideline)
        self.session.setVisible(self.editor is not None and not above)

    def showEvent(self, event: QShowEvent) -> None:
        """Where texts are written, the keyboard is there as soon as there is something to write."""
        super().showEvent(event)
        if self.editor is not None and self.editor.focusProxy() is not None:
            self.editor.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window the text comes first."""
        super().resizeEvent(event)
        self._show_sides()
