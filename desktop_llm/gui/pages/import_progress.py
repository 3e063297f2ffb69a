"""An import under way: what became of the rows so far, how fast they come, how long it will take."""

from __future__ import annotations

import time

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop_llm.gui.pages.import_words import two_digits
from desktop_llm.gui.status import time_words
from desktop_llm.rows import ImportProgress
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, Tile, plain_label

STEPS = 1000
LEAST_SECONDS = 1.0
LEAST_FRACTION = 0.02
"""Before this much time and file no speed is told: it would be wrong."""


class ProgressView(QWidget):
    """Signals: `cancel_asked()`."""

    cancel_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty until `begin`."""
        super().__init__(parent)
        self._began = 0.0
        self._notes: dict[str, str] = {}
        self._first: tuple[float, ImportProgress] | None = None
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        tiles = QHBoxLayout()
        tiles.setSpacing(16)
        self.tiles = {
            "rows": Tile(self.tr("Rows read")),
            "imported": Tile(self.tr("New")),
            "unknown": Tile(self.tr("Not in the project")),
            "labeled": Tile(self.tr("Labels")),
            "duplicates": Tile(self.tr("Here already")),
            "rejected": Tile(self.tr("Not taken")),
        }
        for name, tile in self.tiles.items():
            tile.setObjectName(f"data.progress.{name}")
            tiles.addWidget(tile, 1)
        whole.addLayout(tiles)
        self._card = Card(" ")
        self._bar = QProgressBar()
        self._bar.setObjectName("data.progress")
        self._bar.setAccessibleName(self.tr("Progress of the import"))
        self._bar.setTextVisible(False)
        self._far = plain_label("")
        self._far.setObjectName("data.far")
        self._cancel = button(self.tr("Cancel"), "data.cancel", self.cancel_asked.emit)
        line = QHBoxLayout()
        line.addWidget(self._far, 1)
        line.addWidget(self._cancel)
        self._sentence = plain_label("", "muted", wrap=True)
        self._card.body.addWidget(self._bar)
        self._card.body.addLayout(line)
        self._card.body.addWidget(self._sentence)
        whole.addWidget(self._card)
        whole.addStretch(1)

    def begin(self, file: str, rows: str, *, only_labels: bool) -> None:
        """Another import begins; `rows` says how many rows the file has."""
        self._began, self._first = time.monotonic(), None
        self._notes = {
            "rows": self.tr("of {rows}").format(rows=rows),
            "imported": self.tr("to be added to the project"),
            "unknown": self.tr("left out, as only labels count"),
            "labeled": self.tr("of the new rows"),
            "duplicates": self.tr("same text, not taken again"),
            "rejected": self.tr("could not be read as rows"),
        }
        if only_labels:
            self._notes["duplicates"] = self.tr("may get a label")
        self._card.set_title(self.tr("Importing {file}").format(file=file))
        for name, tile in self.tiles.items():
            tile.show_figure("0", self._notes[name])
            # Labels of known texts are sorted out in the end; nothing could be counted here before.
            tile.setVisible(name not in (("imported", "labeled") if only_labels else ("unknown",)))
        self._sentence.setText(
            self.tr("The labels come in all together at the end; until then the project stays as it is.")
            if only_labels
            else self.tr(
                "The rows come in all together at the end, when texts that the file repeats are taken out; until then "
                "the project stays as it is."
            )
        )
        self._bar.setRange(0, 0)
        self._far.setText(self.tr("starting…"))
        self._cancel.setEnabled(True)

    def show_progress(self, told: ImportProgress) -> None:
        """Show how far it is."""
        self._bar.setRange(0, STEPS)
        self._bar.setValue(round(STEPS * told.fraction))
        for name, tile in self.tiles.items():
            tile.show_figure(f"{getattr(told, name):,}", self._notes[name])
        self._far.setText(self._words(told))

    def stopping(self) -> None:
        """A cancel was heard."""
        self._cancel.setEnabled(False)
        self._far.setText(self.tr("stopping…"))

    def _words(self, told: ImportProgress) -> str:
        if told.fraction >= 1.0:
            return self.tr("All rows are read; they are put in order…")
        now = time.monotonic()
        if self._first is None:
            self._first = now, told
        reading, first = now - self._first[0], self._first[1]
        if reading < LEAST_SECONDS or told.fraction < LEAST_FRACTION:
            return self.tr("reading…")
        # The start counts for the time left, as in the status bar, but not for the speed.
        left = (now - self._began) * (1 - told.fraction) / told.fraction
        return self.tr("{speed:,} rows per second · {time} left").format(
            speed=two_digits((told.rows - first.rows) / reading), time=time_words(left)
        )
