"""A form made from a dataclass: each field's metadata gives its title, help, range and choices.

The exact key stands in the tooltip, so that what is set here can be found again in files and commands. A field
whose type allows None shows "Automatic".
"""

from __future__ import annotations

import html
import math
import types
import typing
from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any

from PySide6.QtCore import QCoreApplication, QSize, Qt, Signal
from PySide6.QtGui import QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QVBoxLayout,
    QWidget,
)

from desktop_llm.widgets.card import plain_label

_NOTHING = object()
SHORT = Qt.ItemDataRole.UserRole + 1
AROUND = 2
"""Pixels that stay free around the words of a closed box."""


class Choice(QComboBox):
    """A combo box that the wheel does not change by accident; what has no room in it is cut with dots."""

    def add(self, words: str, value: object, short: str) -> None:
        """One more entry, which is called `short` once it is chosen and the box is closed."""
        self.addItem(words, value)
        self.setItemData(self.count() - 1, short, SHORT)

    def let_narrow(self) -> None:
        """Take the room there is, however long the entries are."""
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)

    def sizeHint(self) -> QSize:
        """Room for the longest entry: Qt's own hint is short of what it leaves free around the words it draws."""
        hint = super().sizeHint()
        hint.setWidth(hint.width() + AROUND)
        return hint

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Let the page scroll."""
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame, and as much of the words as there is room for."""
        option, painter = QStyleOptionComboBox(), QStylePainter(self)
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width()
        words = self.currentData(SHORT) or option.currentText
        option.currentText = option.fontMetrics.elidedText(words, Qt.TextElideMode.ElideRight, room - AROUND)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


