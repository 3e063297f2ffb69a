"""What is to be exported and how: the format, the place, and what only a person can say for the model card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from desktop_llm.jobs import formats
from desktop_llm.jobs.formats import FORMATS, ZIP
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.form import Choice, row_title

if TYPE_CHECKING:
    from desktop_llm.verbs import exporting


class ExportForm(QWidget):
    """Signals: `changed()`: the card would be another; `possible_changed(bool)`: whether it can be exported so."""

    changed = Signal()
    possible_changed = Signal(bool)

    def __init__(self) -> None:
        """All formats; which of them a run can have is told by `show_choices`."""
        super().__init__()
        self._choices: dict[str, exporting.Choice] = {}
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(8)
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        self.format_box = Choice()
        self.format_box.setObjectName("export.format")
        self.format_box.setAccessibleName(self.tr("Format"))
        for one in FORMATS.values():
            self.format_box.addItem(one.title, one.name)
        self.format_box.currentIndexChanged.connect(self._on_format)
        self.folder = QLineEdit()
        self.folder.setObjectName("export.folder")
        self.folder.setAccessibleName(self.tr("New folder"))
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.folder, 1)
        line.addWidget(button(self.tr("Choose…"), "export.choose", self._on_choose))
        self.zipped = QCheckBox(self.tr("One file (ZIP)"))
        self.zipped.setObjectName("export.zip")
        self.zipped.setAccessibleName(self.tr("One file (ZIP)"))
        self.zipped.toggled.connect(self._on_zipped)
        form.addRow(row_title(self.tr("Format")), self.format_box)
        form.addRow(row_title(self.tr("New folder")), line)
        form.addRow("", self.zipped)
        whole.addLayout(form)
        self._help = plain_label("", "muted", wrap=True)
        whole.addWidget(self._help)
        self._reason = plain_label("", "warn", wrap=True)
        self._reason.setObjectName("export.reason")
        self._copy = button(self.tr("Copy the command"), "export.copy_command", self._on_copy)
        unfit = QHBoxLayout()
        unfit.setSpacing(8)
        unfit.addWidget(self._reason, 1)
        unfit.addWidget(self._copy)
        whole.addLayout(unfit)
        whole.addLayout(self._build_papers())
        self._show_reason()

    def _build_papers(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        self._papers: dict[str, QLineEdit] = {}
        told = (
            ("licence", self.tr("Licence of the model"), self.tr("apache-2.0")),
            ("base_licence", self.tr("Licence of its base model"), self.tr("as its makers state it")),
            ("data_licence", self.tr("Licence of the data"), self.tr("our own, cc-by-4.0 …")),
            ("language", self.tr("Languages"), self.tr("en, zh")),
        )
        for place, (name, title, hint) in enumerate(told):
            field = QLineEdit()
            field.setObjectName(f"export.{name}")
            field.setAccessibleName(title)
            field.setPlaceholderText(hint)
            field.textEdited.connect(lambda _: self.changed.emit())
            self._papers[name] = field
            grid.addWidget(plain_label(title, "muted"), place // 2 * 2, place % 2)
            grid.addWidget(field, place // 2 * 2 + 1, place % 2)
        return grid

    @property
    def format_name(self) -> str:
        """The chosen format."""
        return str(self.format_box.currentData())

    @property
    def possible(self) -> bool:
        """Whether the run can have the chosen format here."""
        told = self._choices.get(self.format_name)
        return told is not None and not (told.unfit or told.missing)

    def choose(self, name: str) -> None:
        """Choose a format, as if the person had."""
        self.format_box.setCurrentIndex(max(0, self.format_box.findData(name)))
        self._on_format()

    def papers(self) -> dict[str, str]:
        """What the card is to say that only a person knows."""
        return {name: field.text().strip() for name, field in self._papers.items()}

    def set_place(self, path: Path) -> None:
        """Propose a folder."""
        self.folder.setText(str(path) + (ZIP if self.zipped.isChecked() else ""))

    def show_choices(self, told: list[exporting.Choice]) -> None:
        """Which formats the run can have."""
        self._choices = {one.format.name: one for one in told}
        self._show_reason()

    def state(self) -> dict[str, Any]:
        """For the next start."""
        return {"format": self.format_name, "zip": self.zipped.isChecked(), "papers": self.papers()}

    def restore(self, told: dict[str, Any]) -> None:
        """Take over what `state` gave."""
        self.format_box.setCurrentIndex(max(0, self.format_box.findData(told.get("format"))))
        self.zipped.setChecked(bool(told.get("zip")))
        papers = told.get("papers")
        for name, text in papers.items() if isinstance(papers, dict) else ():
            if name in self._papers:
                self._papers[name].setText(str(text))

    def _on_format(self) -> None:
        self._show_reason()
        self.changed.emit()

    def _show_reason(self) -> None:
        told = self._choices.get(self.format_name)
        note = "" if told is None or told.unfit else told.note
        self._help.setText(" ".join(one for one in (FORMATS[self.format_name].help, note) if one))
        reason = "" if told is None else told.unfit or told.missing
        self._reason.setText(reason)
        self._reason.setVisible(bool(reason))
        self._copy.setVisible(told is not None and bool(told.missing) and not told.unfit)
        self.possible_changed.emit(self.possible)

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(formats.command(FORMATS[self.format_name].modules))

    def _on_zipped(self, zipped: bool) -> None:
        text = self.folder.text().strip().removesuffix(ZIP)
        self.folder.setText(text + ZIP if zipped and text else text)

    def _on_choose(self) -> None:
        start = str(Path(self.folder.text()).parent)
        chosen = QFileDialog.getExistingDirectory(self, self.tr("In folder"), start)
        if chosen:
            self.folder.setText(str(Path(chosen) / Path(self.folder.text()).name))
