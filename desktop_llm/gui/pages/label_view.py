"""Which rows the Label page shows, and in which order."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_llm.rows import Order, Show
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import Choice


class LabelView(QWidget):
    """Two choices with their titles. Signals: `changed()`: the person chose something else."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Unlabeled rows in file order at first."""
        super().__init__(parent)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        self._show = self._choice(
            "label.show",
            self.tr("Show"),
            [
                (self.tr("Unlabeled"), "unlabeled"),
                (self.tr("All"), "all"),
                (self.tr("Labeled"), "labeled"),
                (self.tr("Skipped"), "skipped"),
            ],
        )
        self._order = self._choice(
            "label.order",
            self.tr("Order"),
            [(self.tr("As in the file"), "file"), (self.tr("Most uncertain first"), "uncertain")],
        )
        self._order_title = plain_label(self._order.accessibleName(), "muted")
        for title, box in (
            (plain_label(self._show.accessibleName(), "muted"), self._show),
            (self._order_title, self._order),
        ):
            line.addWidget(title)
            line.addWidget(box)

    @property
    def show_which(self) -> Show:
        """Which rows."""
        chosen: Show = self._show.currentData()
        return chosen

    @property
    def order(self) -> Order:
        """In which order."""
        chosen: Order = self._order.currentData()
        return chosen

    def show_all(self) -> None:
        """All rows, in file order; says nothing."""
        self._quietly(self._show, "all")
        self._quietly(self._order, "file")

    def offer_order(self, offered: bool) -> None:
        """Whether there are orders at all: without a model there is the file's alone."""
        self._order_title.setVisible(offered)
        self._order.setVisible(offered)

    def set_order_possible(self, possible: bool) -> None:
        """Whether rows can be ordered by uncertainty; says nothing."""
        if not possible:
            self._quietly(self._order, "file")
        self._order.setEnabled(possible)
        self._order.setToolTip("" if possible else self.tr("After a model has looked at the unlabeled texts."))

    def state(self) -> dict[str, Any]:
        """What is chosen, as JSON."""
        return {"show": self.show_which, "order": self.order}

    def restore(self, told: dict[str, Any]) -> None:
        """Choose what `state` gave; says nothing."""
        self._quietly(self._show, told.get("show"))
        self._quietly(self._order, told.get("order"))

    def _quietly(self, box: Choice, value: object) -> None:
        box.blockSignals(True)
        box.setCurrentIndex(max(0, box.findData(value)))
        box.blockSignals(False)

    def _choice(self, name: str, title: str, entries: list[tuple[str, str]]) -> Choice:
        box = Choice()
        box.setObjectName(name)
        box.setAccessibleName(title)
        box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for words, value in entries:
            box.addItem(words, value)
        box.currentIndexChanged.connect(lambda _: self.changed.emit())
        return box
