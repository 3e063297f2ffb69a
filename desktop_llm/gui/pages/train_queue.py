"""The runs that wait for their turn, on the Train page; seen only while there are any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card
from desktop_llm.widgets.elided import ElidedLabel

if TYPE_CHECKING:
    from desktop_llm.store.runs import Run

SHOWN = 2


def _tr(text: str) -> str:
    return QCoreApplication.translate("TrainQueue", text)


class TrainQueue(Card):
    """A line a run, with the button that takes it away; above them the one that starts the next where none trains."""

    def __init__(self, hub: Hub) -> None:
        """Listens to the hub's queue."""
        super().__init__(_tr("Next in the queue"))
        self.setObjectName("train.queue")
        self._hub = hub
        self._told: list[int] = []
        self._lines = QVBoxLayout()
        self._lines.setSpacing(0)
        self.body.addLayout(self._lines)
        self.start_button = button(_tr("Start"), "train.queue.start", hub.queue.start_next, kind="quiet")
        self.start_button.setAccessibleName(_tr("Start the queue"))
        self.head.addWidget(self.start_button)
        hub.queue.changed.connect(self.refresh)
        hub.training.began.connect(self.refresh)
        hub.training.ended.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what waits now."""
        waiting = self._hub.queue.waiting
        over = len(waiting) - SHOWN
        self.set_note(_tr("and {count} more").format(count=over) if over > 0 else "")
        self.start_button.setVisible(self._hub.writable and not self._hub.is_training)
        self.setVisible(bool(waiting))
        told = [run.number for run in waiting[:SHOWN]]
        if told != self._told:  # a training run is heard of twice a second: a button must outlive its press
            self._told = told
            self._show_lines(waiting[:SHOWN])

    def _show_lines(self, runs: Sequence[Run]) -> None:
        while (item := self._lines.takeAt(0)) is not None:
            part = item.widget()
            if part is not None:
                part.hide()
                part.deleteLater()
        for run in runs:
            words = _tr("Run {number} · {model}").format(number=run.number, model=run.title)
            self._lines.addWidget(self._line(run.number, words))

    def _line(self, number: int, words: str) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(ElidedLabel(words), 1)
        away = button(
            _tr("Remove"), f"train.queue.remove.{number}", lambda: self._hub.queue.remove(number), kind="quiet"
        )
        away.setAccessibleName(_tr("Remove run {number} from the queue").format(number=number))
        away.setEnabled(self._hub.writable)
        row.addWidget(away)
        return line