class WholeNumber(QSpinBox):
    """A whole number; the wheel does not change it by accident."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Its digits stand where the text of other fields does."""
        super().__init__(parent)
        # A style sheet's padding is left out between the frame of a spin box and its digits.
        self.lineEdit().setTextMargins(7, 0, 0, 0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Let the page scroll."""
        event.ignore()


class Percent(QDoubleSpinBox):
    """A share in hundredths, written without zeros at its end; the wheel does not change it by accident."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Its digits stand where the text of other fields does."""
        super().__init__(parent)
        self.setDecimals(2)
        self.setSuffix(" %")
        self.lineEdit().setTextMargins(7, 0, 0, 0)

    def textFromValue(self, value: float) -> str:
        """“10”, not “10.00”."""
        return f"{value:.2f}".rstrip("0").rstrip(".")

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Let the page scroll."""
        event.ignore()


def row_title(text: str, role: str = "muted") -> QLabel:
    """The title at the left of a form's row, level with the control at its right."""
    label = plain_label(text, role)
    # A form layout puts titles that do not want the row's height near its top.
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
    return label


class DataForm(QWidget):
    """Signals: `changed(key, value)`: the person has changed a value."""

    changed = Signal(str, object)

    def __init__(
        self,
        cls: type[Any],
        keys: Sequence[str],
        values: object,
        prefix: str,
        parent: QWidget | None = None,
        *,
        notes: bool = False,
    ) -> None:
        """Show `keys` of the dataclass `cls` with `values`; control names are `prefix.key`.

        With `notes` the help stands under the title; without, in the tooltip alone.
        """
        super().__init__(parent)
        self._context = cls.__name__
        self._hints = typing.get_type_hints(cls)
        self._told = {one.name: one.metadata for one in fields(cls)}
        self._controls: dict[str, QWidget] = {}
        self._titles: dict[str, QLabel] = {}
        self._last: dict[str, Any] = {}
        self._quiet, self._notes = False, notes
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
        """The values by key. Raises ValueError for a text that is no number of the range, naming the title."""
        return {key: self._read(key) for key in self._controls}

    def set_values(self, values: object) -> None:
        """Show the values of an instance of the dataclass."""
        self._quiet = True
        for key in self._controls:
            self._last[key] = getattr(values, key)
            self._write(key, self._last[key])
        self._quiet = False

    def set_shown(self, key: str, shown: bool) -> None:
        """Show or hide one row."""
        if key in self._controls:
            self._layout.setRowVisible(self._controls[key], shown)

    def add_choice(self, key: str, value: object, words: str, short: str) -> None:
        """Offer one more value of a field with choices, in words; nothing where it is there already."""
        box = self._controls[key]
        assert isinstance(box, Choice), key
        if box.findData(value) < 0:
            box.add(words, value, short)

    def choose(self, key: str, value: object) -> None:
        """Show a value that `add_choice` has offered, as `set_values` shows others."""
        self._quiet = True
        self._last[key] = value
        self._write(key, value)
        self._quiet = False

    def titles_width(self) -> int:
        """How much room the longest title needs."""
        for title in self._titles.values():
            title.ensurePolished()
        return max((title.sizeHint().width() for title in self._titles.values()), default=0)

    def set_titles_width(self, width: int) -> None:
        """Give all titles one width, so that the controls of several forms line up."""
        for title in self._titles.values():
            title.setFixedWidth(width)

    def set_enabled_keys(self, keys: Collection[str]) -> None:
        """Let only these be changed; the others stay readable."""
        for key, control in self._controls.items():
            control.setEnabled(key in keys)

    def _kind(self, key: str) -> tuple[type, bool]:
        hint = self._hints[key]
        if isinstance(hint, types.UnionType):
            return next(one for one in typing.get_args(hint) if one is not type(None)), True
        return hint, False

    def _words(self, text: str) -> str:
        return QCoreApplication.translate(self._context, text)

    def _add(self, key: str, prefix: str) -> None:
        told = self._told[key]
        words = self._words(told["title"])
        title = plain_label(words) if self._notes else row_title(words)
        control = self._control(key)
        control.setObjectName(f"{prefix}.{key}")
        control.setAccessibleName(title.text())
        control.setAccessibleDescription(self._words(told["help"]))
        tip = f"<p>{html.escape(self._words(told['help']))}</p><p><code>{html.escape(key)}</code></p>"
        for part in (title, control):
            part.setToolTip(tip)
        title.setBuddy(control)
        self._controls[key], self._titles[key] = control, title
        self._layout.addRow(self._with_note(title, self._words(told["help"])) if self._notes else title, control)

    def _with_note(self, title: QLabel, note: str) -> QWidget:
        """Title above, help below; as wide as half the form, so that the controls line up."""
        both = QWidget()
        both.setMinimumWidth(320)
        whole = QVBoxLayout(both)
        whole.setContentsMargins(0, 4, 0, 4)
        whole.setSpacing(2)
        whole.addWidget(title)
        whole.addWidget(plain_label(note, "muted", wrap=True))
        return both

    def _control(self, key: str) -> QWidget:
        told, (kind, optional) = self._told[key], self._kind(key)
        if "choices" in told or (kind is bool and optional):
            choices = told.get("choices") or ((None, "Automatic"), (True, "On"), (False, "Off"))
            box = Choice()
            box.let_narrow()
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
            # The digits on the way to a number are not values.
            number.setKeyboardTracking(False)
            number.valueChanged.connect(lambda _: self._tell(key))
            return number
        line = QLineEdit()
        hint = "Automatic" if optional else told.get("hint", "")
        if hint:
            line.setPlaceholderText(self._words(hint))
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
        # A line reports whenever it is left; only another value is news.
        if value != self._last.get(key, _NOTHING):
            self._last[key] = value
            if isinstance(self._controls[key], QLineEdit):
                self._write(key, value)
            self.changed.emit(key, value)

    def _mark(self, key: str, *, wrong: bool) -> None:
        title = self._titles[key]
        title.setProperty("role", "bad" if wrong else "" if self._notes else "muted")
        title.style().unpolish(title)
        title.style().polish(title)

    def _read(self, key: str) -> Any:
        control, (kind, optional) = self._controls[key], self._kind(key)
        if isinstance(control, QComboBox):
            return control.currentData()
        if isinstance(control, QCheckBox):
            return control.isChecked()
        if isinstance(control, QSpinBox):
            control.interpretText()
            return control.value()
        assert isinstance(control, QLineEdit)
        text = control.text().strip()
        if kind is str:
            return text
        if not text and optional:
            return None
        told = self._told[key]
        try:
            value = kind(text.replace(",", "."))
        except (ValueError, OverflowError):
            raise ValueError(self._titles[key].text()) from None
        if not told.get("minimum", -math.inf) <= value <= told.get("maximum", math.inf):
            raise ValueError(self._titles[key].text())
        return value

    def _write(self, key: str, value: Any) -> None:
        control = self._controls[key]
        if isinstance(control, QComboBox):
            control.setCurrentIndex(max(0, control.findData(value)))
        elif isinstance(control, QCheckBox):
            control.setChecked(bool(value))
        elif isinstance(control, QSpinBox):
            control.setValue(int(value))
        elif isinstance(control, QLineEdit):
            control.setText(_shown(value))
            if not control.hasFocus():  # a long text is read from its beginning
                control.setCursorPosition(0)
        self._mark(key, wrong=False)


def _shown(value: object) -> str:
    """A value as a line shows it: numbers as short as they can be said exactly."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
