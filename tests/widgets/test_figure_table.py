"""Figures are readable whatever stands in them."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from desktop_llm.widgets.figure_table import FigureTable


def test_no_figure_is_cut(qtbot: QtBot) -> None:
    table = FigureTable("figures", "Figures", ["Word", "Adds", "Without it"])
    qtbot.addWidget(table)
    table.resize(400, 200)
    table.show_rows([["Monday", "+12,345.6 points", "−0.5"]])
    table.show()
    qtbot.waitExposed(table)
    for column in (1, 2):
        item = table.item(0, column)
        assert item is not None
        assert table.visualItemRect(item).width() > table.fontMetrics().horizontalAdvance(item.text()) + 6
