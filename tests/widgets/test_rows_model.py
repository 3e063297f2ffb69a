"""The table of any number of rows against a list that holds them all."""

from __future__ import annotations

import random

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

from desktop_llm.widgets.rows_model import KEPT, PAGE, WAITING, RowsModel

Row = tuple[int, str]


def cell(row: Row, column: int) -> str:
    """The id or the text."""
    return str(row[column])


class Source:
    """A store in a list: ids with gaps, pages from an id on; answers when told to."""

    def __init__(self, model: RowsModel, count: int, *, at_once: bool) -> None:
        draw = random.Random(5)
        number = 0
        self.rows: list[Row] = []
        for place in range(count):
            number += draw.randint(1, 4)
            self.rows.append((number, f"text {place}"))
        self.model, self.at_once = model, at_once
        self.asked: list[tuple[int, int]] = []
        model.page_wanted.connect(self.on_page_wanted)
        model.reset(count)

    def on_page_wanted(self, generation: int, page: int) -> None:
        self.asked.append((generation, page))
        if self.at_once:
            self.answer(self.asked[-1])

    def answer(self, asked: tuple[int, int]) -> None:
        generation, page = asked
        self.model.put_page(generation, page, self.rows[page * PAGE : page * PAGE + PAGE])


@pytest.fixture
def model(qtbot: QtBot) -> RowsModel:
    """An empty model of two columns."""
    return RowsModel(("Id", "Text"), cell, tip=lambda row, column: row[1] + " <b>&" if column else "")


def shown(model: RowsModel, place: int, column: int = 1) -> str:
    """What the table shows."""
    return str(model.data(model.index(place, column)))


@pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 7 * PAGE + 13])
def test_every_row_is_the_one_of_the_list(model: RowsModel, count: int) -> None:
    source = Source(model, count, at_once=True)
    assert model.rowCount() == count
    order = list(range(count))
    random.Random(1).shuffle(order)
    for place in order:
        shown(model, place)
    seen = [(shown(model, place, 0), shown(model, place)) for place in range(count)]
    assert seen == [(str(number), text) for number, text in source.rows]


def test_a_page_is_asked_once_and_shows_that_it_is_on_its_way(model: RowsModel) -> None:
    source = Source(model, 3 * PAGE, at_once=False)
    assert [shown(model, place) for place in range(PAGE, PAGE + 40)] == [WAITING] * 40
    assert len(source.asked) == 1
    source.answer(source.asked[0])
    assert shown(model, PAGE + 3) == f"text {PAGE + 3}"


def test_the_answer_to_an_earlier_question_is_dropped(model: RowsModel) -> None:
    source = Source(model, 2 * PAGE, at_once=False)
    shown(model, 0)
    model.reset(1)
    source.answer(source.asked[0])
    assert shown(model, 0) == WAITING


def test_a_page_that_could_not_be_had_is_asked_again(model: RowsModel) -> None:
    source = Source(model, PAGE, at_once=False)
    shown(model, 0)
    model.give_up(*source.asked[0])
    shown(model, 0)
    assert len(source.asked) == 2


def test_only_so_many_pages_are_kept_the_newest_ones(model: RowsModel) -> None:
    source = Source(model, (KEPT + 5) * PAGE, at_once=True)
    for page in range(KEPT + 5):
        shown(model, page * PAGE)
        shown(model, 0)
    asked = len(source.asked)
    assert asked == KEPT + 5
    shown(model, 0)
    shown(model, (KEPT + 4) * PAGE)
    assert len(source.asked) == asked
    shown(model, PAGE)
    assert len(source.asked) == asked + 1


def test_a_million_rows_are_not_read_to_see_the_last(model: RowsModel, qtbot: QtBot) -> None:
    source = Source(model, 1_000_000, at_once=True)
    view = QTableView()
    qtbot.addWidget(view)
    view.setModel(model)
    view.resize(400, 600)
    view.show()
    qtbot.waitExposed(view)
    view.scrollToBottom()
    view.grab()
    assert shown(model, 999_999) == "text 999999"
    assert {page for _, page in source.asked} <= {0, 1, 4998, 4999}


def test_the_model_keeps_the_rules_of_models(model: RowsModel, qtbot: QtBot) -> None:
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    source = Source(model, 2 * PAGE + 1, at_once=True)
    shown(model, 2 * PAGE)
    assert model.rowCount(model.index(0, 0)) == 0
    assert tester.model() is model
    assert {page for _, page in source.asked} == {0, 2}


def test_tips_are_escaped(model: RowsModel) -> None:
    source = Source(model, 3, at_once=True)
    shown(model, 0)
    assert len(source.asked) == 1
    tip = str(model.data(model.index(0, 1), Qt.ItemDataRole.ToolTipRole))
    assert "text 0 &lt;b&gt;&amp;" in tip
    assert model.data(model.index(0, 0), Qt.ItemDataRole.ToolTipRole) is None
