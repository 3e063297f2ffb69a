"""The part of the Models dialog that asks the hub: a name, what the hub says of it, and only then a download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from desktop_llm.gui.pages.forecast_words import size_words
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_llm.catalog.offer import Offer
    from desktop_llm.verbs.sources import Serves

NAMED, SMALL = 8, 950_000
"""So many files are named, if they have so many bytes; the others are counted."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("ModelsHub", text)


class ModelsHub(Card):
    """Signals: `look_asked(name)`: as it was typed; `fetch_asked(Offer)`: download what is shown."""

    look_asked = Signal(str)
    fetch_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Nothing is asked before a button is pressed."""
        super().__init__(_tr("From the Hugging Face hub"), _tr("asked only when you press a button"), parent)
        self._offer: Offer | None = None
        line = QHBoxLayout()
        line.setSpacing(8)
        self.field = QLineEdit()
        self.field.setObjectName("models.hub.name")
        self.field.setAccessibleName(_tr("Name of a model on the hub"))
        self.field.setPlaceholderText(_tr("owner/name"))
        self.field.returnPressed.connect(self._on_look)
        self.field.textEdited.connect(lambda _: self.clear())
        self.look = button(_tr("Look it up"), "models.hub.look", self._on_look)
        self.fetch = button(_tr("Download"), "models.hub.fetch", self._on_fetch, kind="primary")
        for made in (self.look, self.fetch):
            made.setAutoDefault(False)
        line.addWidget(self.field, 1)
        line.addWidget(self.look)
        line.addWidget(self.fetch)
        self.body.addLayout(line)
        self._facts = plain_label("", wrap=True)
        self._facts.setObjectName("models.hub.facts")
        self._files = plain_label("", "muted", wrap=True)
        self._files.setObjectName("models.hub.files")
        self.body.addWidget(self._facts)
        self.body.addWidget(self._files)
        self.clear()

    def clear(self) -> None:
        """Nothing is known of any model."""
        self._offer = None
        self._say("", "")

    def show_offer(self, offer: Offer, serves: Sequence[Serves]) -> None:
        """What the hub says of a model."""
        self._offer = offer
        good = ", ".join(_tr(told.title) for told in serves if not told.why_not)
        licence = offer.licence or _tr("none is given")
        told = [
            _tr("{name}: {size} to download. Licence: {licence}.").format(
                name=offer.name, size=size_words(offer.bytes), licence=licence
            )
        ]
        if good:
            told.append(_tr("Can be trained for: {tasks}.").format(tasks=good))
        else:
            told.append(next((one.why_not for one in serves if one.why_not), ""))
        if offer.gated:
            told.append(_tr("Its owner wants its terms to be agreed to first, on its page."))
        self._say(" ".join(told), _files(offer))

    def let(self, free: bool) -> None:
        """Whether anything may be asked for now."""
        for part in (self.field, self.look):
            part.setEnabled(free)
        self.fetch.setEnabled(free and self._offer is not None)

    def _say(self, facts: str, files: str) -> None:
        for label, text in ((self._facts, facts), (self._files, files)):
            label.setText(text)
            label.setVisible(bool(text))
        self.fetch.setEnabled(self._offer is not None)

    def _on_look(self) -> None:
        if self.field.text().strip() and self.look.isEnabled():
            self.look_asked.emit(self.field.text())

    def _on_fetch(self) -> None:
        if self._offer is not None:
            self.fetch_asked.emit(self._offer)


def _files(offer: Offer) -> str:
    """The large files by name, the others counted."""
    large = sorted((one for one in offer.files if one.bytes >= SMALL), key=lambda one: -one.bytes)[:NAMED]
    names = ", ".join(f"{one.name} ({size_words(one.bytes)})" for one in large)
    others = len(offer.files) - len(large)
    if not names:
        return _tr("{count} small files.").format(count=others)
    return _tr("{names}, and {count} smaller files.").format(names=names, count=others) if others else names
