"""What another wording would change: an answer that is kept, and beside it the one of now, label by label."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.jobs.explanation import points
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.widgets.button import button
from desktop_llm.widgets.elided import ElidedLabel
from desktop_llm.widgets.figure_table import FigureTable

FIGURE = 76
"""Pixels of a column with a figure."""
MOST_LABELS = 12
"""Labels that are listed, those that change most first."""


class WhatIf(QWidget):
    """Signals: `back_asked(text)`: the kept text is wanted again; `changed()`: something is kept, or no more."""

    back_asked = Signal(str)
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing is kept."""
        super().__init__(parent)
        self._kept: tuple[str, Prediction] | None = None
        self._now: tuple[str, Prediction] | None = None
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(8)
        titles = [self.tr("Label"), self.tr("Kept"), self.tr("Now"), self.tr("Points")]
        self.table = FigureTable("try.whatif.table", self.tr("What the new wording changes"), titles)
        for column in range(1, len(titles)):
            self.table.setColumnWidth(column, FIGURE)
        whole.addWidget(self.table, 1)
        line = QHBoxLayout()
        line.setSpacing(8)
        tip = self.tr("Keep this answer, change the text, and see at once what that changes.")
        self.keep = button(self.tr("What if…"), "try.whatif.keep", self._on_keep, tip=tip)
        self.text = ElidedLabel("", "muted")
        self.text.setObjectName("try.whatif.text")
        self.back = button(self.tr("Back to it"), "try.whatif.back", self._on_back, kind="quiet")
        self.drop = button(self.tr("Done"), "try.whatif.drop", self.forget, kind="quiet")
        line.addWidget(self.keep)
        self._room = QWidget()
        line.addWidget(self._room, 1)
        line.addWidget(self.text, 1)
        line.addWidget(self.back)
        line.addWidget(self.drop)
        whole.addLayout(line)
        self._show()

    @property
    def keeps(self) -> bool:
        """Whether an answer is kept."""
        return self._kept is not None

    def show_answer(self, text: str, prediction: Prediction | None) -> None:
        """The answer of now, None for none."""
        self._now = None if prediction is None else (text, prediction)
        self._show()

    def forget(self) -> None:
        """Keep nothing."""
        self._kept = None
        self._show()
        self.changed.emit()

    def _on_keep(self) -> None:
        self._kept = self._now
        self._show()
        self.changed.emit()

    def _on_back(self) -> None:
        if self._kept is not None:
            self.back_asked.emit(self._kept[0])

    def _show(self) -> None:
        kept, now = self._kept, self._now
        for part in (self.keep, self._room):
            part.setVisible(kept is None)
        self.keep.setEnabled(now is not None)
        for part in (self.table, self.text, self.back, self.drop):
            part.setVisible(kept is not None)
        if kept is None:
            return
        text, before = kept
        self.text.setText(self.tr("Kept: “{text}”").format(text=" ".join(text.split())))
        self.back.setEnabled(now is None or now[0] != text)
        after = dict(now[1].top) if now is not None else {}
        rows = [(name, chance, after.get(name)) for name, chance in before.top]
        rows.sort(key=lambda row: (-abs((row[2] if row[2] is not None else row[1]) - row[1]), -row[1]))
        self.table.show_rows(
            [(name, _percent(chance), *_change(chance, new)) for name, chance, new in rows[:MOST_LABELS]]
        )


def _percent(chance: float) -> str:
    return f"{100 * chance:.1f} %"


def _change(before: float, now: float | None) -> tuple[str, str]:
    """The chance of now, and by how much it differs; where nothing is answered there is none."""
    return ("–", "–") if now is None else (_percent(now), points(now - before))
