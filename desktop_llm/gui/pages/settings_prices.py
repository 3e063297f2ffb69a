"""What renting a GPU costs, as a table to change: the price of a run before it starts is reckoned by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QTableWidget, QTableWidgetItem

from desktop_llm.errors import UserError
from desktop_llm.gui.hub import Hub
from desktop_llm.jobs import renting
from desktop_llm.jobs.renting import Card as Rented
from desktop_llm.jobs.renting import Prices
from desktop_llm.settings import Settings
from desktop_llm.widgets.button import button
from desktop_llm.widgets.card import Card, plain_label

ROW, HEAD = 30, 34
MOST_SEEN = 7
FIGURES = ("dollars", "teraflops", "gigabytes")


class PricesCard(Card):
    """A row a card; every change is kept at once, with the day on which it was made."""

    def __init__(self, hub: Hub) -> None:
        """Shows what the settings hold."""
        super().__init__(hub.tr("Rented GPUs"))
        self._hub = hub
        self.set_note(self.tr("what a run would cost elsewhere"))
        self._prices = renting.from_text(hub.settings.gpu_prices)
        self._quiet = False
        self.table = QTableWidget(0, 4)
        self.table.setObjectName("settings.prices")
        self.table.setAccessibleName(self.tr("Rented GPUs"))
        titles = [self.tr("Card"), self.tr("US $ an hour"), self.tr("bf16 TFLOP/s, published"), self.tr("Memory, GB")]
        self.table.setHorizontalHeaderLabels(titles)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.itemChanged.connect(self._on_item_changed)
        self.body.addWidget(self.table)
        self._source = plain_label("", "muted", wrap=True)
        self._source.setObjectName("settings.prices.source")
        self.body.addWidget(self._source)
        line = QHBoxLayout()
        self._take = button(self.tr("Remove"), "settings.prices.remove", self._on_remove)
        for one in (
            button(self.tr("Add a card"), "settings.prices.add", self._on_add),
            self._take,
            button(self.tr("As delivered"), "settings.prices.reset", self._on_reset),
        ):
            line.addWidget(one)
        line.addStretch(1)
        self.body.addLayout(line)
        hub.settings_changed.connect(self._on_settings_changed)
        self._show()

    def _show(self) -> None:
        self._quiet = True
        self.table.setRowCount(len(self._prices.cards))
        for row, one in enumerate(self._prices.cards):
            for column, text in enumerate((one.name, *(f"{getattr(one, name):g}" for name in FIGURES))):
                self.table.setItem(row, column, QTableWidgetItem(text))
        self._quiet = False
        self.table.resizeColumnsToContents()
        for column in range(3):
            self.table.setColumnWidth(column, self.table.columnWidth(column) + 24)
        self.table.setFixedHeight(HEAD + ROW * min(MOST_SEEN, max(1, len(self._prices.cards))))
        self._take.setEnabled(bool(self._prices.cards))
        said = self.tr("As of {date}; {source}.")
        self._source.setText(said.format(date=self._prices.date, source=self._prices.source))

    def _keep(self, prices: Prices) -> None:
        self._prices = prices
        self._hub.save_settings(gpu_prices="" if prices == renting.KNOWN else renting.to_text(prices))

    def _own(self, cards: tuple[Rented, ...]) -> None:
        """A table that a person has changed says so."""
        self._keep(
            replace(self._prices, cards=cards, date=date.today().isoformat(), source=self.tr("your own figures"))
        )

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        if self._quiet:
            return
        row, column, text = item.row(), item.column(), item.text().strip()
        cards = list(self._prices.cards)
        try:
            if column == 0:
                cards[row] = replace(cards[row], name=_name(text))
            else:
                figure = float(text.replace(",", "."))
                if not 0.0 < figure < 1e6:
                    raise ValueError(text)
                values = {name: getattr(cards[row], name) for name in FIGURES} | {FIGURES[column - 1]: figure}
                cards[row] = Rented(name=cards[row].name, **values)
        except ValueError:
            self._hub.show_error(UserError(self.tr("“{text}” is not a number above 0.").format(text=text)))
            self._show()
            return
        self._own(tuple(cards))

    def _on_add(self) -> None:
        new = Rented(name=self.tr("New card"), dollars=1.0, teraflops=100.0, gigabytes=24.0)
        self._own((*self._prices.cards, new))
        self.table.setCurrentCell(len(self._prices.cards) - 1, 0)
        cell = self.table.item(len(self._prices.cards) - 1, 0)
        if cell is not None:
            self.table.editItem(cell)

    def _on_remove(self) -> None:
        row = self.table.currentRow()
        if row >= 0:
            self._own(tuple(one for place, one in enumerate(self._prices.cards) if place != row))

    def _on_reset(self) -> None:
        self._keep(renting.KNOWN)

    def _on_settings_changed(self, settings: Settings) -> None:
        self._prices = renting.from_text(settings.gpu_prices)
        self._show()


def _name(text: str) -> str:
    return text or "?"
