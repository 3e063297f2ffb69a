"""The card with the finds of one kind of personal data, each marked in its text, and where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_llm.data.personal.find import TITLES, Kind
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card
from desktop_llm.widgets.differences import Difference, Differences
from desktop_llm.widgets.elided import ElidedLabel

if TYPE_CHECKING:
    from desktop_llm.verbs.personal import Example, Found

SHOWN = 100
AROUND = 80
"""Characters of a text before and after a find."""


class FindsCard(Card):
    """Signals: `stay_asked()`: all finds of the kind may stay."""

    stay_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty until finds are shown."""
        super().__init__(" ", " ", parent)
        self.finds = Differences("personal.finds", self.tr("Where it was found"))
        self.finds.setPlaceholderText(self.tr("What is found is shown here, in its text."))
        self.body.addWidget(self.finds, 1)
        line = QHBoxLayout()
        self._columns = ElidedLabel("", "muted")
        self._columns.setObjectName("personal.columns")
        line.addWidget(self._columns, 1)
        self._stay = button(self.tr("Let all of this kind stay"), "personal.stay", self.stay_asked.emit)
        line.addWidget(self._stay)
        self.body.addLayout(line)

    def show_finds(self, found: Found | None, kind: Kind, *, free: bool) -> None:
        """The first finds of a kind, if somebody has looked; `free`: something can be done with them now."""
        examples = found.examples.get(kind, ()) if found is not None else ()
        count = found.open.get(kind, 0) if found is not None else 0
        columns = found.columns.get(kind, {}) if found is not None else {}
        self.set_title(QCoreApplication.translate("PersonalKinds", TITLES[kind]))
        note = self.tr("the first {shown:,} of {count:,}").format(shown=min(SHOWN, len(examples)), count=count)
        self.set_note(note if count > SHOWN else "")
        words = [self.tr("{count:,} in {column}").format(count=told, column=name) for name, told in columns.items()]
        self._columns.setText(", ".join(words))
        self.finds.show_differences([self._marked(one) for one in examples[:SHOWN]])
        self._stay.setEnabled(free and bool(examples))

    def _marked(self, one: Example) -> Difference:
        """A find with what stands around it."""
        before = one.text[max(0, one.found.start - AROUND) : one.found.start]
        after = one.text[one.found.end : one.found.end + AROUND]
        heading = self.tr("Row {row}") if one.main else self.tr("Row {row} · {column}")
        start, end = len(before), len(before) + len(one.found.text)
        return Difference(
            heading=heading.format(row=one.row, column=one.column),
            before=before + one.found.text + after,
            after=None,
            gone=((start, end),),
        )
