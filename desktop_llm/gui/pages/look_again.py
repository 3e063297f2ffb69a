"""The bar above a text whose label is doubted: what speaks against it, and what a person may answer."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from desktop_llm.errors import UserError
from desktop_llm.gui.hub import Hub
from desktop_llm.rows import Item, MarkKind
from desktop_llm.verbs import loop_results
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.chip import keycap

KEY_HEIGHT = 22


class LookAgain(QFrame):
    """Signal: `answered(Item)`: its label stays, and it left the queue. Another label is given as ever."""

    answered = Signal(object)

    def __init__(self, hub: Hub, parent: QWidget | None = None) -> None:
        """Hidden until a doubted row is shown."""
        super().__init__(parent)
        self.setObjectName("label.look_again")
        self.setProperty("role", "banner")
        self.setProperty("level", "info")
        self._hub = hub
        self._item: Item | None = None
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 8, 12, 8)
        line.setSpacing(8)
        self._words = plain_label("", wrap=True)
        self._words.setObjectName("label.look_again.words")
        line.addWidget(self._words, 1)
        self._buttons = {
            "keep": button(self.tr("The label is right"), "label.look_again.keep", self.keep),
            "hard": button(self.tr("Hard to say"), "label.look_again.hard", self.hard),
        }
        self._caps = {command: keycap("") for command in self._buttons}
        for command, made in self._buttons.items():
            self._caps[command].setFixedHeight(KEY_HEIGHT)
            line.addWidget(self._caps[command])
            line.addWidget(made)
        hub.settings_changed.connect(lambda _: self._tell_keys())
        self._tell_keys()
        self.hide()

    def keep(self) -> None:
        """The label is right."""
        self._mark("checked")

    def hard(self) -> None:
        """Nobody can say for sure; the label stays."""
        self._mark("hard")

    def _tell_keys(self) -> None:
        for command, made in self._buttons.items():
            key = self._hub.keys.told(command)
            made.setToolTip(f"{made.text()} ({key})" if key else made.text())
            self._caps[command].setText(key)
            self._caps[command].setVisible(bool(key))

    def show_item(self, item: Item | None, label: str = "") -> None:
        """Ask about a row, `label` its own in words; None hides the bar."""
        self._item = item
        self.setVisible(item is not None)
        if item is None:
            return
        told = item.prediction
        if told is None:
            self._words.setText(self.tr("Is “{label}” right?").format(label=label))
            return
        run = loop_results.source(self._hub.project) if self._hub.project is not None else None
        other, share = next(((name, one) for name, one in told.top if name != label), (label, told.probability))
        own = dict(told.top).get(label)
        if own is None:  # next to nothing, or a label of several classes
            said = self.tr("Is “{label}” right? The other labels speak for “{other}” with {share:.0f} %.")
            if run is not None:
                said = self.tr("Is “{label}” right? While run {run} learned, it held “{other}” against it.")
        else:
            said = self.tr(
                "Is “{label}” right? The other labels speak for it with {own:.0f} %, for “{other}” with {share:.0f} %."
            )
            if run is not None:
                said = self.tr(
                    "Is “{label}” right? While run {run} learned, it got {own:.0f} %, “{other}” {share:.0f} %."
                )
        told_of = {"label": label, "own": 100 * (own or 0.0), "other": other, "share": 100 * share, "run": run}
        self._words.setText(said.format(**told_of))

    def _mark(self, kind: MarkKind) -> None:
        """Nothing where no label is asked about."""
        project, item = self._hub.project, self._item
        if project is None or item is None:
            return
        try:
            changes = project.doubts.mark(item.id, kind, self._hub.settings.labeler)
        except UserError as error:
            self._hub.show_error(error)
            return
        self._hub.changed.emit(changes)
        self.answered.emit(item)
