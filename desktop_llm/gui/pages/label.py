"""The Label page: row after row or fifty in a list, by keys, each label on disk before the next row appears."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from desktop_llm.gui import shortcuts
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages import class_dialog, label_keys
from desktop_llm.gui.pages.label_chip import FilterChip
from desktop_llm.gui.pages.label_clock import Clock
from desktop_llm.gui.pages.label_counting import Counting
from desktop_llm.gui.pages.label_desk import LabelDesk
from desktop_llm.gui.pages.label_hand import Hand
from desktop_llm.gui.pages.label_listing import Listing
from desktop_llm.gui.pages.label_loop import LabelLoop
from desktop_llm.gui.pages.label_others import Others
from desktop_llm.gui.pages.label_pen import Pen
from desktop_llm.gui.pages.label_rows import LabelRows
from desktop_llm.gui.pages.label_view import FURTHER, WAITING, LabelView
from desktop_llm.gui.pages.label_voice import Voice
from desktop_llm.gui.pages.suggesting import Suggesting
from desktop_llm.rows import Changes, Class, Counts, Filter, Item
from desktop_llm.verbs import naming, switching
from desktop_llm.widgets.empty import EmptyState

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project


class LabelPage(Page):
    """Queue at the left, the task's editor in the middle, the session below; or a list in the text's place."""

    name = "label"

    def __init__(self, hub: Hub) -> None:
        """The editor is made for the task when a project is open."""
        super().__init__(hub, hub.tr("Label"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._classes: list[Class] = []
        self._counts: Counts | None = None
        self._item: Item | None = None
        self._counting = Counting(hub, self)
        self._counting.counted.connect(self._on_counted)
        self._clock = Clock()
        self._suggesting = Suggesting(hub, self)
        self._build_header()
        self._stack = QStackedWidget()
        self._empty = EmptyState(
            self.tr("Nothing to label yet"), self.tr("Import some texts first."), self.tr("Go to Data"), "label.go_data"
        )
        self._empty.asked.connect(lambda: self.hub.page_asked.emit("data", {}))
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._build_desk())
        self.content.addWidget(self._others.card)
        self.content.addWidget(self._loop.bar)
        self.content.addWidget(self._stack, 1)
        self._actions = self._build_actions()
        hub.settings_changed.connect(lambda _: self._show_ways())

    @property
    def item(self) -> Item | None:
        """The row that is shown, or in the list the one that the keyboard is on."""
        return self._item

    def set_project(self, project: Project | None) -> None:
        """Begin with the first row that waits."""
        self._item, self._rows.narrowed = None, Filter()
        self._chip.hide()
        self._others.forget()
        self._hand.begin()
        task = self.hub.task
        if project is None or task is None:
            return
        editor = task.open_screen().label_editor()
        self.setFocusProxy(self._desk.put_editor(editor, task))
        self._hand.follow(editor)
        editor.set_switches(switching.switches(project, task))
        editor.edit_classes_asked.connect(self.edit_classes)
        self._view.offer(order=task.learns, show=not task.unsupervised)
        self._show_ways()
        self._reload_all()

    def on_changes(self, changes: Changes) -> None:
        """Others have changed something: an import, the label dialog, a run."""
        if self.hub.project is None:
            return
        if changes.items or changes.predictions:
            self._reload_all(keep=True)
        elif changes.classes:
            if self._desk.editor is not None and self.hub.task is not None:
                self._desk.editor.set_switches(switching.switches(self.hub.project, self.hub.task))
            self._load_classes()
        if changes.runs:
            self._suggesting.refresh()
        if changes.items or changes.labels:
            self._others.refresh()

    def opened(self, **arguments: Any) -> None:
        """`item` shows that row; `filter` narrows the queue; `show`, `order` choose rows; `listing`: as a list."""
        self._suggesting.refresh()
        if isinstance(arguments.get("listing"), bool):
            self._desk.wants_list = arguments["listing"]
            self._show_ways()
        if isinstance(arguments.get("filter"), Filter):
            self._rows.narrowed = arguments["filter"]
            self._chip.tell(str(arguments.get("words", self.tr("Chosen rows"))))
            self._view.show_all()
            self._show_ways()
            self._reload_all()
        if isinstance(arguments.get("item"), int):
            self._view.show_all()
            self._on_chip(first=arguments["item"])
        if arguments.get("order") == "doubted":
            self._loop.look_again()
        if arguments.get("show") in FURTHER:
            self._view.choose(arguments["show"])
            self._on_chip()
        self._take_keys()

    def edit_classes(self, *, guideline: bool = False) -> None:
        """Open the dialog of the labels, or of the project's `guideline` in it."""
        class_dialog.open_over(self, self.hub, guideline=guideline)

    def state(self) -> dict[str, Any]:
        """What is shown, in which order, and how."""
        ways = {"list": self._desk.wants_list, "guideline": self._desk.wants_guideline}
        return {**self._view.state(), **self._others.state(), **ways}

    def restore(self, told: dict[str, Any]) -> None:
        """As last time."""
        self._view.restore(told)
        self._others.restore(told)
        self._desk.wants_list, self._desk.wants_guideline = bool(told.get("list")), bool(told.get("guideline"))

    # building

    def _build_header(self) -> None:
        self._chip = FilterChip(self._on_chip)
        self.content.addWidget(self._chip, 0, Qt.AlignmentFlag.AlignLeft)
        self._view = LabelView()
        self._view.changed.connect(self._on_order_changed)
        self._pen = Pen(self.hub, self._clock, Voice(self.hub, self._view))
        self._others = Others(self.hub, self._view, lambda: self._classes, self)
        self._others.labeler_changed.connect(self._pen.forget)  # the label of one is not another's
        self._others.labeler_changed.connect(self._reload_all)
        self._loop = LabelLoop(self.hub, self._view, lambda: self._classes, self)
        self._loop.answered.connect(self._after_write)
        for part in (self._suggesting.button, self._loop.button, self._view):
            self.header.addWidget(part)

    def _build_desk(self) -> QWidget:
        self._desk = desk = LabelDesk(self.hub, self._clock, self)
        desk.may_list = lambda: not self._others.apart
        desk.left = lambda unlabeled: self._loop.left(self._others.left(unlabeled))
        self._others.counted.connect(desk.show_left)
        desk.command_asked.connect(self.do)
        desk.session.add_tool(self._others.history)
        desk.guideline.edit_asked.connect(lambda: self.edit_classes(guideline=True))
        desk.queue.row_asked.connect(self._on_queue_clicked)
        self._queue = desk.queue.model
        self._rows = LabelRows(self.hub, self._view, self._queue)
        self._listing = Listing(self.hub, self._rows, lambda: self._classes, desk)
        self._listing.written.connect(self._on_many_written)
        self._listing.current_changed.connect(self._on_current_changed)
        desk.list_view = self._listing.view
        self._hand = Hand(self.hub, desk, self._listing, self._pen, lambda: self._item, lambda: self._classes, self)
        self._others.chosen.connect(lambda value: self._in_turn(partial(self._hand.choose, value)))
        self.hub.leaving.connect(self._hand.leave)
        self._hand.labeled.connect(self._after_write)
        self._hand.kept.connect(self._show_written)
        self._hand.held.connect(self._show_item)
        self._hand.turned.connect(self._on_turned)
        self._hand.turned_many.connect(self._on_turned_many)
        return desk

    def _build_actions(self) -> dict[str, Callable[[], None]]:
        """What the page does by a command."""
        listing = self._listing
        return {
            **self._hand.commands(),
            **self._loop.commands(),
            "next": lambda: self._go(1),
            "previous": lambda: self._go(-1),
            "page_next": lambda: listing.turn_page(1) if self._desk.listing else None,
            "page_previous": lambda: listing.turn_page(-1) if self._desk.listing else None,
            "train": lambda: self.hub.page_asked.emit("train", {}),
            "find": lambda: self._desk.editor.focus_filter() if self._desk.editor is not None else None,
            "edit": self.edit_classes,
            "history": self._others.open_history,
            "list": self._turn_listing,
            "guideline": self._turn_guideline,
            "advance": self._desk.session.advance.toggle,
            "help": lambda: shortcuts.trigger(self.window(), "help.keys"),
        }

    # loading

    def _reload_all(self, *, keep: bool = False, first: int | None = None) -> None:
        project = self.hub.project
        if project is None:
            return
        kept = project.items.get(self._item.id) if keep and self._item is not None else None
        self._loop.refresh()
        self._load_classes()
        if self._desk.listing and keep:
            self._listing.refresh()
        elif self._desk.listing:
            self._listing.load(None if first is None else project.items.get(first))
        else:
            self._show_item(self._rows.load(first=first, kept=kept))
        self._load_counts()

    def _load_classes(self) -> None:
        project = self.hub.project
        if project is not None and self._desk.editor is not None:
            self._classes = project.classes.all()
            self._hand.show_classes()
            self._show_item(self._item)
            self._desk.show_guideline(self._classes)

    def _load_counts(self) -> None:
        project = self.hub.project
        if project is not None:
            self.hub.background.run(lambda _: project.items.counts(), on_done=self._show_counts)
            self._others.refresh()

    def _show_counts(self, counts: Counts) -> None:
        self._counts = counts
        self._stack.setCurrentIndex(1 if counts.total else 0)
        self._desk.show_counts(counts)
        self._show_item(self._item)

    # showing

    def _show_ways(self) -> None:
        self._desk.show_ways()
        self._desk.show_classes(self._classes)
        self._desk.show_recent(self._pen.recent)

    def _show_item(self, item: Item | None) -> None:
        if item is not None and self.hub.project is not None and self.hub.task is not None:
            item = naming.in_names_of_now(self.hub.project, item, self.hub.task.labels)
        if (item.id if item is not None else None) != (self._item.id if self._item is not None else None):
            self._hand.leave()
        self._item = self._pen.held(self._others.seen(item))
        self._desk.show_item(self._item, self._counts, draft=self._pen.holds(self._item))
        self._loop.show_item(self._item)

    def _go(self, by: int) -> None:
        """To the next (1) or previous (-1) row of the queue."""
        if self._desk.listing:
            self._listing.move(by)
            return
        following = self._rows.beside(self._item, by) if self._item is not None else None
        if following is not None:
            self._show_item(following)
            self._rows.fetch_more(following)

    def _turn_listing(self) -> None:
        if self._others.apart:
            return  # a list would show what is kept back
        if self._desk.editor is None or not self._desk.editor.can_list:
            self.hub.show_message(self.tr("Labels of this task are given row by row; it has no list."))
            return
        item = self._item
        self._desk.wants_list = not self._desk.wants_list
        self._show_ways()
        self._reload_all(first=None if item is None else item.id)
        self._take_keys()

    def _turn_guideline(self) -> None:
        self._desk.turn_guideline()
        self._load_classes()

    # labeling

    def _in_turn(self, do: Callable[[], None]) -> None:
        """Now, or as soon as the operation is on disk that is being written: keys keep their order."""
        self._listing.many.after(do)

    def _after_write(self, item: Item) -> None:
        fresh = self._show_written(item, show=False)
        if self._desk.listing:
            if self.hub.settings.advance_after_label:
                self._listing.move(1)
        elif self.hub.settings.advance_after_label and self._queue.neighbour(item.id, 1) is not None:
            self._go(1)
        elif self._queue.neighbour(item.id, 1) is None and self._view.show_which in WAITING:
            self._reload_all()
        else:
            self._show_item(fresh)

    def _show_written(self, item: Item, *, show: bool = True) -> Item | None:
        """The row as it is on disk now, in the queue, in the list, and, if wanted, in the editor."""
        fresh = self.hub.project.items.get(item.id) if self.hub.project is not None else None
        if fresh is not None:
            self._queue.update(fresh)
            self._listing.view.update_items([fresh])
        self._announce()
        if show:
            self._show_item(fresh)
        return fresh

    def _announce(self) -> None:
        """The window hears of a label once; counts are read behind the scenes, for many quick keys together."""
        self._counting.ask()
        self.hub.changed.emit(Changes(labels=True))

    # hearing

    def _on_counted(self, counts: Counts, classes: list[Class]) -> None:
        self._counts, self._classes = counts, classes
        self._desk.show_counts(counts)
        self._desk.show_classes(self._classes)

    def _on_many_written(self, outcome: Outcome) -> None:
        self._announce()
        self.hub.show_message(self.tr("{count:,} rows changed.").format(count=outcome.changed))

    def _on_turned(self, number: int) -> None:
        item = self.hub.project.items.get(number) if self.hub.project is not None else None
        if item is None:
            return
        self._announce()
        if self._desk.listing:
            self._listing.refresh()
            self._listing.view.select([item.id])
        else:
            self._rows.put_first(item)
            self._show_item(item)

    def _on_turned_many(self, outcome: Outcome, sentence: str) -> None:
        self._reload_all(keep=True)
        self.hub.changed.emit(outcome.changes)
        self.hub.show_message(sentence)

    def _on_current_changed(self, item: Item | None) -> None:
        if self._desk.listing:
            self._show_item(item)

    def _on_order_changed(self, first: int | None = None) -> None:
        self._show_ways()
        self._reload_all(first=first)
        self._take_keys()

    def _on_chip(self, first: int | None = None) -> None:
        self._rows.narrowed = Filter()
        self._chip.hide()
        self._on_order_changed(first)

    def _on_queue_clicked(self, place: int) -> None:
        project, item = self.hub.project, self._queue.item(place)
        if project is not None and item is not None:
            self._show_item(project.items.get(item.id))
            self._rows.fetch_more(item)
        self._take_keys()

    def do(self, action: str) -> None:
        """Do what a key or the menu means."""
        if action in self._actions:
            self._in_turn(self._actions[action])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys of the editor, of the page, of the labels."""
        self._clock.touch()
        editor, keys, pressed = self._desk.editor, self.hub.keys, label_keys.pressed(event)
        single = editor is not None and not self._desk.listing
        command = keys.editor_command(pressed, editor.commands()) if editor is not None and single else ""
        action = "" if command else keys.command(pressed)
        if editor is not None and command:
            editor.do(command)
        elif action:
            self.do(action)
        elif editor is None or not label_keys.is_plain(event) or not editor.key_for_label(event.text()):
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """In the list the keys are the table's first."""
        super().focusInEvent(event)
        if self._desk.listing:
            self._take_keys()

    def _take_keys(self) -> None:
        """The keyboard here, or in the list's table, where arrows select: who has it already hears no event of it."""
        table = self._listing.view.table
        (table if self._desk.listing and not table.isHidden() else self).setFocus()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The mouse is a sign of life, too."""
        self._clock.touch()
        super().mousePressEvent(event)
