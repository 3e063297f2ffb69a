"""The list of projects opened before: open one again, or take it off the list."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.choice_card import ChoiceCard


class Recent(Card):
    """Signals: `chosen(Path)`: open it; `forgotten(Path)`: take it off the list, the files stay."""

    chosen = Signal(Path)
    forgotten = Signal(Path)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        """Empty at first."""
        super().__init__(title, "", parent)
        self.setObjectName("projects.recent")
        self._paths: list[Path] | None = None
        self._missing: set[Path] = set()
        self._open: Path | None = None
        self._rows: list[QWidget] = []
        self._nothing = plain_label(self.tr("Projects that you open are listed here."), "muted", wrap=True)
        self.body.addWidget(self._nothing)
        self.body.addStretch(1)

    def show_paths(self, paths: Sequence[Path]) -> bool:
        """List these; False when they were listed already."""
        if self._paths == list(paths):
            return False
        self._paths = list(paths)
        self._draw()
        return True

    def mark_missing(self, missing: Collection[Path]) -> None:
        """Grey those that are not there."""
        if self._missing != set(missing):
            self._missing = set(missing)
            self._draw()

    def mark_open(self, path: Path | None) -> None:
        """Say which one is open."""
        if self._open != path:
            self._open = path
            self._draw()

    def _draw(self) -> None:
        for row in self._rows:
            # Out of the tree at once, so that no two rows go by one name.
            self.body.removeWidget(row)
            row.setParent(None)
            row.deleteLater()
        paths = self._paths or []
        self._rows = [self._row(place, path) for place, path in enumerate(paths)]
        for place, row in enumerate(self._rows):
            self.body.insertWidget(place, row)
        self._nothing.setVisible(not paths)

    def _row(self, place: int, path: Path) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        where = str(path.parent)
        if path in self._missing:
            where = self.tr("not found in {folder}").format(folder=where)
        elif path == self._open:
            where = self.tr("open now · {folder}").format(folder=where)
        made = ChoiceCard(path.name, where, f"projects.recent.{place}")
        made.set_present(path not in self._missing)
        made.clicked.connect(lambda: self.chosen.emit(path))
        line.addWidget(made, 1)
        forget = button(
            self.tr("Remove"),
            f"projects.forget.{place}",
            lambda: self.forgotten.emit(path),
            kind="quiet",
            tip=self.tr("Takes it off this list; the files stay."),
        )
        forget.setAccessibleName(self.tr("Remove {name} from the list").format(name=path.name))
        line.addWidget(forget, 0, Qt.AlignmentFlag.AlignVCenter)
        return row
