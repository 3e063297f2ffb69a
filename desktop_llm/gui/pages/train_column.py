"""The left side of the Train page: the setup of a run, what waits in the queue, what there is to learn from, Start."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.train_before import TrainBefore
from desktop_llm.gui.pages.train_queue import TrainQueue
from desktop_llm.gui.pages.train_setup import TrainSetup
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card

WIDTH = 352
LOW = 640
"""Pixels of height below which room is short, and the form gets it."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("TrainColumn", text)


class TrainColumn(QWidget):
    """Its parts are the page's to listen to."""

    def __init__(self, hub: Hub, start: Callable[[], None]) -> None:
        """`start` is what the button below does."""
        super().__init__()
        self.setFixedWidth(WIDTH)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(12)
        card = Card(_tr("Setup"))
        self.setup = TrainSetup()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.setup)
        card.body.addWidget(scroll, 1)
        whole.addWidget(card, 1)
        whole.addWidget(TrainQueue(hub))
        self.before = TrainBefore()
        whole.addWidget(self.before)
        self.start_button = button(_tr("Start training"), "train.start", start, kind="primary")
        self.start_button.setMinimumHeight(36)
        whole.addWidget(self.start_button)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little height, the form gets it."""
        super().resizeEvent(event)
        self.before.set_low(event.size().height() < LOW)
