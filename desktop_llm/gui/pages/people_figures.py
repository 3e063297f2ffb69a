"""The cards with the figures: how far people agree, how each of them labels, how surely each label is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QStackedWidget, QTabBar, QTableView, QVBoxLayout, QWidget

from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, Tile, plain_label
from desktop_llm.widgets.figure_grid import Cell, FigureGrid, figure_view, name_cell, number_cell, share_cell
from desktop_llm.widgets.text_grid import fit_columns
from desktop_llm.widgets.work_line import WorkLine

if TYPE_CHECKING:
    from desktop_llm.verbs.agreeing import Report

WIDE = 540
"""From so many pixels on all tiles stand side by side."""
LEAST_WIDTH, LEAST_HEIGHT = 280, 150
FEW = 50
"""Below so many rows a figure is told with a warning."""
Table = tuple[Sequence[tuple[str, str]], Sequence[Sequence[Cell]]]
"""Columns, each a title and what it means; and rows."""


class FiguresView(QWidget):
    """Signals: `count_asked()`."""

    count_asked = Signal()

    def __init__(self, line: WorkLine, parent: QWidget | None = None) -> None:
        """`line` tells of the counting."""
        super().__init__(parent)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(16)
        self._across = QGridLayout()
        self._across.setSpacing(16)
        self.tiles = {
            "percent": Tile(self.tr("Agreement")),
            "fleiss": Tile(self.tr("Fleiss’ kappa")),
            "alpha": Tile(self.tr("Krippendorff’s alpha")),
            "rows": Tile(self.tr("Rows judged")),
        }
        for name, tile in self.tiles.items():
            tile.setObjectName(f"people.tile.{name}")
        self._columns = 0
        self._arrange(len(self.tiles))
        whole.addLayout(self._across)
        whole.addWidget(self._build_tables(line), 1)

    def show_report(self, told: Report | None) -> None:
        """Show figures, or that there are none."""
        overall = told.overall if told is not None else None
        for name, words, note in (
            ("percent", share_cell(overall.percent if overall is not None else None)[0], self.tr("equal labels")),
            ("fleiss", number_cell(overall.fleiss if overall is not None else None)[0], self.tr("beyond chance")),
            ("alpha", number_cell(overall.alpha if overall is not None else None)[0], self.tr("beyond chance")),
            ("rows", f"{overall.rows:,}" if overall is not None else "–", self.tr("blind, by two or more")),
        ):
            self.tiles[name].show_figure(words, note)
        self._meaning.setText(self._sentence(overall.rows) if overall is not None else "")
        tables: Mapping[str, Table] = self._tables(told) if told is not None else dict.fromkeys(self._grids, ((), ()))
        for name, (columns, rows) in tables.items():
            titles, tips = [title for title, _ in columns], [tip for _, tip in columns]
            self._grids[name].show_figures(titles, rows, tips)
            fit_columns(self.tables[name])

    def set_note(self, words: str) -> None:
        """What is to be said of the figures: of when they are."""
        self._card.set_note(words)

    def let(self, *, busy: bool) -> None:
        """Whether figures can be asked for."""
        self._count.setEnabled(not busy)

    def minimumSizeHint(self) -> QSize:
        """So narrow that the tiles stand two by two, however they stand now."""
        return QSize(LEAST_WIDTH, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window the tiles stand two by two."""
        super().resizeEvent(event)
        self._arrange(len(self.tiles) if event.size().width() >= WIDE else 2)

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for place, tile in enumerate(self.tiles.values()):
            self._across.addWidget(tile, place // columns, place % columns)
            self._across.setColumnStretch(place, int(place < columns))

    def _build_tables(self, line: WorkLine) -> Card:
        self._card = card = Card(" ", " ")
        card.set_title(self.tr("In detail"))
        self.kinds = QTabBar()
        self.kinds.setObjectName("people.kinds")
        self.kinds.setAccessibleName(self.tr("Figures of what"))
        self.kinds.setDrawBase(False)
        self.kinds.setExpanding(False)
        self._stack = QStackedWidget()
        self._grids: dict[str, FigureGrid] = {}
        self.tables: dict[str, QTableView] = {}
        for name, title in (
            ("labelers", self.tr("By labeler")),
            ("labels", self.tr("By label")),
            ("pairs", self.tr("By pair")),
        ):
            self.kinds.addTab(title)
            self._grids[name] = FigureGrid(self)
            self.tables[name] = figure_view(self._grids[name], f"people.{name}", title)
            self.tables[name].setMinimumHeight(LEAST_HEIGHT)
            self._stack.addWidget(self.tables[name])
        self.kinds.currentChanged.connect(self._stack.setCurrentIndex)
        self._meaning = plain_label("", "muted", wrap=True)
        self._meaning.setObjectName("people.meaning")
        card.body.addWidget(self.kinds)
        card.body.addWidget(self._stack, 1)
        card.body.addWidget(self._meaning)
        below = QHBoxLayout()
        below.setSpacing(8)
        self._count = button(self.tr("Count again"), "people.count", self.count_asked.emit)
        below.addWidget(line, 1)
        below.addStretch(0)
        below.addWidget(self._count)
        card.body.addLayout(below)
        return card

    def _sentence(self, rows: int) -> str:
        if not rows:
            return self.tr(
                "No row was labeled by two people who did not see each other’s label; choose a share at the left, or "
                "bring copies together by bundles."
            )
        words = self.tr(
            "Kappa and alpha leave out what chance alone would give: 1 is full agreement, 0 no more than chance; from "
            "0.8 on labels are held to be reliable, below 0.67 they are not."
        )
        if rows < FEW:
            few = self.tr("{count:,} rows say little yet: each further one may change the figures much.")
            words = few.format(count=rows) + " " + words
        return words

    def _tables(self, told: Report) -> Mapping[str, Table]:
        return {"labelers": self._labelers(told), "labels": self._labels(told), "pairs": self._pairs(told)}

    def _labelers(self, told: Report) -> Table:
        columns = (
            (self.tr("Name"), ""),
            (self.tr("Labels"), self.tr("Labels given and not taken back.")),
            (self.tr("Seconds each"), self.tr("Half of the rows were looked at for longer, half for less.")),
            (self.tr("Agreement"), self.tr("How often others, who did not see it, gave the same label.")),
            (self.tr("Changed"), self.tr("The share that somebody else replaced by another label.")),
            (self.tr("Suggested"), self.tr("The share that was taken from a model’s suggestion.")),
        )
        rows = [
            (
                name_cell(one.name or self.tr("no name")),
                number_cell(one.given, 0),
                number_cell(one.seconds, 1),
                share_cell(one.agreement),
                share_cell(one.changed),
                share_cell(one.suggested),
            )
            for one in told.labelers
        ]
        return columns, rows

    def _labels(self, told: Report) -> Table:
        columns = (
            (self.tr("Label"), ""),
            (self.tr("Given"), self.tr("How often people gave it and did not take it back.")),
            (self.tr("Judged"), self.tr("Rows that several people judged and to which at least one gave it.")),
            (self.tr("Agreement"), self.tr("Of the labels of these rows, how often both gave it.")),
            (self.tr("Alpha"), self.tr("Krippendorff’s alpha of giving it or not.")),
            (self.tr("Changed"), self.tr("The share that somebody else replaced by another label.")),
        )
        rows = [
            (
                name_cell(label.name),
                number_cell(label.given, 0),
                number_cell(label.rows, 0),
                share_cell(label.specific),
                number_cell(label.alpha),
                share_cell(label.changed),
            )
            for label in told.labels
        ]
        return columns, rows

    def _pairs(self, told: Report) -> Table:
        nobody = self.tr("no name")
        columns = (
            (self.tr("Who"), ""),
            (self.tr("and who"), ""),
            (self.tr("Judged"), self.tr("Rows that both labeled without seeing the other’s label.")),
            (self.tr("Cohen’s kappa"), self.tr("Agreement of the two beyond chance.")),
        )
        rows = [
            (name_cell(one or nobody), name_cell(other or nobody), number_cell(count, 0), number_cell(kappa))
            for (one, other), (kappa, count) in told.overall.cohen.items()
        ]
        return columns, rows
