"""The prices of rented GPUs are a person's to change: kept at once, with the day, and brought back."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLabel, QTableWidget, QTableWidgetItem
from pytestqt.qtbot import QtBot

from desktop_llm import settings
from desktop_llm.jobs import renting
from tests.windows import click, find

if TYPE_CHECKING:
    from desktop_llm.gui.window import MainWindow


def _cell(table: QTableWidget, row: int, column: int) -> QTableWidgetItem:
    found = table.item(row, column)
    assert found is not None
    return found


def test_a_price_is_changed_added_taken_away_and_brought_back(qtbot: QtBot, window: MainWindow) -> None:
    window.show_page("settings")
    table = find(window, QTableWidget, "settings.prices")
    source = find(window, QLabel, "settings.prices.source")
    assert table.rowCount() == len(renting.KNOWN.cards)
    assert renting.KNOWN.date in source.text()

    def kept() -> renting.Prices:
        return renting.from_text(settings.load().gpu_prices)

    _cell(table, 0, 1).setText("0,55")
    assert kept().cards[0].dollars == 0.55
    assert kept().date == date.today().isoformat()
    assert "your own" in source.text()
    _cell(table, 0, 1).setText("free")
    assert kept().cards[0].dollars == 0.55
    assert _cell(table, 0, 1).text() == "0.55"
    click(qtbot, window, "settings.prices.add")
    assert kept().cards[-1].name == "New card"
    table.setCurrentCell(0, 0)
    click(qtbot, window, "settings.prices.remove")
    assert kept().cards[0].name == renting.KNOWN.cards[1].name
    click(qtbot, window, "settings.prices.reset")
    assert kept() == renting.KNOWN
    assert settings.load().gpu_prices == ""
