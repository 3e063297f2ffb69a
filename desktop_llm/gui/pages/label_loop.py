"""The model in the loop on the Label page: its button, the order it gives the rows, and the labels that it doubts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label_view import LabelView
from desktop_llm.gui.pages.look_again import LookAgain
from desktop_llm.gui.pages.loop_panel import LoopButton
from desktop_llm.rows import LOOP, Class, Item


class LabelLoop(QObject):
    """Signal: `answered(Item)`: a doubted label stays, and the row left the queue.

    `button` belongs into the page's head, `bar` above the rows.
    """

    answered = Signal(object)

    def __init__(self, hub: Hub, view: LabelView, classes: Callable[[], Sequence[Class]], page: QWidget) -> None:
        """`classes` tells the project's classes as the page shows them."""
        super().__init__(page)
        self._hub, self._view, self._classes = hub, view, classes
        self._item: Item | None = None
        self._wished = False
        """Whether the model is to order the rows as soon as it can, and nobody has chosen otherwise since."""
        view.changed.connect(self._on_chosen)
        hub.project_opened.connect(self._on_chosen)
        self._head = LoopButton(hub, page)
        self._head.order_asked.connect(self._on_order_asked)
        self.button = self._head.button
        self.bar = LookAgain(hub)
        self.bar.answered.connect(self.answered)

    def refresh(self) -> None:
        """Offer the orders that there are now; take the model's where somebody waits for it."""
        project = self._hub.project
        if project is None:
            return
        ordered = project.ordering.has_any()
        self._view.set_order_possible(ordered, doubted=project.doubts.count() > 0)
        if self._wished and ordered:
            self._wished = False
            self._view.take_order("uncertain")

    def left(self, unlabeled: int) -> int:
        """How many labels are doubted, where the page goes through these; else `unlabeled`, the rows that wait."""
        project = self._hub.project
        return project.doubts.count() if project is not None and self._view.order == "doubted" else unlabeled

    def look_again(self) -> None:
        """Go through the doubted labels."""
        self._view.set_order_possible(True, doubted=True)
        self._view.choose_order("doubted")

    def show_item(self, item: Item | None) -> None:
        """Ask about the row's label, where the page goes through doubted ones."""
        self._item = item
        doubted = item if item is not None and item.value is not None and self._view.order == "doubted" else None
        task = self._hub.task
        if doubted is None or task is None:
            self.bar.show_item(None)
            return
        self.bar.show_item(doubted, task.labels.text(doubted.value, {one.id: one.name for one in self._classes()}))

    def commands(self) -> dict[str, Callable[[], None]]:
        """What the page does by a command."""
        return {"keep": self.bar.keep, "hard": self.bar.hard, "why": self._ask_why}

    def _ask_why(self) -> None:
        """Try the row, and look behind the answer; by the run that has answered it already, if one has."""
        item, task = self._item, self._hub.task
        if item is None or task is None or not task.explains:
            return
        told: dict[str, object] = {"row": dict(item.content), "tab": "why"}
        if item.predicted_by not in (None, LOOP):
            told["run"] = item.predicted_by
        self._hub.page_asked.emit("try", told)

    def _on_order_asked(self) -> None:
        """The model is to say what comes next, as soon as it has ordered the rows."""
        project = self._hub.project
        if project is not None and project.ordering.has_any():
            self._view.choose_order("uncertain")
        elif project is not None:
            self._wished = True

    def _on_chosen(self) -> None:
        self._wished = False
