"""The buttons below the setup: train here, look for better settings first, or pack the run for a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.pack_dialog import PackDialog
from desktop_llm.widgets.button import button

if TYPE_CHECKING:
    from desktop_llm.jobs.recipe import Recipe

HEIGHT = 36


class TrainStart(QWidget):
    """Signals: `start_asked()`; `recipe_chosen(Recipe)`: a search has found this one; `rate_chosen(rate)`."""

    start_asked = Signal()
    recipe_chosen = Signal(object)
    rate_chosen = Signal(float)

    def __init__(self, hub: Hub, recipe: Callable[[], Recipe | None]) -> None:
        """Both are off until `show_state`; `recipe` gives what is set, None where it cannot be."""
        super().__init__()
        self._hub, self._recipe = hub, recipe
        self.start = button(self.tr("Start training"), "train.start", self.start_asked.emit, kind="primary")
        self.server = button(self.tr("On a server…"), "train.server", self._on_server)
        self.server.setAccessibleName(self.tr("Train on a server"))
        self.server.setToolTip(self.tr("Packs the run into one file that trains where you copy it."))
        self.tune = button(self.tr("Tune"), "train.tune")
        self.tune.setToolTip(self.tr("Looks for better settings, by trying them."))
        self.tune.setMenu(self._build_menu())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for made, stretch in ((self.start, 1), (self.tune, 0), (self.server, 0)):
            made.setMinimumHeight(HEIGHT)
            row.addWidget(made, stretch)

    def show_state(self, *, enabled: bool, waits: bool, here: bool = True) -> None:
        """Whether a run can be made, and run `here`; `waits`: it would have to wait for others."""
        title = self.tr("Add to queue") if waits else self.tr("Start training")
        self.start.setText(title)
        self.start.setAccessibleName(title)
        self.start.setEnabled(enabled and here)
        self.server.setEnabled(enabled)
        self.tune.setEnabled(self._hub.project is not None)
        self.rate.setEnabled(enabled and here and self._hub.writable and not self._hub.is_training)

    def _on_server(self) -> None:
        recipe = self._recipe()
        if recipe is not None:
            PackDialog(self._hub, self.window(), recipe).open()

    def _build_menu(self) -> QMenu:
        menu = QMenu(self)
        for words, name, asked in (
            (self.tr("Search for a better recipe…"), "train.tune.search", self._on_tune),
            (self.tr("Find a learning rate…"), "train.tune.rate", self._on_rate),
        ):
            action = menu.addAction(words)
            action.setObjectName(name)
            action.triggered.connect(asked)
        self.rate = menu.actions()[-1]
        return menu

    def _on_rate(self) -> None:
        recipe = self._recipe()
        if recipe is not None:
            from desktop_llm.gui.pages.rate_dialog import RateDialog

            dialog = RateDialog(self._hub, self.window(), recipe)
            dialog.rate_chosen.connect(self.rate_chosen)
            dialog.open()

    def _on_tune(self) -> None:
        recipe = self._recipe()
        if recipe is not None:
            from desktop_llm.gui.pages.tune_dialog import TuneDialog

            for there in self.window().findChildren(TuneDialog):
                if there.isVisible():
                    there.raise_()
                    there.activateWindow()
                    return
            dialog = TuneDialog(self._hub, self.window(), recipe)
            dialog.recipe_chosen.connect(self.recipe_chosen)
            dialog.show()
