"""Rows of a file that is not in the project, with their true labels and what a run said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view

if TYPE_CHECKING:
    from desktop_llm.verbs.outcomes import Outcomes

WIDTH, HEIGHT = 860, 520


class OutcomeRows(QDialog):
    """Signals: `label_asked()`: open those that are in the project in Label; `why_asked(row)`: try these fields."""

    label_asked = Signal()
    why_asked = Signal(dict)

    def __init__(self, hub: Hub, told: Outcomes, keys: Sequence[int], words: str, parent: QWidget) -> None:
        """`keys` of rows, see `Outcomes.keys`; `words` say what they are."""
        super().__init__(parent)
        self.setObjectName("results.rows")
        self.setWindowTitle(words)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        task = hub.task
        places = [-1 - key for key in keys if key < 0]
        known = sum(key > 0 for key in keys)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 16)
        whole.setSpacing(12)
        sentence = self.tr("{count:,} rows of the file, which are not in the project. Import it to label them.")
        whole.addWidget(plain_label(sentence.format(count=len(places)), "muted", wrap=True))
        self.grid = TextGrid(self)
        table = grid_view(self.grid, "results.rows.table", words)
        self._contents = [dict(told.contents.get(place, {})) for place in places]
        rows = []
        for place in places:
            content = told.contents.get(place, {})
            text = task.in_line(content) if task is not None else " ".join(content.values())
            answer = told.answers[place]
            rows.append((_words(told.truth[place]), _words(answer.label), f"{100 * answer.probability:.0f} %", text))
        titles = (self.tr("True label"), self.tr("Run says"), self.tr("Sure"), self.tr("Text"))
        self.grid.show_rows(titles, rows)
        fit_columns(table)
        self._table = table
        whole.addWidget(table, 1)
        line = QHBoxLayout()
        if task is not None and task.explains and rows:
            table.setCurrentIndex(self.grid.index(0, 0))
            line.addWidget(button(self.tr("Why this answer?"), "results.rows.why", self._on_why))
        line.addStretch(1)
        if known:
            more = self.tr("Open the {count:,} that are in the project in Label").format(count=known)
            line.addWidget(button(more, "results.rows.label", self._on_label))
        line.addWidget(button(self.tr("Close"), "results.rows.close", self.reject, kind="primary"))
        whole.addLayout(line)

    def _on_why(self) -> None:
        place = self._table.currentIndex().row()
        if 0 <= place < len(self._contents):
            self.why_asked.emit(self._contents[place])
            self.accept()

    def _on_label(self) -> None:
        self.label_asked.emit()
        self.accept()


def _words(label: Any) -> str:
    """A label in names as a cell shows it."""
    if isinstance(label, list | tuple):
        return ", ".join(_words(one) for one in label) or "–"
    if isinstance(label, dict):
        return str(label.get("label", label.get("content", "–")))
    return str(label)
