"""The Label page: one row after the other, by keys, each label on disk before the next row appears."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.page import Page
from desktop_llm.gui.pages import label_keys
from desktop_llm.gui.pages.class_dialog import ClassDialog
from desktop_llm.gui.pages.label_pen import Pen
from desktop_llm.gui.pages.label_queue import QueueCard
from desktop_llm.gui.pages.label_rows import LabelRows
from desktop_llm.gui.pages.label_session import SessionCard
from desktop_llm.gui.pages.label_view import LabelView
from desktop_llm.gui.pages.suggesting import Suggesting
from desktop_llm.rows import Changes, Class, Counts, Filter, Item
from desktop_llm.verbs import naming, switching
from desktop_llm.widgets.button import button
from desktop_llm.widgets.empty import EmptyState
from desktop_llm.widgets.screen import ClassInfo, LabelEditor, ShownItem

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

WIDE = 820
"""From so many pixels on there is room for the queue beside the text."""


class LabelPage(Page):
    """Queue at the left, the task's editor in the middle, the session below."""

    name = "label"

    def __init__(self, hub: Hub) -> None:
        """The editor is made for the task when a project is open."""
        super().__init__(hub, hub.tr("Label"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._classes: list[Class] = []
        self._counts: Counts | None = None
        self._item: Item | None = None
        self._pen = Pen(hub)
        self._editor: LabelEditor | None = None
        self._suggesting = Suggesting(hub, self)
        self._build_header()
        self._stack = QStackedWidget()
        self._empty = EmptyState(
            self.tr("Nothing to label yet"), self.tr("Import some texts first."), self.tr("Go to Data"), "label.go_data"
        )
        self._empty.asked.connect(lambda: self.hub.page_asked.emit("data", {}))
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._build_work())
        self.content.addWidget(self._stack, 1)

    @property
    def item(self) -> Item | None:
        """The row that is shown."""
        return self._item

    def set_project(self, project: Project | None) -> None:
        """Begin with the first row that waits."""
        self._item, self._rows.narrowed = None, Filter()
        self._chip.hide()
        task = self.hub.task
        if project is None or task is None:
            return
        if self._editor is not None:
            self.session.setParent(self)  # it outlives the editor that it stands in
            self._line.removeWidget(self._editor)
            self._editor.deleteLater()
        self._editor = task.open_screen().label_editor()
        self._editor.set_foot(self.session)
        self.session.show()
        # Qt takes None for no proxy, which its stubs do not know.
        self.setFocusProxy(self._editor if self._editor.focusProxy() is not None else cast("QWidget", None))
        self._editor.asked.connect(self.do)
        self._editor.chosen.connect(self._on_chosen)
        self._editor.edited.connect(self._on_edited)
        self._editor.set_switches(switching.switches(project, task))
        self._editor.edit_classes_asked.connect(self.edit_classes)
        self._queue.in_line = task.in_line
        self._view.offer_order(task.learns)
        self.session.show_agreement(task.learns)
        self._line.addWidget(self._editor, 1)
        self._reload_all()

    def on_changes(self, changes: Changes) -> None:
        """Others have changed something: an import, the label dialog, a run."""
        if self.hub.project is None:
            return
        if changes.items or changes.predictions:
            self._reload_all(keep=True)
        elif changes.classes:
            self._load_classes()
        if changes.runs:
            self._suggesting.refresh()

    def opened(self, **arguments: Any) -> None:
        """`item` shows that row; `filter` narrows the queue to it."""
        self.setFocus()
        self._suggesting.refresh()
        if isinstance(arguments.get("filter"), Filter):
            self._rows.narrowed = arguments["filter"]
            words = str(arguments.get("words", self.tr("Chosen rows")))
            self._chip.setText(self.tr("{what}  ✕").format(what=words.replace("&", "&&")))
            self._chip.setAccessibleName(self.tr("Show all rows again, not only: {what}").format(what=words))
            self._chip.show()
            self._view.show_all()
            self._reload_all()
        if isinstance(arguments.get("item"), int):
            self._view.show_all()
            self._rows.narrowed = Filter()
            self._chip.hide()
            self._reload_all(first=arguments["item"])

    def edit_classes(self) -> None:
        """Open the dialog of the labels."""
        if not self.hub.writable:
            self.hub.show_error(UserError(self.tr("This project can only be read now.")))
            return
        dialog = ClassDialog(self.hub, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.finished.connect(lambda _: self.setFocus())
        dialog.open()
        dialog.new_name.setFocus()

    def keys(self) -> list[tuple[str, str]]:
        """The editor's."""
        commands = self._editor.commands() if self._editor is not None else ()
        return [(" · ".join(dict.fromkeys(_key_words(one.keys))), one.title) for one in commands]

    def state(self) -> dict[str, Any]:
        """What is shown, in which order."""
        return self._view.state()

    def restore(self, told: dict[str, Any]) -> None:
        """As last time."""
        self._view.restore(told)

    # building

    def _build_header(self) -> None:
        self._chip = button("", "label.filter_chip", self._on_chip, kind="quiet")
        self._chip.hide()
        self._view = LabelView()
        self._view.changed.connect(self._on_order_changed)
        for part in (self._chip, self._suggesting.button, self._view):
            self.header.addWidget(part)

    def _build_work(self) -> QWidget:
        work = QWidget()
        self._line = line = QHBoxLayout(work)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(16)
        self._queue_card = QueueCard()
        self._queue_card.row_asked.connect(self._on_queue_clicked)
        self._queue = self._queue_card.model
        self._rows = LabelRows(self.hub, self._view, self._queue)
        line.addWidget(self._queue_card)
        self.session = SessionCard(work)
        self.session.hide()
        return work

    # loading

    def _reload_all(self, *, keep: bool = False, first: int | None = None) -> None:
        project = self.hub.project
        if project is None:
            return
        kept = project.items.get(self._item.id) if keep and self._item is not None else None
        self._view.set_order_possible(project.predictions.has_any())
        self._load_classes()
        self._show_item(self._rows.load(first=first, kept=kept))
        self._load_counts()

    def _load_classes(self) -> None:
        project = self.hub.project
        if project is not None and self._editor is not None:
            self._classes = project.classes.all()
            self._tell_classes()
            self._show_item(self._item)

    def _load_counts(self) -> None:
        project = self.hub.project
        if project is not None:
            self.hub.background.run(lambda _: project.items.counts(), on_done=self._show_counts)

    def _show_counts(self, counts: Counts) -> None:
        self._counts = counts
        before, now = self._stack.currentIndex(), int(counts.total > 0)
        self._stack.setCurrentIndex(now)
        if before != now and self.isVisible():
            self.setFocus()  # what could not have it before may be there now
        self.session.show_counts(counts)
        self._queue_card.show_left(counts.unlabeled)
        self._show_item(self._item)

    # showing

    def _tell_classes(self) -> None:
        if self._editor is not None:
            self._editor.set_classes(
                [ClassInfo(id=o.id, name=o.name, color=o.color, key=o.key, count=o.count) for o in self._classes]
            )

    def _show_item(self, item: Item | None) -> None:
        if item is not None and self.hub.project is not None and self.hub.task is not None:
            item = naming.in_names_of_now(self.hub.project, item, self.hub.task.labels)
        if self._item is not None and (item is None or item.id != self._item.id):
            if self._editor is not None:
                self._editor.settle()
            self._pen.leave()
        self._item = item
        if self._editor is None:
            return
        if item is None:
            self._editor.show_item(None)
            return
        self._queue_card.mark(item.id)
        self._editor.show_item(
            ShownItem(
                id=item.id,
                content=item.content,
                extra=item.extra,
                value=item.value,
                suggestion=item.prediction,
                position=item.id,
                total=self._counts.total if self._counts is not None else 0,
                source=item.source,
            )
        )

    def _go(self, by: int) -> None:
        """To the next (1) or previous (-1) row of the queue."""
        following = self._rows.beside(self._item, by) if self._item is not None else None
        if following is not None:
            self._show_item(following)
            self._rows.fetch_more(following)

    # labeling

    def _on_chosen(self, value: Any) -> None:
        item = self._item
        if item is not None and self._pen.give(item, value):
            suggested = item.prediction.label if item.prediction is not None else None
            self.session.count_label(None if suggested is None else suggested == self._named(value))
            self._after_write(item)

    def _on_edited(self, value: Any) -> None:
        """A label that may not be whole yet: kept at once, and the row stays."""
        item, project = self._item, self.hub.project
        if item is None or project is None:
            return
        self._pen.keep(item, value, one_step=self._editor is not None and self._editor.writes)
        fresh = project.items.get(item.id)
        if fresh is not None:
            self._queue.update(fresh)
        self._announce()
        self._show_item(fresh)

    def _accept(self) -> None:
        item = self._item
        if self._editor is not None and self._editor.confirm():
            return
        if item is not None and self._pen.accept(item, self._classes):
            self.session.count_label(agreed=True)
            self._after_write(item)

    def _skip(self) -> None:
        if self._item is not None and self._pen.skip(self._item):
            self._after_write(self._item)

    def _turn(self, *, undo: bool) -> None:
        """Undo or redo, and show the row it was about."""
        project, number = self.hub.project, self._pen.turn(undo=undo)
        if project is None or number is None:
            return
        self._announce()
        item = project.items.get(number)
        if item is not None:
            self._queue.put_first(item)
            self._show_item(item)

    def _after_write(self, item: Item) -> None:
        project = self.hub.project
        assert project is not None
        fresh = project.items.get(item.id)
        if fresh is not None:
            self._queue.update(fresh)
        self._announce()
        if self.hub.settings.advance_after_label and self._queue.neighbour(item.id, 1) is not None:
            self._go(1)
        elif self._queue.neighbour(item.id, 1) is None and self._view.show_which == "unlabeled":
            self._reload_all()
        else:
            self._show_item(fresh)

    def _announce(self) -> None:
        """The window hears of a label once; counts are read behind the scenes."""
        project = self.hub.project
        if project is not None:
            self.hub.background.run(lambda _: (project.items.counts(), project.classes.all()), on_done=self._on_counted)
        self.hub.changed.emit(Changes(labels=True))

    def _on_counted(self, told: tuple[Counts, list[Class]]) -> None:
        counts, self._classes = told
        self._counts = counts
        self.session.show_counts(counts)
        self._queue_card.show_left(counts.unlabeled)
        self._tell_classes()

    def _named(self, value: Any) -> Any:
        task = self.hub.task
        names = {one.id: one.name for one in self._classes}
        return task.labels.to_named(value, names) if task is not None else None

    # hearing

    def _on_order_changed(self) -> None:
        self._reload_all()
        self.setFocus()

    def _on_chip(self) -> None:
        self._rows.narrowed = Filter()
        self._chip.hide()
        self._reload_all()
        self.setFocus()

    def _on_queue_clicked(self, place: int) -> None:
        project, item = self.hub.project, self._queue.item(place)
        if project is not None and item is not None:
            self._show_item(project.items.get(item.id))
            self._rows.fetch_more(item)
        self.setFocus()

    def do(self, action: str) -> None:
        """Do what a key or the menu means."""
        moves: dict[str, Callable[[], None]] = {"next": lambda: self._go(1), "previous": lambda: self._go(-1)}
        writes: dict[str, Callable[[], None]] = {
            "accept": self._accept,
            "skip": self._skip,
            "undo": lambda: self._turn(undo=True),
            "redo": lambda: self._turn(undo=False),
        }
        if action in moves:
            moves[action]()
        elif action == "find" and self._editor is not None:
            self._editor.focus_filter()
        elif action == "edit":
            self.edit_classes()
        elif action in writes and self.hub.writable:
            writes[action]()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys of the editor, of the page, of the labels."""
        editor = self._editor
        command = label_keys.command_of(event, editor.commands()) if editor is not None else ""
        action = "" if command else label_keys.action_of(event)
        if editor is not None and command:
            editor.do(command)
        elif action:
            self.do(action)
        elif editor is None or not label_keys.is_plain(event) or not editor.key_for_label(event.text()):
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window the text comes first."""
        super().resizeEvent(event)
        self._queue_card.setVisible(event.size().width() >= WIDE)


def _key_words(keys: Sequence[str]) -> list[str]:
    """Keys as they stand on a keyboard; there are two with the name Enter."""
    return [key.replace("Return", "Enter") for key in keys]
