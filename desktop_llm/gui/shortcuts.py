"""The sheet of keys, on F1."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QVBoxLayout, QWidget

from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.chip import keycap


def _keys(*, learns: bool, classes: bool) -> list[tuple[str, str]]:
    """What a key does; `learns`: there are models, `classes`: labels are of classes that have keys."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("Shortcuts", text)

    pages = [("Ctrl+1 · Ctrl+2", tr("Data, Label"))]
    if learns:
        pages = [("Ctrl+1 … Ctrl+6", tr("Data, Label, Train, Results, Try it, Export"))]
    return [
        *pages,
        ("Ctrl+N · Ctrl+O · Ctrl+W", tr("New, open, close project")),
        *([("1 … 9, letters", tr("Give the label with this key"))] if classes else []),
        ("Enter", tr("Accept the model's suggestion") if learns else tr("Keep what stands as the label")),
        ("Space", tr("Skip the text")),
        ("Backspace · Ctrl+Z", tr("Undo")),
        ("Ctrl+Y · Ctrl+Shift+Z", tr("Do again")),
        ("D · A", tr("Next and previous text")),
        *([("/", tr("Find a label by typing; arrows choose, Enter takes it, Esc leaves"))] if classes else []),
        *([("Ctrl+L", tr("Edit the labels"))] if classes else []),
        ("Ctrl+I · Ctrl+F", tr("Import files, find in the texts")),
        *([("Ctrl+T · Ctrl+P · Ctrl+E", tr("Start training, pause it, export a model"))] if learns else []),
        ("F11", tr("Full screen")),
    ]


def show_sheet(
    parent: QWidget, *, learns: bool = True, classes: bool = True, further: Sequence[tuple[str, str]] = ()
) -> QDialog:
    """Open the sheet; it goes with Esc. `further` keys with what they do are those of the editor."""
    sheet = QDialog(parent)
    sheet.setObjectName("shortcuts")
    sheet.setWindowTitle(QCoreApplication.translate("Shortcuts", "Keys"))
    whole = QVBoxLayout(sheet)
    whole.setContentsMargins(24, 24, 24, 16)
    grid = QGridLayout()
    grid.setVerticalSpacing(8)
    grid.setHorizontalSpacing(24)
    for column, told in ((0, _keys(learns=learns, classes=classes)), (2, further)):
        for row, (key, words) in enumerate(told):
            grid.addWidget(keycap(key), row, column, Qt.AlignmentFlag.AlignLeft)
            grid.addWidget(plain_label(words), row, column + 1)
    whole.addLayout(grid)
    whole.addSpacing(16)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(sheet.reject)
    whole.addWidget(buttons)
    sheet.open()
    return sheet
