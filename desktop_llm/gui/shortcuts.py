"""The sheet of keys, on F1."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QVBoxLayout, QWidget

from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.chip import keycap


def _keys() -> list[tuple[str, str]]:
    def tr(text: str) -> str:
        return QCoreApplication.translate("Shortcuts", text)

    return [
        ("Ctrl+1 … Ctrl+6", tr("Data, Label, Train, Results, Try it, Export")),
        ("Ctrl+N · Ctrl+O · Ctrl+W", tr("New, open, close project")),
        ("1 … 9, letters", tr("Give the label with this key")),
        ("Enter", tr("Accept the model's suggestion")),
        ("Space", tr("Skip the text")),
        ("Backspace · Ctrl+Z", tr("Undo")),
        ("Ctrl+Y · Ctrl+Shift+Z", tr("Do again")),
        ("D · A", tr("Next and previous text")),
        ("/", tr("Find a label by typing; arrows choose, Enter takes it, Esc leaves")),
        ("Alt+1 … Alt+9", tr("In a dispute: take this answer")),
        ("Ctrl+H", tr("History of the row")),
        ("Ctrl+L", tr("Edit the labels")),
        ("Ctrl+I · Ctrl+F", tr("Import files, find in the texts")),
        ("Ctrl+T · Ctrl+P · Ctrl+E", tr("Start training, pause it, export a model")),
        ("F11", tr("Full screen")),
    ]


def show_sheet(parent: QWidget) -> QDialog:
    """Open the sheet; it goes with Esc."""
    sheet = QDialog(parent)
    sheet.setObjectName("shortcuts")
    sheet.setWindowTitle(QCoreApplication.translate("Shortcuts", "Keys"))
    whole = QVBoxLayout(sheet)
    whole.setContentsMargins(24, 24, 24, 16)
    grid = QGridLayout()
    grid.setVerticalSpacing(8)
    grid.setHorizontalSpacing(24)
    for row, (key, words) in enumerate(_keys()):
        grid.addWidget(keycap(key), row, 0, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(plain_label(words), row, 1)
    whole.addLayout(grid)
    whole.addSpacing(16)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(sheet.reject)
    whole.addWidget(buttons)
    sheet.open()
    return sheet
