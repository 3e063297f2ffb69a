"""The left side of the Train page: the setup of a run, what waits in the queue, what there is to learn from, Start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.run_again import RunAgain
from desktop_llm.gui.pages.train_away import TrainAway
from desktop_llm.gui.pages.train_before import TrainBefore
from desktop_llm.gui.pages.train_queue import TrainQueue
from desktop_llm.gui.pages.train_setup import TrainSetup
from desktop_llm.gui.pages.train_start import TrainStart
from desktop_llm.widgets.card import Card

if TYPE_CHECKING:
    from desktop_llm.jobs.recipe import Recipe

WIDTH = 352
LOW = 640
"""Pixels of height below which room is short, and the form gets it."""


class TrainColumn(QWidget):
    """Its parts are the page's to listen to."""

    def __init__(self, hub: Hub, again: RunAgain, recipe: Callable[[], Recipe | None]) -> None:
        """`again` is the menu about a run; `recipe` gives what is set, None where it cannot be."""
        super().__init__()
        self.setFixedWidth(WIDTH)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(12)
        card = Card(QCoreApplication.translate("TrainColumn", "Setup"))
        self._hub = hub
        self.setup = TrainSetup()
        self.setup.models_asked.connect(self._show_models)
        card.body.addWidget(self.setup.scrolled(), 1)
        whole.addWidget(card, 1)
        self.away, self.before, self.starting = TrainAway(hub, again), TrainBefore(), TrainStart(hub, recipe)
        for part in (TrainQueue(hub), self.away, self.before, self.starting):
            whole.addWidget(part)

    def _show_models(self) -> None:
        """The models that are kept, to choose one to start from."""
        from desktop_llm.gui.pages import models_dialog
        from desktop_llm.verbs import shelving

        dialog = models_dialog.open_dialog(self._hub, self.window(), self._hub.task.name if self._hub.task else "")
        dialog.chosen.connect(self.setup.choose_model)
        dialog.listed.connect(lambda: self.setup.offer_models(shelving.paths()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little height, the form gets it."""
        super().resizeEvent(event)
        self.before.set_low(event.size().height() < LOW)
