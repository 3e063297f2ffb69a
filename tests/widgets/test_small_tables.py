"""Bars, small tables of texts and choice cards: what they show is what they were given, as text."""

from __future__ import annotations

import html

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from desktop_llm.widgets import theme
from desktop_llm.widgets.bars import ROW, Bars
from desktop_llm.widgets.choice_card import ChoiceCard
from desktop_llm.widgets.histogram import Histogram
from desktop_llm.widgets.text_grid import TextGrid, fit_columns, grid_view

HOSTILE = "<b>bold</b>&amp;<img src=x>"


def test_a_click_on_a_bar_names_its_place(qtbot: QtBot) -> None:
    bars = Bars()
    qtbot.addWidget(bars)
    bars.show_rows([("one", 3, "3"), (HOSTILE, 2, "2"), ("none", 0, "0")])
    bars.resize(200, 3 * ROW)
    bars.show()
    with qtbot.waitSignal(bars.clicked) as told:
        QTest.mouseClick(bars, Qt.MouseButton.LeftButton, pos=QPoint(20, ROW + 4))
    assert told.args == [1]
    bars.grab()
    assert bars.accessibleName() == f"one 3, {HOSTILE} 2, none 0"


@pytest.mark.parametrize("most", [1, 2, 3, 7, 40, 12_345])
def test_bars_that_count_rows_stand_beside_whole_numbers(qtbot: QtBot, most: int) -> None:
    histogram = Histogram("lengths")
    qtbot.addWidget(histogram)
    histogram.resize(400, 150)
    histogram.show()
    histogram.show_classes([("1", most), ("2", 1)])
    axis = histogram._plot.getAxis("left")
    (low, high), size = axis.range, axis.size().height()
    ticks = [tick for _, places in axis.tickValues(low, high, size) for tick in places]
    assert [tick for tick in ticks if tick != round(tick)] == []
    assert len(ticks) > 1


def test_a_bar_is_as_long_as_its_share(qtbot: QtBot) -> None:
    bars = Bars()
    qtbot.addWidget(bars)
    bars.show_rows([("a", 100, "100"), ("b", 50, "50"), ("c", 0, "0")])
    bars.resize(400, 3 * ROW)
    image = bars.grab().toImage()

    accent = theme.current().accent
    lengths = [
        sum(image.pixelColor(x, row * ROW + ROW // 2).name() == accent for x in range(image.width()))
        for row in range(3)
    ]
    assert lengths[0] > 200
    assert abs(lengths[1] - lengths[0] / 2) <= 4
    assert lengths[2] == 0


def test_texts_of_a_file_stay_texts_on_one_line(qtbot: QtBot) -> None:
    model = TextGrid()
    model.show_rows(("first", HOSTILE), [("a\nb\tc", HOSTILE), ("x" * 1000, "")])
    view = grid_view(model, "test.grid", "Rows")
    qtbot.addWidget(view)
    model.setParent(view)
    fit_columns(view)
    assert model.data(model.index(0, 0)) == "a b c"
    assert model.data(model.index(0, 1)) == HOSTILE
    assert len(model.data(model.index(1, 0))) == 300
    assert model.headerData(1, Qt.Orientation.Horizontal) == HOSTILE
    assert view.columnWidth(0) <= 420


def test_a_choice_card_shows_both_texts_plainly_and_grows_with_them(qtbot: QtBot) -> None:
    short, long = ChoiceCard(HOSTILE, "short", "a"), ChoiceCard(HOSTILE, "many words " * 40, "b")
    for card in (short, long):
        qtbot.addWidget(card)
        assert {one.textFormat() for one in card.findChildren(QLabel)} == {Qt.TextFormat.PlainText}
    assert short.texts() == (HOSTILE, "short")
    assert long.heightForWidth(300) > short.heightForWidth(300)
    short.set_present(False)
    assert not short.isEnabled()


def test_a_cell_tells_all_of_its_text_as_text(qtbot: QtBot) -> None:
    grid = TextGrid()
    grid.show_rows(("a", "b"), [(HOSTILE + "x" * 400, "")])
    assert len(grid.index(0, 0).data()) == 300
    told = str(grid.index(0, 0).data(Qt.ItemDataRole.ToolTipRole))
    assert html.escape(HOSTILE) in told
    assert "x" * 400 in told
    assert grid.index(0, 1).data(Qt.ItemDataRole.ToolTipRole) is None
