"""What becomes of a run when the window is closed: the question, and its three answers."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

Answer = Literal["stop", "leave", "stay"]


def ask(parent: QWidget) -> Answer:
    """Stop and keep the model, leave with a checkpoint, or stay. Esc is stay."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("Leaving", text)

    box = QMessageBox(parent)
    box.setObjectName("close.ask")
    box.setWindowTitle(tr("A run is training"))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(tr("A run is training. What shall become of it?"))
    box.setInformativeText(
        tr(
            "Stop and keep ends it after this step and keeps its model. "
            "Leave saves a checkpoint, from which Resume goes on next time."
        )
    )
    buttons = {
        "stop": box.addButton(tr("Stop and keep"), QMessageBox.ButtonRole.DestructiveRole),
        "leave": box.addButton(tr("Leave, resume later"), QMessageBox.ButtonRole.AcceptRole),
        "stay": box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole),
    }
    for name, made in buttons.items():
        made.setObjectName(f"close.{name}")
        made.setAccessibleName(made.text())
    box.setDefaultButton(buttons["leave"])
    box.setEscapeButton(buttons["stay"])
    box.exec()
    clicked = box.clickedButton()
    box.deleteLater()
    if clicked is buttons["stop"]:
        return "stop"
    return "leave" if clicked is buttons["leave"] else "stay"
