"""The history of the row shown: who gave it which label, when, by which version of the guideline; what was undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QAbstractItemView, QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.gui.background import Task
from desktop_llm.gui.hub import Hub
from desktop_llm.gui.pages.label_guideline import GuidelineVersion
from desktop_llm.gui.pages.snapshot_facts import day_and_time
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view

if TYPE_CHECKING:
    from desktop_llm.rows import Guideline
    from desktop_llm.store.labels import Operation

SIZE = (760, 340)
GUIDELINE_HEIGHT = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Discretion:
    """What is kept back: entries of others than `only` (None: of nobody), and the names with all that tells them."""

    only: str | None = None
    names: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What was read of a row: its entries, which of them stand, the labels' names, guidelines by their version."""

    entries: list[Operation]
    stands: set[tuple[str, str]]
    names: dict[int, str]
    versions: dict[int, Guideline]


class RowHistory(QDialog):
    """A small window over the page, which goes with Esc."""

    def __init__(self, hub: Hub, item: int, kept_back: Discretion, parent: QWidget) -> None:
        """Reads the history of row `item`."""
        super().__init__(parent)
        self._hub, self._kept_back = hub, kept_back
        self.setObjectName("label.history")
        self.setWindowTitle(self.tr("History of the row"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(*SIZE)
        card = Card(self.tr("History of the row"), " ")
        self._card = card
        self._grid = TextGrid(self)
        self.table = grid_view(self._grid, "label.history.table", self.tr("History of the row"))
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        card.body.addWidget(self.table, 1)
        self._versions: list[Guideline | None] = []
        self._names: dict[int, str] = {}
        self.version = GuidelineVersion("label.history.guideline")
        self.version.setFixedHeight(GUIDELINE_HEIGHT)
        self.version.hide()
        card.body.addWidget(self.version)
        self.table.selectionModel().currentRowChanged.connect(lambda now: self._choose(now.row()))
        self._words = plain_label("", "muted", wrap=True)
        self._words.setObjectName("label.history.words")
        card.body.addWidget(self._words)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 16)
        whole.setSpacing(12)
        whole.addWidget(card)
        line = QHBoxLayout()
        line.addStretch(1)
        line.addWidget(button(self.tr("Close"), "label.history.close", self.reject))
        whole.addLayout(line)
        self._read(item)

    def _read(self, item: int) -> None:
        project, task = self._hub.project, self._hub.task
        if project is None or task is None:
            return

        def read(_: Task) -> _Told:
            stands = {(one.labeler, one.at) for one in project.people.said(item)}
            entries = project.labels.history(item)
            versions = {number: project.guidelines.get(number) for number in {one.guideline for one in entries} - {0}}
            return _Told(entries=entries, stands=stands, names=project.classes.names(), versions=versions)

        self._task = self._hub.background.run(read)
        self._task.ended.connect(self._on_read)

    def _on_read(self, task: Task) -> None:
        if task.result is not None:
            self._show(task.result)

    def _show(self, told: _Told) -> None:
        only = self._kept_back.only
        entries = (one for one in told.entries if only is None or one.labeler == only)
        seen = sorted(entries, key=lambda one: one.at)
        titles = (
            *(self.tr("When"), self.tr("By"), self.tr("Label"), self.tr("How"), self.tr("Guideline")),
            self.tr("State"),
        )
        rows = [self._row(one, told.stands, told.names) for one in seen]
        self._grid.show_rows(titles, sorted(rows) if self._kept_back.names else rows)
        fit_columns(self.table)
        self._card.set_note(self.tr("{count:,} entries").format(count=len(seen)))
        words = "" if seen else self.tr("Nobody has labeled this row yet.")
        if only is not None:
            words = self.tr("Only your own entries are shown here; what others said would not leave your label free.")
        if seen and self._kept_back.names:
            words = self.tr("Names are hidden, and with them when and how labels were given.")
        self._words.setText(words)
        self._words.setVisible(bool(words))
        self._names, self._versions = told.names, [told.versions.get(one.guideline) for one in seen]
        if any(self._versions) and not self._kept_back.names:
            self.resize(self.width(), self.height() + GUIDELINE_HEIGHT)
            self.version.show()
            self.table.selectRow(len(seen) - 1)

    def _choose(self, row: int) -> None:
        """Show by which words an entry came to be."""
        if 0 <= row < len(self._versions):
            self.version.show_version(self._versions[row], self._names)

    def _row(self, one: Operation, stands: set[tuple[str, str]], names: dict[int, str]) -> tuple[str, ...]:
        task = self._hub.task
        label = task.labels.text(one.after, names) if task is not None and one.after is not None else ""
        if one.after is None:
            label = self.tr("skipped") if one.skipped else self.tr("no label")
        state = self.tr("undone") if one.undone else ""
        if not one.undone and (one.labeler, one.at) in stands:
            state = self.tr("stands")
        if self._kept_back.names:  # time, order, origin and guideline would tell who it was
            return "", self.tr("hidden"), label, "", "", state
        return (
            day_and_time(one.at),
            one.labeler,
            label,
            how(one.origin),
            str(one.guideline) if one.guideline else "",
            state,
        )


def how(origin: str) -> str:
    """How a label came to be, in words."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("Origin", text)

    words = {
        "person": tr("by hand"),
        "suggestion": tr("a model’s suggestion"),
        "blind": tr("second opinion"),
        "decision": tr("decided"),
        "bulk": tr("many rows at once"),
        "import": tr("came with the text"),
    }
    return words.get(origin, origin)
