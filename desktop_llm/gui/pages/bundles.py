"""The doors for bundles: send one, take one in, open one as a project; by button, menu, or a file that is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop_llm.data.bundle import ENDING
from desktop_llm.errors import UserError
from desktop_llm.gui.hub import Hub


def apart(files: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The bundles among files, and the others."""
    found = [file for file in files if file.suffix.casefold() == ENDING]
    return found, [file for file in files if file not in found]


def send(hub: Hub, parent: QWidget) -> None:
    """Open the dialog that writes a bundle."""
    from desktop_llm.gui.pages.bundle_send import SendDialog

    if hub.project is None:
        hub.show_error(UserError(_tr("Open a project first.")))
    else:
        SendDialog(hub, parent).open()


def ask_and_take(hub: Hub, parent: QWidget, *, new: bool = False) -> None:
    """Ask for bundles and take them."""
    title = _tr("Open a colleague’s bundle") if new else _tr("Take in a bundle")
    kind = _tr("Bundles (*{ending})").format(ending=ENDING)
    chosen, _ = QFileDialog.getOpenFileNames(parent, title, "", kind)
    take(hub, parent, [Path(name) for name in chosen], new=new)


def take(hub: Hub, parent: QWidget, files: Sequence[Path], *, new: bool = False) -> None:
    """Take bundles, one after the other, into the open project, or each as a project of its own (`new`)."""
    from desktop_llm.gui.pages.bundle_take import TakeDialog

    if not files:
        return

    def go_on() -> None:
        if parent.isVisible():  # not where the window has closed
            take(hub, parent, files[1:], new=new)

    dialog = TakeDialog(hub, files[0], parent, new=new)
    dialog.finished.connect(lambda _: QTimer.singleShot(0, parent, go_on))
    dialog.open()


def _tr(text: str) -> str:
    return QCoreApplication.translate("Bundles", text)
