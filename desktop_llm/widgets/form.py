"""A form made from a dataclass: each field's metadata gives its title, help, range and choices.

The exact key stands in the tooltip, so that what is set here can be found again in files and commands. A field
whose type allows None shows "Automatic".
"""

from __future__ import annotations

import html
import types
import typing
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from desktop_llm.widgets.card import plain_label


class Choice(QComboBox):
    """A combo box that the wheel does not change by accident."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Let the page scroll."""
        event.ignore()


class WholeNumber(QSpinBox):
    """A whole number; the wheel does not change it by accident."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Let the page scroll."""
        event.ignore()


class DataForm(QWidget):
    """Signals: `changed(key, value)`: the person has changed a value."""

    changed = Signal(str, object)

    def __init__(
        self, cls: type[Any], keys: Sequence[str], values: object, prefix: str, parent: QWidget | None = None
    ) -> None:
        """Show `keys` of the dataclass `cls` with `values`; control names are `prefix.key`."""
        super().__init__(parent)
        self._context = cls.__name__
        self._hints = typing.get_type_hints(cls)
        self._told = {one.name: one.metadata for one in fields(cls)}
        self._controls: dict[str, QWidget] = {}
        self._titles: dict[str, QLabel] = {}
        self._quiet = False
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(12)
        layout.setVerticalSpacing(8)
        layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._layout = layout
        for key in keys:
            self._add(key, prefix)
        self.set_values(values)

    def values(self) -> dict[str, Any]:
        """The values by key. Raises ValueError for a text that is no number, naming the title."""
        return {key: self._read(key) for key in self._controls}

    def set_values(self, values: object) -> None:
        """Show the values of an instance of the dataclass."""
        self._quiet = True
        for key in self._controls:
            self._write(key, getattr(values, key))
        self._quiet = False

    def set_shown(self, key: str, shown: bool) -> None:
        """Show or hide one row."""
        if key in self._controls:
            self._layout.setRowVisible(self._controls[key], shown)

    def _kind(self, key: str) -> tuple[type, bool]:
        hint = self._hints[key]
        if isinstance(hint, types.UnionType):
            return next(one for one in typing.get_args(hint) if one is not type(None)), True
        return hint, False

    def _words(self, text: str) -> str:
        return QCoreApplication.translate(self._context, text)

    def _add(self, key: str, prefix: str) -> None:
        told = self._told[key]
        title = plain_label(self._words(told["title"]), "muted")
        control = self._control(key)
        control.setObjectName(f"{prefix}.{key}")
        control.setAccessibleName(title.text())
        tip = f"<p>{html.escape(self._words(told['help']))}</p><p><code>{key}</code></p>"
        for part in (title, control):
            part.setToolTip(tip)
        title.setBuddy(control)
        self._controls[key], self._titles[key] = control, title
        self._layout.addRow(title, control)

    def _control(self, key: str) -> QWidget:
        told, (kind, optional) = self._told[key], self._kind(key)
        if "choices" in told or (kind is bool and optional):
            choices = told.get("choices") or ((None, "Automatic"), (True, "On"), (False, "Off"))
            box = Choice()
            for value, words in choices:
                box.addItem(self._words(words), value)
            box.currentIndexChanged.connect(lambda _: self._tell(key))
            return box
        if kind is bool:
            check = QCheckBox()
            check.toggled.connect(lambda _: self._tell(key))
            return check
        if kind is int and not optional:
            number = WholeNumber()
            number.setRange(int(told.get("minimum", -(2**31) + 1)), int(told.get("maximum", 2**31 - 1)))
            number.setGroupSeparatorShown(True)
            number.valueChanged.connect(lambda _: self._tell(key))
            return number
        line = QLineEdit()
        if optional:
            line.setPlaceholderText(self._words("Automatic"))
        line.editingFinished.connect(lambda: self._tell(key))
        return line

    def _tell(self, key: str) -> None:
        if self._quiet:
            return
        try:
            value = self._read(key)
        except ValueError:
            self._mark(key, wrong=True)
            return
        self._mark(key, wrong=False)
        self.changed.emit(key, value)

    def _mark(self, key: str, *, wrong: bool) -> None:
        title = self._titles[key]
        title.setProperty("role", "bad" if wrong else "muted")
        title.style().unpolish(title)
        title.style().polish(title)

    def _read(self, key: str) -> Any:
        control, (kind, optional) = self._controls[key], self._kind(key)
        if isinstance(control, QComboBox):
            return control.currentData()
        if isinstance(control, QCheckBox):
            return control.isChecked()
        if isinstance(control, QSpinBox):
            return control.value()
        assert isinstance(control, QLineEdit)
        text = control.text().strip()
        if kind is str:
            return text
        if not text and optional:
            return None
        try:
            return kind(text.replace(",", "."))
        except ValueError:
            raise ValueError(self._titles[key].text()) from None

    def _write(self, key: str, value: Any) -> None:
        control = self._controls[key]
        if isinstance(control, QComboBox):
            control.setCurrentIndex(max(0, control.findData(value)))
        elif isinstance(control, QCheckBox):
            control.setChecked(bool(value))
        elif isinstance(control, QSpinBox):
            control.setValue(int(value))
        elif isinstance(control, QLineEdit):
            shown = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
            control.setText(shown)
        self._mark(key, wrong=False)
