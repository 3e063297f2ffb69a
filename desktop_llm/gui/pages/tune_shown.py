"""The right side of the search: what has come of it in words, the lines of its trials, what mattered, and a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QVBoxLayout, QWidget

from desktop_llm.gui.pages import tune_words
from desktop_llm.widgets.bars import Bars
from desktop_llm.widgets.card import Card, plain_label
from desktop_llm.widgets.parallel_plot import ParallelPlot
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view

if TYPE_CHECKING:
    from desktop_llm.gui.tuning import Told
    from desktop_llm.verbs.tuning_study import Trial

IMPORTANCE = 236


def _tr(text: str) -> str:
    return QCoreApplication.translate("TuneShown", text)


class TuneShown(QWidget):
    """Signals: `chosen()`: another trial is chosen; `run_asked(number)`: open this run."""

    chosen = Signal()
    run_asked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        """Says how to begin until `show_search`."""
        super().__init__(parent)
        self._told: Told | None = None
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(12)
        self.words = plain_label("", wrap=True)
        self.words.setObjectName("tune.verdict")
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.caution = plain_label("", "muted", wrap=True)
        self.caution.setObjectName("tune.caution")
        whole.addWidget(self.words)
        whole.addWidget(self.caution)
        self._found = QWidget()
        found = QVBoxLayout(self._found)
        found.setContentsMargins(0, 0, 0, 0)
        found.setSpacing(12)
        above = QHBoxLayout()
        above.setSpacing(12)
        lines = Card(_tr("Trials side by side"), _tr("orange: as it was, green: the best, dashed: ended early"))
        self.plot = ParallelPlot("tune.plot", _tr("Trials side by side"))
        self.plot.chosen.connect(self._on_line)
        lines.body.addWidget(self.plot, 1)
        above.addWidget(lines, 1)
        above.addWidget(self._importance())
        found.addLayout(above, 3)
        self._grid = TextGrid(self)
        self.table = grid_view(self._grid, "tune.trials.table", _tr("Trials"))
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setMinimumHeight(96)
        self.table.activated.connect(lambda _: self._on_opened())
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._on_selected())
        found.addWidget(self.table, 2)
        whole.addWidget(self._found, 1)
        self._rest = QWidget()  # what is left where nothing was found yet
        whole.addWidget(self._rest, 1)
        self.show_search(None)

    @property
    def trial(self) -> Trial | None:
        """The one that is chosen in the table."""
        row = self.table.currentIndex().row()
        if self._told is None or not self.table.selectionModel().hasSelection():
            return None
        trials = list(reversed(self._told.standing.trials))
        return trials[row] if 0 <= row < len(trials) else None

    def show_search(self, told: Told | None) -> None:
        """Show this; None: there is no search yet."""
        before, self._told = self.trial, told
        self._found.setVisible(told is not None)
        self._rest.setVisible(told is None)
        if told is None:
            self.words.setText(
                _tr(
                    "Each trial is a run of its own: the same texts, another recipe. The recipe that is set on the "
                    "Train page is tried first, so that you see what the others are worth beside it. The texts held "
                    "out for validation say which is better."
                )
            )
            self.caution.setText(
                _tr(
                    "Fifteen trials are a good start. This window may be closed meanwhile: trials are seen on the "
                    "Train page as any run, and a search that was stopped, or broken off, goes on where it was."
                )
            )
            self.caution.show()
            self.plot.show_threads([], [])
            self._bars.show_rows([])
            self._grid.show_rows([], [])
            return
        standing = told.standing
        verdict = told.verdict
        self.words.setText(verdict.headline if verdict is not None else "")
        self.caution.setText(verdict.chosen if verdict is not None else "")
        self.caution.setVisible(bool(self.caution.text()))
        self.plot.show_threads(tune_words.axes(standing), tune_words.threads(standing))
        self._bars.show_rows(tune_words.bars(told.importance))
        self._bars.setVisible(bool(told.importance))
        self._few.setVisible(not told.importance)
        self._grid.show_rows(tune_words.titles(standing), tune_words.rows(standing))
        fit_columns(self.table)
        self._choose(None if before is None else before.key)

    def _importance(self) -> Card:
        card = Card(_tr("What mattered"), " ")
        card.setFixedWidth(IMPORTANCE)
        self._bars = Bars(choosing=False)
        self._bars.setObjectName("tune.importance")
        self._few = plain_label(_tr("Known after some five trials that came to their end."), "muted", wrap=True)
        self._few.setObjectName("tune.importance.few")
        card.body.addWidget(self._bars)
        card.body.addWidget(self._few)
        card.body.addStretch(1)
        card.setToolTip(
            _tr("Share of the differences between trials that a setting explains (fANOVA); rough with few trials.")
        )
        return card

    def _choose(self, key: int | None) -> None:
        trials = list(reversed(self._told.standing.trials)) if self._told is not None else []
        best = self._told.standing.best if self._told is not None else None
        wanted = key if key is not None else best.key if best is not None else None
        row = next((row for row, one in enumerate(trials) if one.key == wanted), -1)
        if row >= 0:
            self.table.selectRow(row)
        self._on_selected()

    def _on_selected(self) -> None:
        one = self.trial
        self.plot.mark(None if one is None else one.key)
        self.chosen.emit()

    def _on_line(self, key: int) -> None:
        self._choose(key)

    def _on_opened(self) -> None:
        one = self.trial
        if one is not None and one.run:
            self.run_asked.emit(one.run)
