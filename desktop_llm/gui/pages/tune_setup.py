"""The left side of the search: which settings are tried, in which ranges, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop_llm.errors import UserError
from desktop_llm.gui.pages.tune_words import TITLES
from desktop_llm.jobs import search as searches
from desktop_llm.jobs.search import Pruner, Range, Search
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.form import WholeNumber

if TYPE_CHECKING:
    from desktop_llm.jobs.search_ranges import Suggested

FIELD = 148
MOST_TRIALS, MOST_MINUTES = 1000, 10_000


def _tr(text: str) -> str:
    return QCoreApplication.translate("TuneSetup", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be searched."""

    ranges: tuple[Range, ...]
    trials: int
    minutes: float
    pruner: Pruner


class TuneSetup(Card):
    """Signals: `changed()`: something else is asked for."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """No setting is offered until `offer`."""
        super().__init__(_tr("What is tried"), "", parent)
        self.setObjectName("tune.setup")
        self._rows: dict[str, tuple[QCheckBox, QLineEdit]] = {}
        self._offered: dict[str, tuple[bool, str]] = {}
        """Whether a setting is ticked in a new search, and its range."""
        self._holder = QWidget()
        self._grid = QGridLayout(self._holder)
        self._grid.setContentsMargins(0, 0, 8, 0)
        self._grid.setVerticalSpacing(4)
        self._grid.setHorizontalSpacing(8)
        self._grid.setColumnStretch(0, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self._holder)
        self.body.addWidget(area, 1)
        self.body.addLayout(self._budget())
        self.prune = QCheckBox(_tr("End trials that fall behind"))
        self.prune.setObjectName("tune.prune")
        self.prune.setAccessibleName(self.prune.text())
        self.prune.setToolTip(_tr("A trial that is worse than half of the others at the same point is not trained on."))
        self.prune.setChecked(True)
        self.body.addWidget(self.prune)

    def offer(self, suggested: Sequence[Suggested]) -> None:
        """Offer these settings, those that come first ticked."""
        while (item := self._grid.takeAt(0)) is not None:
            part = item.widget()
            if part is not None:
                part.hide()
                part.deleteLater()
        self._rows = {}
        self._offered = {one.range.key: (one.first, one.range.words) for one in suggested}
        for place, one in enumerate(suggested):
            key = one.range.key
            title = QCoreApplication.translate("Recipe", TITLES[key])
            tick = QCheckBox(title)
            tick.setObjectName(f"tune.key.{key}")
            tick.setAccessibleName(_tr("Search over {title}").format(title=title))
            tick.setToolTip(f"<p><code>{key}</code></p>")
            tick.setChecked(one.first)
            field = QLineEdit(one.range.words)
            field.setObjectName(f"tune.range.{key}")
            field.setAccessibleName(_tr("Range of {title}").format(title=title))
            field.setToolTip(_tr("Two ends, as in 1e-5..1e-3:log or 2..6, or values with commas between."))
            field.setFixedWidth(FIELD)
            field.setCursorPosition(0)
            field.setEnabled(one.first)
            tick.toggled.connect(field.setEnabled)
            tick.toggled.connect(lambda _: self.changed.emit())
            field.textEdited.connect(lambda _: self.changed.emit())
            self._grid.addWidget(tick, place, 0)
            self._grid.addWidget(field, place, 1)
            self._rows[key] = (tick, field)
        self._grid.setRowStretch(len(suggested), 1)
        self.changed.emit()

    def show_search(self, search: Search | None) -> None:
        """Show what a search tries, and its budget; None: what was offered for a new one."""
        told = {} if search is None else {one.key: one for one in search.ranges}
        for key, (tick, field) in self._rows.items():
            first, words = self._offered[key]
            tick.setChecked(first if search is None else key in told)
            field.setText(told[key].words if key in told else words)
            field.setCursorPosition(0)
        for box, value in (
            (self.trials, searches.TRIALS if search is None else search.trials),
            (self.minutes, 0 if search is None else round(search.minutes)),
        ):
            box.setValue(value)
        self.prune.setChecked(search is None or search.pruner != "none")

    @property
    def budget(self) -> tuple[int, float]:
        """Trials and minutes; 0: no limit."""
        return self.trials.value(), float(self.minutes.value())

    def asked(self) -> Asked:
        """What is to be searched. Raises UserError with what is wrong."""
        ranges = tuple(
            searches.of_words(key, field.text()) if field.text().strip() else _missing(key)
            for key, (tick, field) in self._rows.items()
            if tick.isChecked()
        )
        if not ranges:
            raise UserError(_tr("Tick at least one setting that is to be tried."))
        pruner: Pruner = "median" if self.prune.isChecked() else "none"
        trials, minutes = self.budget
        searches.check_budget(trials, minutes)
        return Asked(ranges=ranges, trials=trials, minutes=minutes, pruner=pruner)

    def let(self, free: bool, *, budget: bool) -> None:
        """Whether all of it may be touched, or its budget alone."""
        for tick, field in self._rows.values():
            tick.setEnabled(free)
            field.setEnabled(free and tick.isChecked())
        self.prune.setEnabled(free)
        for part in (self.trials, self.minutes):
            part.setEnabled(budget)

    def _budget(self) -> QHBoxLayout:
        self.trials, self.minutes = WholeNumber(), WholeNumber()
        line = QHBoxLayout()
        line.setSpacing(8)
        for words, box, name, most, value in (
            (_tr("Trials"), self.trials, "tune.trials", MOST_TRIALS, searches.TRIALS),
            (_tr("Minutes"), self.minutes, "tune.minutes", MOST_MINUTES, 0),
        ):
            box.setObjectName(name)
            box.setAccessibleName(words)
            box.setRange(0, most)
            box.setSpecialValueText(_tr("no limit"))
            box.setValue(value)
            box.valueChanged.connect(lambda _: self.changed.emit())
            column = QVBoxLayout()
            column.setSpacing(2)
            column.addWidget(plain_label(words, "muted"))
            column.addWidget(box)
            line.addLayout(column, 1)
        return line


def _missing(key: str) -> Range:
    raise UserError(_tr("“{key}” has no range; write one, or take its tick away.").format(key=key))
