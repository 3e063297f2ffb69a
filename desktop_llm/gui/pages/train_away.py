"""The runs that are on a server, on the Train page; seen only while there are any, also while another run trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.rows import Changes
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card
from desktop_llm.widgets.elided import ElidedLabel

if TYPE_CHECKING:
    from desktop_llm.gui.pages.run_again import RunAgain
    from desktop_llm.store.runs import Run

SHOWN = 1
"""There is little room; the others are in the list of all runs."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("TrainAway", text)


class TrainAway(Card):
    """A line a run, with the button that waits for it no longer; above them the one that takes one back."""

    def __init__(self, hub: Hub, menu: RunAgain) -> None:
        """Reads the runs when a project is opened and when they change, but not with every word of one that trains.

        `menu` asks for the same, about the chosen run.
        """
        super().__init__(_tr("On a server"))
        self.setObjectName("train.away")
        self._hub = hub
        self.runs: Sequence[Run] = ()
        self._lines = QVBoxLayout()
        self._lines.setSpacing(0)
        self.body.addLayout(self._lines)
        self.back_button = button(_tr("Take back…"), "train.away.back", self.take_back, kind="quiet")
        self.back_button.setAccessibleName(_tr("Take a run back from a server"))
        self.head.addWidget(self.back_button)
        menu.back_asked.connect(self.take_back)
        menu.call_asked.connect(self.call_back)
        hub.project_opened.connect(lambda _: self.reload())
        hub.changed.connect(self._on_changed)
        hub.training.ended.connect(self.reload)
        self._show([])
        self.reload()

    def reload(self, _: object = None) -> None:
        """Read which runs are away."""
        project = self._hub.project
        if project is None:
            self._show([])
        else:
            self._hub.background.run(lambda _: project.runs.away(), on_done=self._show)

    def take_back(self) -> None:
        """Open the dialog that takes a run back."""
        from desktop_llm.gui.pages.return_dialog import ReturnDialog

        if self._hub.writable:
            dialog = ReturnDialog(self._hub, self.window())
            dialog.taken.connect(self.reload)
            dialog.open()

    def call_back(self, number: int) -> None:
        """Wait no longer for a run."""
        project = self._hub.project
        if project is None:
            return

        def work(_: Task) -> Changes:
            from desktop_llm.verbs import packing

            return packing.call_back(project, number)

        def done(changes: Changes) -> None:
            words = _tr("Run {number} is called back; Resume trains it here.")
            self._hub.show_message(words.format(number=number))
            self._hub.changed.emit(changes)
            self.reload()

        self._hub.background.run(work, on_done=done)

    def _on_changed(self, changes: Changes) -> None:
        if changes.runs and not self._hub.is_training:
            self.reload()

    def _show(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        while (item := self._lines.takeAt(0)) is not None:
            part = item.widget()
            if part is not None:
                part.hide()
                part.deleteLater()
        for run in runs[:SHOWN]:
            self._lines.addWidget(self._line(run))
        over = len(runs) - SHOWN
        self.set_note(_tr("and {count} more").format(count=over) if over > 0 else "")
        self.back_button.setVisible(self._hub.writable)
        self.setVisible(bool(runs))

    def _line(self, run: Run) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        words = _tr("Run {number} · {file}").format(number=run.number, file=run.server.get("file", ""))
        row.addWidget(ElidedLabel(words), 1)
        call = button(
            _tr("Call back"), f"train.away.call.{run.number}", lambda: self.call_back(run.number), kind="quiet"
        )
        call.setAccessibleName(_tr("Wait no longer for run {number}").format(number=run.number))
        call.setToolTip(_tr("Train it here after all; once it has begun, what the server makes of it cannot come in."))
        call.setEnabled(self._hub.writable)
        row.addWidget(call)
        return line
