"""Which rows the Label page shows, and in which order."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_llm.rows import Order, Show
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import Choice

FURTHER: tuple[Show, ...] = ("second", "disputed")
"""What others have labeled: shown in file order, and offered only where there is such."""
WAITING: tuple[Show, ...] = ("unlabeled", *FURTHER)
"""Where a row is done with once it has its label."""


class LabelView(QWidget):
    """Two choices with their titles. Signals: `changed()`: the person chose something else."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Unlabeled rows in file order at first."""
        super().__init__(parent)
        self._meanwhile: Show | None = None
        """What was chosen to be shown before the doubted labels: these are shown as labeled rows, which they are."""
        self._possible: dict[Order, bool] = {"uncertain": False, "doubted": False}
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
        self._further: dict[Show, str] = {"second": self.tr("Second opinion"), "disputed": self.tr("To decide")}
        self._order = self._choice(
            "label.order",
            self.tr("Order"),
            [
                (self.tr("As in the file"), "file"),
                (self.tr("Most uncertain first"), "uncertain"),
                (self.tr("Doubtful labels first"), "doubted"),
            ],
        )
        self._show.currentIndexChanged.connect(lambda _: self._let_order())
        self._order_title = plain_label(self._order.accessibleName(), "muted")
        self._show_title = plain_label(self._show.accessibleName(), "muted")
        for title, box in (
            (self._show_title, self._show),
            (self._order_title, self._order),
        ):
            line.addWidget(title)
            line.addWidget(box)

    @property
    def show_which(self) -> Show:
        """Which rows."""
        chosen: Show = self._show.currentData()
        return self._meanwhile or chosen

    @property
    def order(self) -> Order:
        """In which order."""
        chosen: Order = "file" if self.show_which in FURTHER else self._order.currentData()
        return chosen

    def let(self, *, second: bool, disputed: bool) -> None:
        """Offer rows that wait for a second label, and disputed ones; what is chosen stays. Says nothing."""
        self._show.blockSignals(True)
        for value, wanted in zip(FURTHER, (second, disputed), strict=True):
            place = self._show.findData(value)
            if wanted and place < 0:
                self._show.addItem(self._further[value], value)
            elif not wanted and place >= 0 and self.show_which != value:
                self._show.removeItem(place)
        self._show.blockSignals(False)

    def choose(self, which: Show) -> None:
        """Show these rows; says nothing."""
        if which in FURTHER and self._show.findData(which) < 0:
            self._show.addItem(self._further[which], which)
        self._meanwhile = None
        self._quietly(self._show, which)
        self._let_order()

    def show_all(self) -> None:
        """All rows, in file order; says nothing."""
        self.choose("all")
        self._quietly(self._order, "file")

    def offer(self, *, order: bool, show: bool) -> None:
        """What can be chosen: without a model there is the file's order alone, without labels all rows are alike."""
        for shown, parts in ((order, (self._order_title, self._order)), (show, (self._show_title, self._show))):
            for part in parts:
                part.setVisible(shown)
        if not show:
            self.choose("unlabeled")

    def choose_order(self, order: Order) -> None:
        """Another order."""
        self._order.setCurrentIndex(max(0, self._order.findData(order)))

    def take_order(self, order: Order) -> None:
        """Another order; says nothing."""
        self._quietly(self._order, order)
        self._let_order()

    def set_order_possible(self, possible: bool, *, doubted: bool = False) -> None:
        """Whether rows can be ordered by uncertainty, and whether labels are doubted; says nothing."""
        self._possible = {"uncertain": possible, "doubted": doubted}
        if not self._possible.get(self._order.currentData(), True):
            self._quietly(self._order, "file")
        self._let_order()

    def state(self) -> dict[str, Any]:
        """What is chosen, as JSON."""
        return {"show": self.show_which, "order": self.order}

    def restore(self, told: dict[str, Any]) -> None:
        """Choose what `state` gave; says nothing."""
        self._meanwhile = None
        self._quietly(self._show, told.get("show"))
        self._quietly(self._order, told.get("order"))

    def _let_order(self) -> None:
        further = self.show_which in FURTHER
        any_order = any(self._possible.values())
        for value, can in self._possible.items():
            self._order.model().item(self._order.findData(value)).setEnabled(can)  # type: ignore[attr-defined]
        self._order.setEnabled(any_order and not further)
        self._show_doubted()
        words = "" if any_order else self.tr("After a model has looked at the unlabeled texts.")
        self._order.setToolTip(self.tr("These rows come as in the file.") if further else words)

    def _quietly(self, box: Choice, value: object) -> None:
        box.blockSignals(True)
        box.setCurrentIndex(max(0, box.findData(value)))
        box.blockSignals(False)

    def _on_chosen(self) -> None:
        self._show_doubted()
        self.changed.emit()

    def _show_doubted(self) -> None:
        doubted = self.order == "doubted"
        self._show.setEnabled(not doubted)
        if doubted and self._meanwhile is None:
            self._meanwhile = self.show_which
            self._quietly(self._show, "labeled")
        elif not doubted and self._meanwhile is not None:
            before, self._meanwhile = self._meanwhile, None
            self._quietly(self._show, before)

    def _choice(self, name: str, title: str, entries: list[tuple[str, str]]) -> Choice:
        box = Choice()
        box.setObjectName(name)
        box.setAccessibleName(title)
        box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        # entries come later, too, and none is to be cut
        box.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToContents)
        for words, value in entries:
            box.addItem(words, value)
        box.currentIndexChanged.connect(lambda _: self._on_chosen())
        return box
