"""The table of the models that a person keeps, and what is to be said of the one that is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from desktop_llm.gui.pages.forecast_words import size_words
from desktop_llm.jobs import amounts
from desktop_llm.widgets.card import plain_label
from desktop_llm.widgets.elided import ElidedLabel

if TYPE_CHECKING:
    from desktop_llm.verbs.shelving import Kept
    from desktop_llm.verbs.sources import Serves

WIDTHS = {1: 200, 2: 110, 3: 120, 4: 84, 5: 140}
"""Pixels of the columns but the first, which takes what is left."""
ROW = 32
SHOWN = 6
"""Rows that are seen at once."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("ModelsTable", text)


class ModelsTable(QTableWidget):
    """A row a model; one is chosen at a time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Empty until `show_models`."""
        titles = (
            _tr("Name"),
            _tr("Architecture"),
            _tr("Parameters"),
            _tr("Tokens at once"),
            _tr("Size"),
            _tr("Licence"),
        )
        super().__init__(0, len(titles), parent)
        self._models: list[Kept] = []
        self.setObjectName("models.table")
        self.setAccessibleName(_tr("Models"))
        self.setHorizontalHeaderLabels(list(titles))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in WIDTHS.items():
            self.setColumnWidth(column, width)
        self.hide()
        self.setFixedHeight(header.sizeHint().height() + SHOWN * ROW + 4)

    def show_models(self, models: Sequence[Kept], chosen: str = "") -> None:
        """Show these, with the one in the folder `chosen` chosen, or the one that was before."""
        before = self.chosen()
        wanted = chosen or (str(before.entry.path) if before is not None else "")
        self._models = list(models)
        self.setRowCount(len(self._models))
        for row, one in enumerate(self._models):
            for column, text in enumerate(_cells(one)):
                cell = QTableWidgetItem(text)
                if one.look.problem:
                    cell.setForeground(self.palette().placeholderText())
                self.setItem(row, column, cell)
        self.setVisible(bool(self._models))
        places = [str(one.entry.path) for one in self._models]
        if places:
            self.selectRow(places.index(wanted) if wanted in places else 0)

    def chosen(self) -> Kept | None:
        """The one that is chosen."""
        row = self.currentRow()
        return self._models[row] if 0 <= row < len(self._models) else None


class ModelFacts(QWidget):
    """Where a model is, what it is good for, and what not, with the reason."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Says how to begin until `show_model`."""
        super().__init__(parent)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        self._place = ElidedLabel("", "muted")
        self._place.setObjectName("models.place")
        self._place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._good = plain_label("", wrap=True)
        self._good.setObjectName("models.good_for")
        self._not = plain_label("", "muted", wrap=True)
        self._not.setObjectName("models.not_for")
        for part in (self._place, self._good, self._not):
            whole.addWidget(part)
        self.show_model(None)

    def show_model(self, one: Kept | None) -> None:
        """Say it of this model."""
        if one is None:
            self._say("", _tr("No models yet: add a folder that you have, or download one from the hub."), "")
            return
        source = _tr("from {name}").format(name=one.entry.source) if one.entry.source else ""
        place = " · ".join(part for part in (str(one.entry.path), source) if part)
        good = ", ".join(_tr(told.title) for told in one.serves if not told.why_not)
        if one.look.problem:
            self._say(place, one.look.problem, "")
        elif good:
            self._say(place, _tr("Can be trained for: {tasks}.").format(tasks=good), not_for(one.serves))
        else:
            self._say(place, _tr("Can be trained for none of the tasks."), not_for(one.serves))

    def _say(self, place: str, good: str, rest: str) -> None:
        for label, text in ((self._place, place), (self._good, good), (self._not, rest)):
            label.setText(text)
            label.setVisible(bool(text))


def not_for(serves: Sequence[Serves]) -> str:
    """The tasks that a model does not serve, together where the reason is one."""
    reasons: dict[str, list[str]] = {}
    for told in serves:
        if told.because:
            reasons.setdefault(told.because, []).append(_tr(told.title))
    return "\n".join(
        _tr("Not for {tasks}: it is {reason}.").format(tasks=", ".join(titles), reason=reason)
        for reason, titles in reasons.items()
    )


def _cells(one: Kept) -> tuple[str, ...]:
    look = one.look
    number, unit = amounts.parameters(look.parameters)
    return (
        look.name,
        look.architecture or "–",
        f"{number} {_tr(unit)}".strip() if look.parameters else "–",
        f"{look.context:,}" if look.context else "–",
        size_words(look.bytes) if look.bytes else "–",
        look.licence or _tr("not given"),
    )
