"""The card with what a label is made from: titled texts one below the other, and the further cells of the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.chip import chip
from desktop_llm.widgets.flow import FlowLayout
from desktop_llm.widgets.screen import ShownItem
from desktop_llm.widgets.scrolling import scrolling

CHIPS = 12
LONGEST_CHIP = 60


class SourceCard(Card):
    """Scrolls where the texts are long; `name` is the object name of the last text."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        """Nothing to show yet."""
        super().__init__(" ", " ", parent)
        self._name = name
        inner = QWidget()
        inside = QVBoxLayout(inner)
        inside.setContentsMargins(0, 0, 8, 0)
        inside.setSpacing(12)
        self._texts = QVBoxLayout()
        self._texts.setSpacing(6)
        inside.addLayout(self._texts)
        self._chips = QWidget()
        self._chips_line = FlowLayout(self._chips)
        inside.addWidget(self._chips)
        inside.addStretch(1)
        self._scroll = scrolling(inner)
        self.body.addWidget(self._scroll, 1)
        self._empty = plain_label(self.tr("Nothing waits here. All rows come back with Show: All."), "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.hide()
        self.body.addWidget(self._empty, 1)

    def show_item(self, item: ShownItem | None, texts: Sequence[tuple[str, str]]) -> None:
        """Show a row's texts, each with its title, '' for none."""
        while (taken := self._texts.takeAt(0)) is not None:
            if (gone := taken.widget()) is not None:
                gone.setParent(None)
                gone.deleteLater()
        self._empty.setVisible(item is None)
        self._scroll.setVisible(item is not None)
        self.show_place(item)
        self.set_note("" if item is None else item.source)
        if item is None:
            return
        for place, (title, text) in enumerate(texts, 1):
            if title:
                self._texts.addWidget(plain_label(title, "muted"))
            label = plain_label(text, "reading-text", wrap=True)
            label.setObjectName(self._name if place == len(texts) else f"{self._name}.{place}")
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            label.setMinimumWidth(80)
            self._texts.addWidget(label)
        show_cells(self._chips_line, item.extra)
        self._chips.setVisible(bool(item.extra))
        self._scroll.verticalScrollBar().setValue(0)

    def show_place(self, item: ShownItem | None) -> None:
        """Say which of all rows it is."""
        self.set_title("" if item is None else self._place(item))

    def _place(self, item: ShownItem) -> str:
        # Rows that were left out of a project leave gaps in the numbers of the others.
        known = item.position <= item.total
        words = self.tr("Row {position:,} of {total:,}") if known else self.tr("Row {position:,}")
        return words.format(position=item.position, total=item.total)


def show_cells(flow: FlowLayout, extra: Mapping[str, str]) -> None:
    """Fill a line with a row's further cells, as chips."""
    flow.clear()
    for name, value in list(extra.items())[:CHIPS]:
        words = f"{name}: {value}".replace("\n", " ")
        flow.addWidget(chip(words if len(words) < LONGEST_CHIP else words[: LONGEST_CHIP - 3] + "…"))
