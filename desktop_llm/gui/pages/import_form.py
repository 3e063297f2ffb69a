"""The left half of an import: how the file is read, which column is what, and where the rows go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFormLayout, QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop_llm.data.mapping import SPLIT
from desktop_llm.data.parting import SEPARATORS
from desktop_llm.data.shapes.shape import TITLES
from desktop_llm.tasks.task import RowField
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card
from desktop_llm.widgets.elided import ElidedLabel
from desktop_llm.widgets.form import Choice, row_title

if TYPE_CHECKING:
    from desktop_llm.data.form import Form
    from desktop_llm.verbs.importing import Plan

WIDTH = 340
TEXTS = ("csv", "text", "folder", "zip")
"""Kinds that may hold plain text."""
ENCODINGS = ("utf-8", "utf-16", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1252", "cp1250", "cp1251")


class ImportForm(QScrollArea):
    """Signals: `reading_changed()`: read the file otherwise; `mapping_changed()`: other columns; `guess_asked()`."""

    reading_changed = Signal()
    mapping_changed = Signal()
    guess_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty until `begin`."""
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFixedWidth(WIDTH)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._fields: tuple[RowField, ...] = ()
        self._several = False
        self._columns: dict[str, Choice] = {}
        inside = QWidget()
        whole = QVBoxLayout(inside)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        self._mapping_card = Card(self.tr("Which column is what"))
        self._mapping_form = _form()
        self.separator_box = _box("data.separator", self.tr("Parted by"))
        self.separator_box.setParent(self)
        self.separator_box.hide()
        self.separator_box.currentIndexChanged.connect(lambda _: self.mapping_changed.emit())
        self._mapping_card.body.addLayout(self._mapping_form)
        self._mapping_card.body.addWidget(self._build_origin())
        whole.addWidget(self._mapping_card)
        whole.addWidget(self._build_target())
        whole.addWidget(self._build_reading())
        whole.addStretch(1)
        self.setWidget(inside)

    def begin(self, fields: tuple[RowField, ...], *, has_rows: bool, several: bool = False) -> None:
        """Another file: everything is detected again.

        `has_rows`: labels alone may be taken for known texts; `several`: there may be more than one in a cell.
        """
        self._fields, self._several = fields, several
        signs = ((sign, sign) for sign in SEPARATORS)
        self._fill(self.separator_box, self.tr("detected"), ((self.tr("one name a cell"), ""), *signs))
        self._fill(self.encoding_box, self.tr("detected"), ((one, one) for one in ENCODINGS))
        self._fill(self.delimiter_box, self.tr("detected"), self._signs())
        header = ((self.tr("column names"), True), (self.tr("a row of data"), False))
        self._fill(self.header_box, self.tr("detected"), header)
        shapes = [(words, name) for name, words in TITLES.items()]
        self._fill(self.shape_box, self.tr("detected"), [(self.tr("as it stands"), "none"), *shapes])
        units = ((self.tr("a line"), "line"), (self.tr("a paragraph"), "paragraph"), (self.tr("the file"), "file"))
        self._fill(self.unit_box, self.tr("detected"), units)
        self.split_box.setCurrentIndex(0)
        self.only_labels.setChecked(False)
        self.only_labels.setVisible(has_rows)
        self._mapping_card.hide()
        self._target_card.hide()
        self.show_origin("")

    def set_told(self, told: Mapping[str, Any]) -> None:
        """Choose how the file is read, as `told` says it; what it does not say is detected. Nothing is announced."""
        for name, box in self._reading().items():
            _choose(box, told.get(name))

    def show_origin(self, words: str) -> None:
        """Say where choices come from that are not the guess, with a way back to it; nothing for ''."""
        self.origin.setText(words)
        self._origin.setVisible(bool(words))

    def told(self) -> dict[str, Any]:
        """What a person chose about reading the file; only that, the rest is detected."""
        boxes = self._reading()
        return {name: box.currentData() for name, box in boxes.items() if box.currentData() is not None}

    def _reading(self) -> dict[str, Choice]:
        return {
            "encoding": self.encoding_box,
            "delimiter": self.delimiter_box,
            "header": self.header_box,
            "shape": self.shape_box,
            "separator": self.separator_box,
            "unit": self.unit_box,
        }

    def mapping(self) -> dict[str, str]:
        """The chosen columns, by field."""
        return {name: box.currentData() for name, box in self._columns.items() if box.currentData()}

    def split(self) -> str:
        """Where the rows go; '' as the file says, or as training holds out."""
        return str(self.split_box.currentData())

    def show_plan(self, plan: Plan) -> None:
        """Show what was found; choices that a person made stay."""
        self._tell_found(plan.form)
        if self.separator_box.currentData() is None:
            found = plan.separator or self.tr("one name a cell")
            self.separator_box.setItemText(0, self.tr("{found} (detected)").format(found=found))
        for box in (self.delimiter_box, self.header_box):
            box.setEnabled(plan.form.kind == "csv")
        parted = self._mapping_form.indexOf(self.separator_box) >= 0
        if [*self._columns] != [*self._names()] or self._listed() != plan.columns or parted != self._several:
            self._list_columns(plan.columns)
        for name, box in self._columns.items():
            _choose(box, plan.mapping.get(name, ""))
        self._mapping_card.show()
        self._target_card.show()

    def _names(self) -> Mapping[str, tuple[str, bool]]:
        """Title and need of each field to map."""
        names = {one.name: (one.title, one.required) for one in self._fields}
        return {**names, SPLIT: (self.tr("Split"), False)}

    def _listed(self) -> tuple[str, ...]:
        box = next(iter(self._columns.values()), None)
        if box is None:
            return ()
        return tuple(box.itemData(place) for place in range(box.count()) if box.itemData(place))

    def _list_columns(self, columns: tuple[str, ...]) -> None:
        while self._mapping_form.rowCount():
            row = self._mapping_form.takeRow(0)
            for part in (row.labelItem, row.fieldItem):
                widget = part.widget() if part is not None else None
                if widget is not None and widget is not self.separator_box:
                    widget.hide()
                    widget.deleteLater()
        self._columns = {}
        for name, (title, required) in self._names().items():
            words = self.tr("choose…") if required else self.tr("not used")
            box = _box(f"data.map.{name}", title)
            box.addItem(words, "")
            for column in columns:
                box.addItem(column, column)
            box.currentIndexChanged.connect(lambda _: self.mapping_changed.emit())
            self._columns[name] = box
            self._mapping_form.addRow(_title(title), box)
        if self._several:
            self._mapping_form.addRow(_title(self.separator_box.accessibleName()), self.separator_box)
        self.separator_box.setVisible(self._several)

    def _tell_found(self, form: Form) -> None:
        signs = {value: words for words, value in self._signs()}
        found = signs.get(form.delimiter, form.delimiter) or self.tr("one column")
        header = self.tr("column names") if form.header else self.tr("a row of data")
        shape = self.tr("as it stands") if form.shape is None else TITLES[form.shape.name]
        told = (
            (self.encoding_box, form.encoding),
            (self.delimiter_box, found),
            (self.header_box, header),
            (self.shape_box, shape),
            (self.unit_box, self._unit(form)),
        )
        for box, words in told:
            if box.currentData() is None:
                of_any = (self.encoding_box, self.shape_box, self.unit_box)
                applies = bool(words) and (form.kind == "csv" or box in of_any)
                text = self.tr("{found} (detected)").format(found=words) if applies else self.tr("does not apply")
                box.setItemText(0, text)

    def _unit(self, form: Form) -> str:
        """What makes a row, in words; '' where it is no question."""
        self.unit_box.setEnabled(form.kind in TEXTS)
        if form.kind == "csv":
            return self.tr("a row of the table")
        words = {"line": self.tr("a line"), "paragraph": self.tr("a paragraph"), "file": self.tr("the file")}
        return words[form.unit] if form.kind in TEXTS else ""

    def _build_origin(self) -> QWidget:
        self._origin = QWidget()
        self.origin = ElidedLabel("", "muted")
        self.origin.setObjectName("data.origin")
        tip = self.tr("Take everything as it is detected and guessed")
        line = QHBoxLayout(self._origin)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self.origin, 1)
        line.addWidget(button(self.tr("Reset"), "data.as_guessed", self.guess_asked.emit, kind="quiet", tip=tip))
        return self._origin

    def _build_reading(self) -> Card:
        card = Card(self.tr("How the file is read"))
        form = _form()
        self.encoding_box = _box("data.encoding", self.tr("Encoding"))
        self.delimiter_box = _box("data.delimiter", self.tr("Delimiter"))
        self.header_box = _box("data.header", self.tr("First row"))
        self.shape_box = _box("data.shape", self.tr("Rows of"))
        self.unit_box = _box("data.unit", self.tr("A row is"))
        self.unit_box.setToolTip(self.tr("Takes the file for plain text: what makes a row of it."))
        for box in (self.encoding_box, self.delimiter_box, self.header_box, self.shape_box, self.unit_box):
            box.currentIndexChanged.connect(lambda _: self.reading_changed.emit())
            form.addRow(_title(box.accessibleName()), box)
        card.body.addLayout(form)
        return card

    def _build_target(self) -> Card:
        card = Card(self.tr("Where the rows go"))
        form = _form()
        self.split_box = _box("data.split", self.tr("Use for"))
        for words, value in (
            (self.tr("training, some held out"), ""),
            (self.tr("training only"), "train"),
            (self.tr("validation"), "validation"),
            (self.tr("test"), "test"),
        ):
            self.split_box.addItem(words, value)
        self.split_box.currentIndexChanged.connect(lambda _: self.mapping_changed.emit())
        form.addRow(_title(self.split_box.accessibleName()), self.split_box)
        card.body.addLayout(form)
        self.only_labels = QCheckBox(self.tr("Only labels, for texts that are here already"))
        self.only_labels.setObjectName("data.only_labels")
        self.only_labels.setAccessibleName(self.only_labels.text())
        self.only_labels.toggled.connect(lambda _: self.mapping_changed.emit())
        card.body.addWidget(self.only_labels)
        self._target_card = card
        return card

    def _signs(self) -> tuple[tuple[str, str], ...]:
        return (
            (self.tr("comma"), ","),
            (self.tr("semicolon"), ";"),
            (self.tr("tab"), "\t"),
            (self.tr("vertical bar"), "|"),
        )

    def _fill(self, box: Choice, first: str, entries: Iterable[tuple[str, Any]]) -> None:
        box.blockSignals(True)
        box.clear()
        box.addItem(first, None)
        for words, value in entries:
            box.addItem(words, value)
        box.setCurrentIndex(0)
        box.setEnabled(True)
        box.blockSignals(False)


def _form() -> QFormLayout:
    form = QFormLayout()
    form.setHorizontalSpacing(12)
    form.setVerticalSpacing(8)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def _title(words: str) -> QLabel:
    """Titles of one width, so that the controls of all cards line up."""
    label = row_title(words)
    label.setMinimumWidth(64)
    return label


def _box(name: str, title: str) -> Choice:
    box = Choice()
    box.setObjectName(name)
    box.setAccessibleName(title)
    box.let_narrow()
    return box


def _choose(box: Choice, value: Any) -> None:
    box.blockSignals(True)
    box.setCurrentIndex(max(0, box.findData(value)))
    box.blockSignals(False)
