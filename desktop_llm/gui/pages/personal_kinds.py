"""The kinds of personal data in lines: how many finds wait for review, how many may stay, and what to do with them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from desktop_llm.data.personal.find import KINDS, TITLES, Kind
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import Choice

if TYPE_CHECKING:
    from desktop_llm.verbs.personal import Found

BEHIND = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class KindsGrid(QWidget):
    """Signals: `kind_asked(kind)`: the person wants to see its finds; `way_chosen()`: what to do with a kind."""

    kind_asked = Signal(str)
    way_chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Without numbers until somebody has looked."""
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        self._heads = (plain_label(self.tr("To review"), "muted"), plain_label(self.tr("May stay"), "muted"))
        for column, head in enumerate(self._heads, 1):
            grid.addWidget(head, 0, column, BEHIND)
        self._rows: dict[Kind, tuple[QPushButton, QLabel, QLabel, Choice]] = {}
        for place, kind in enumerate(KINDS, 1):
            title = QCoreApplication.translate("PersonalKinds", TITLES[kind])
            name = button(title, f"personal.kind.{kind}", partial(self.kind_asked.emit, kind), kind="quiet")
            waiting, kept = plain_label("", "muted"), plain_label("", "muted")
            waiting.setObjectName(f"personal.count.{kind}")
            kept.setObjectName(f"personal.kept.{kind}")
            way = self._way(kind, title)
            grid.addWidget(name, place, 0, Qt.AlignmentFlag.AlignLeft)
            for column, number in enumerate((waiting, kept), 1):
                grid.addWidget(number, place, column, BEHIND)
            grid.addWidget(way, place, 3)
            self._rows[kind] = (name, waiting, kept, way)

    def ways(self) -> dict[Kind, str]:
        """What is to be done with which kind."""
        return {kind: way.currentData() for kind, (*_, way) in self._rows.items() if way.currentData()}

    def choose_way(self, kind: Kind, value: str) -> None:
        """Choose what to do with a kind."""
        way = self._rows[kind][-1]
        way.setCurrentIndex(way.findData(value))

    def begin_again(self) -> None:
        """Nothing is chosen yet."""
        for *_, way in self._rows.values():
            way.setCurrentIndex(0)

    def show_counts(self, found: Found | None, *, free: bool) -> None:
        """The numbers, if somebody has looked; `free`: something can be done now."""
        for head in self._heads:
            head.setVisible(found is not None)
        for kind, (name, waiting, kept, way) in self._rows.items():
            count = found.open.get(kind, 0) if found is not None else 0
            stay = found.kept.get(kind, 0) if found is not None else 0
            there = f"{count:,}" if found is not None else ""
            _tell(waiting, there, self.tr("{count:,} to review").format(count=count))
            _tell(kept, f"{stay:,}" if stay else "", self.tr("{count:,} may stay").format(count=stay))
            name.setEnabled(found is not None)
            way.setEnabled(free and count > 0)

    def _way(self, kind: Kind, title: str) -> Choice:
        way = Choice()
        way.setObjectName(f"personal.way.{kind}")
        way.setAccessibleName(self.tr("What to do with: {kind}").format(kind=title))
        for words, value in (
            (self.tr("decide later"), ""),
            (self.tr("may stay"), "keep"),
            (self.tr("name the kind"), "mask"),
            (self.tr("black out"), "blocks"),
            (self.tr("replace"), "replace"),
        ):
            way.addItem(words, value)
        way.currentIndexChanged.connect(lambda _: self.way_chosen.emit())
        return way


def _tell(label: QLabel, number: str, words: str) -> None:
    """A number in its column; in words for whoever hears it."""
    label.setText(number)
    label.setAccessibleName(words if number else "")
