"""The further filters of the rows' table: file, length, date, column, prediction; and filters kept under a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLineEdit, QWidget

from desktop_llm.rows import Filter
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.flow import FlowLayout
from desktop_llm.widgets.form import Choice

LONGEST = 10_000_000


class RowFilters(QFrame):
    """Signals: `changed()`; `kept(name)`: keep what is shown under this name; `chosen(Filter)`; `dropped(name)`."""

    changed = Signal()
    kept = Signal(str)
    chosen = Signal(object)
    dropped = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing is asked for."""
        super().__init__(parent)
        self.setObjectName("data.more")
        self._saved: Mapping[str, Filter] = {}
        self._quiet = True
        flow = FlowLayout(self)
        self.source = self._choice("data.more.source", self.tr("File"))
        self.least = self._line("data.more.least", self.tr("At least so many characters"), self.tr("from"), 64)
        self.most = self._line("data.more.most", self.tr("At most so many characters"), self.tr("to"), 64)
        for line in (self.least, self.most):
            line.setValidator(QIntValidator(0, LONGEST, line))
        self.since = self._line(
            "data.more.since", self.tr("Imported on or after this day, as 2026-05-31"), self.tr("from"), 100
        )
        self.until = self._line(
            "data.more.until", self.tr("Imported on or before this day, as 2026-05-31"), self.tr("to"), 100
        )
        self.column = self._choice("data.more.column", self.tr("Column"))
        self.compare = self._choice("data.more.compare", self.tr("How the cell compares"))
        for words, value in (
            (self.tr("is"), "is"),
            (self.tr("contains"), "contains"),
            (self.tr("at least"), "least"),
            (self.tr("at most"), "most"),
        ):
            self.compare.addItem(words, value)
        self.value = self._line("data.more.value", self.tr("The cell’s value"), self.tr("value"), 120)
        self.predicted = self._choice("data.more.predicted", self.tr("Predicted"))
        self.disagrees = QCheckBox(self.tr("Model disagrees"))
        self.disagrees.setObjectName("data.more.disagrees")
        self.disagrees.setAccessibleName(self.disagrees.text())
        self.disagrees.setToolTip(self.tr("Rows whose label is another one than the newest run predicts."))
        self.disagrees.toggled.connect(lambda _: self._tell())
        self._of_models: list[QWidget] = []
        for title, widgets in (
            (self.tr("File"), (self.source,)),
            (self.tr("Characters"), (self.least, self.most)),
            (self.tr("Imported"), (self.since, self.until)),
            (self.tr("Column"), (self.column, self.compare, self.value)),
            (self.tr("Predicted"), (self.predicted,)),
            ("", (self.disagrees,)),
            *self._build_saved(),
        ):
            group = _group(title, widgets)
            flow.addWidget(group)
            if widgets[0] in (self.predicted, self.disagrees):
                self._of_models.append(group)
        self.set_saved({})
        self._quiet = False

    def offer_predictions(self, offered: bool) -> None:
        """Whether there are models that predict."""
        for group in self._of_models:
            group.setVisible(offered)

    def told(self, base: Filter) -> Filter:
        """`base` with what is asked for here."""
        return replace(
            base,
            source=self.source.currentData() or "",
            min_length=_number(self.least),
            max_length=_number(self.most),
            since=self.since.text().strip(),
            until=self.until.text().strip(),
            column=self.column.currentData() or "",
            compare=self.compare.currentData(),
            value=self.value.text().strip() if self.column.currentData() else "",
            predicted=self.predicted.currentData(),
            disagrees=self.disagrees.isChecked(),
        )

    def show_filter(self, told: Filter) -> None:
        """Ask for what a filter asks, without telling."""
        self._quiet = True
        for box, value in ((self.source, told.source), (self.column, told.column), (self.predicted, told.predicted)):
            if value and box.findData(value) < 0:
                box.addItem(str(value), value)
            box.setCurrentIndex(max(0, box.findData(value or None)))
        self.compare.setCurrentIndex(self.compare.findData(told.compare))
        for line, text in (
            (self.least, told.min_length),
            (self.most, told.max_length),
            (self.since, told.since),
            (self.until, told.until),
            (self.value, told.value),
        ):
            line.setText("" if text is None else str(text))
        self.disagrees.setChecked(told.disagrees)
        self._show_parts()
        self._quiet = False

    def set_choices(self, sources: Sequence[str], columns: Sequence[str], labels: Sequence[str]) -> None:
        """What can be chosen in this project."""
        self._quiet = True
        for box, any_words, names in (
            (self.source, self.tr("Any file"), sources),
            (self.column, self.tr("Any column"), columns),
            (self.predicted, self.tr("Any label"), labels),
        ):
            before = box.currentData()
            box.clear()
            box.addItem(any_words, None)
            for name in names:
                box.addItem(name, name)
            box.setCurrentIndex(max(0, box.findData(before)))
        self._show_parts()
        self._quiet = False

    def set_saved(self, saved: Mapping[str, Filter]) -> None:
        """The filters that have a name."""
        self._saved = saved
        self._quiet = True
        self.saved.clear()
        self.saved.addItem(self.tr("Kept filters"), None)
        for name in saved:
            self.saved.addItem(name, name)
        self.saved.setVisible(bool(saved))
        self._quiet = False
        self._show_parts()

    def name_saved(self, name: str) -> None:
        """Show the name of the filter that has just been kept."""
        self._quiet = True
        self.saved.setCurrentIndex(max(0, self.saved.findData(name)))
        self._quiet = False
        self.name.clear()
        self._show_parts()

    def _build_saved(self) -> list[tuple[str, tuple[QWidget, ...]]]:
        self.saved = self._choice("data.more.saved", self.tr("Kept filters"), self._on_saved_chosen)
        self.saved.setMinimumWidth(140)
        self._drop = button(self.tr("Forget"), "data.more.drop", self._on_drop, kind="quiet")
        self.name = QLineEdit()
        self.name.setObjectName("data.more.name")
        self.name.setAccessibleName(self.tr("Name for these filters"))
        self.name.setPlaceholderText(self.tr("Name for these filters"))
        self.name.setFixedWidth(190)
        self.name.returnPressed.connect(self._on_keep)
        self.name.textChanged.connect(lambda _: self._show_parts())
        self._keep = button(self.tr("Keep"), "data.more.keep", self._on_keep)
        return [("", (self.saved, self._drop)), ("", (self.name, self._keep))]

    def _choice(self, name: str, title: str, chosen: Any = None) -> Choice:
        box = Choice()
        box.setObjectName(name)
        box.setAccessibleName(title)
        box.let_narrow()
        box.setMaximumWidth(180)
        box.currentIndexChanged.connect(lambda _: (chosen or self._tell)())
        return box

    def _line(self, name: str, title: str, hint: str, width: int) -> QLineEdit:
        line = QLineEdit()
        line.setObjectName(name)
        line.setAccessibleName(title)
        line.setToolTip(title)
        line.setPlaceholderText(hint)
        line.setFixedWidth(width)
        line.textChanged.connect(lambda _: self._tell())
        return line

    def _show_parts(self) -> None:
        """What can be used now."""
        column = bool(self.column.currentData())
        self.compare.setVisible(column)
        self.value.setVisible(column)
        self._drop.setVisible(self.saved.currentData() is not None)
        self._keep.setEnabled(bool(self.name.text().strip()))

    def _tell(self) -> None:
        if self._quiet:
            return
        self._show_parts()
        self.changed.emit()

    def _on_saved_chosen(self) -> None:
        name = self.saved.currentData()
        self._drop.setVisible(name is not None)
        if not self._quiet and name is not None:
            self.chosen.emit(self._saved[name])

    def _on_keep(self) -> None:
        if self.name.text().strip():
            self.kept.emit(" ".join(self.name.text().split()))

    def _on_drop(self) -> None:
        if self.saved.currentData() is not None:
            self.dropped.emit(self.saved.currentData())


def _group(title: str, widgets: Sequence[QWidget]) -> QWidget:
    """A title and the controls that belong to it, side by side."""
    both = QWidget()
    line = QHBoxLayout(both)
    line.setContentsMargins(0, 0, 8, 0)
    line.setSpacing(6)
    if title:
        line.addWidget(plain_label(title, "muted"))
    for widget in widgets:
        line.addWidget(widget)
    return both


def _number(line: QLineEdit) -> int | None:
    return int(line.text()) if line.text().strip().isdecimal() else None
