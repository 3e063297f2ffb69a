"""The choice of what a run is measured on: held-out texts, a filter that the project keeps, or a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop_llm.gui.pages.data import ENDINGS
from desktop_llm.widgets.form import Choice

if TYPE_CHECKING:
    from desktop_llm.verbs.outcomes import On

NEW_FILE = "a file"
WIDEST = 240


class OnChoice(Choice):
    """Signals: `changed()`: another one is chosen; `file_chosen()`: a file that nobody was measured on yet."""

    changed = Signal()
    file_chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """With the held-out texts."""
        super().__init__(parent)
        self.setObjectName("results.split")
        self.setAccessibleName(self.tr("Measured on"))
        self.setMaximumWidth(WIDEST)
        self.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToContents)
        self._folder = ""
        self._last = 0
        self.activated.connect(self._on_activated)
        self.offer((), ())

    @property
    def on(self) -> On:
        """What is chosen."""
        from desktop_llm.verbs.outcomes import TEST, On

        told = self.currentData()
        return told if isinstance(told, On) else TEST

    def offer(self, filters: Sequence[str], files: Sequence[str]) -> None:
        """The kept filters by name, and the files that runs were measured on."""
        from desktop_llm.verbs.outcomes import TEST, VALIDATION, On

        chosen = self.on if self.count() else TEST
        self.clear()
        self.addItem(self.tr("Test texts"), TEST)
        self.addItem(self.tr("Validation texts"), VALIDATION)
        for name in filters:
            self.addItem(self.tr("Filter: {name}").format(name=name), On(kind="filter", name=name))
        for path in files:
            self._add_file(path)
        self.addItem(self.tr("A file…"), NEW_FILE)
        self.choose(chosen)

    def choose(self, on: On) -> None:
        """Choose one that is there, else the test texts."""
        self.setCurrentIndex(next((place for place in range(self.count()) if self.itemData(place) == on), 0))
        self._last = self.currentIndex()

    def _add_file(self, path: str) -> None:
        from desktop_llm.verbs.outcomes import On

        place = self.count() - 1 if self.itemData(self.count() - 1) == NEW_FILE else self.count()
        self.insertItem(place, self.tr("File: {name}").format(name=Path(path).name), On(kind="file", name=path))
        self.setItemData(place, path, role=Qt.ItemDataRole.ToolTipRole)

    def _on_activated(self, place: int) -> None:
        if self.itemData(place) != NEW_FILE:
            self._last = place
            self.changed.emit()
            return
        self.setCurrentIndex(self._last)
        kinds = " ".join(f"*.{ending}" for ending in ENDINGS.split())
        chosen, _ = QFileDialog.getOpenFileName(
            self, self.tr("Measure on a file of labeled texts"), self._folder, f"{self.tr('Data')} ({kinds});;* (*)"
        )
        if chosen:
            self.take_file(Path(chosen))

    def take_file(self, path: Path) -> None:
        """Choose a file, which is to be measured on."""
        from desktop_llm.verbs.outcomes import On

        self._folder = str(path.parent)
        on = On(kind="file", name=str(path.absolute()))
        if all(self.itemData(place) != on for place in range(self.count())):
            self._add_file(on.name)
        self.choose(on)
        self.file_chosen.emit()
