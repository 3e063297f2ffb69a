"""Try it for models that make one text of another, without any model: asked, shown, compared, kept, found again."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton, QSpinBox
from pytestqt.qtbot import QtBot

from desktop_llm.jobs.generation import Ending, Piece, Sampling
from desktop_llm.widgets.differences import Differences
from desktop_llm.widgets.told_text import ToldText
from desktop_llm.widgets.version_trial import VersionTrial
from tests.windows import find

ENDED = Ending(reason="end", tokens=2, seconds=0.1, prompt=3, before=0.1)
USUAL = Sampling(temperature=0.0, num_beams=4)


def _row(text: str, context: str, made: str) -> dict[str, str]:
    return {"text": text, "context": context, "made": made}


class Asked(list[tuple[int, dict[str, str], Sampling]]):
    """What a view asked for."""

    def __init__(self, view: VersionTrial) -> None:
        super().__init__()
        view.asked.connect(lambda column, row, told: self.append((column, row, told)))


@pytest.fixture
def view(qtbot: QtBot) -> VersionTrial:
    made = VersionTrial(_row, USUAL)
    qtbot.addWidget(made)
    made.show_names(["Run 1"])
    made.let_keep(True)
    made.resize(1000, 640)
    made.show()
    qtbot.waitExposed(made)
    return made


def _give(view: VersionTrial, text: str) -> None:
    view.text.setPlainText(text)
    QTest.keyClick(view.text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


def _make(view: VersionTrial, column: int, *texts: str) -> None:
    view.show_pieces(column, [Piece(text=text, probability=0.25, top=((text, 0.25),)) for text in texts])
    view.show_ending(column, ENDED)


def _enabled(view: VersionTrial) -> set[str]:
    return {name for name in ("keep", "stop", "send") if find(view, QPushButton, f"try.{name}").isEnabled()}


def test_a_text_is_given_and_another_comes(view: VersionTrial) -> None:
    asked = Asked(view)
    assert _enabled(view) == set()
    find(view, QLineEdit, "try.context").setText("Be brief.")
    _give(view, " one\ntwo ")
    assert asked == [(0, _row("one\ntwo", "Be brief.", ""), USUAL)]
    assert _enabled(view) == {"stop"}
    _give(view, "too early")
    assert len(asked) == 1
    _make(view, 0, "eins", " <b>zwei")
    assert find(view, ToldText, "try.made.1").toPlainText() == "eins <b>zwei"
    assert _enabled(view) == {"keep", "send"}


def test_beams_leave_nothing_to_chance_and_one_wording_does(view: VersionTrial) -> None:
    asked = Asked(view)
    free, penalty = (find(view, QLineEdit, f"try.sampling.{key}") for key in ("temperature", "length_penalty"))
    assert (free.isEnabled(), penalty.isEnabled()) == (False, True)
    find(view, QSpinBox, "try.sampling.num_beams").setValue(1)
    assert (free.isEnabled(), penalty.isEnabled()) == (True, False)
    free.setText("0.8")
    _give(view, "one")
    assert (asked[0][2].num_beams, asked[0][2].temperature) == (1, 0.8)
    _make(view, 0, "x")
    free.setText("warm")
    _give(view, "two")
    assert len(asked) == 1
    assert "Temperature" in find(view, QLabel, "try.problem").text()


def test_what_differs_from_the_text_is_shown_where_it_is_wanted(view: VersionTrial) -> None:
    _give(view, "the old lamp")
    _make(view, 0, "the new lamp")
    shown = find(view, Differences, "try.changes.1")
    assert not shown.isVisible()
    QTest.mouseClick(find(view, QPushButton, "try.changes"), Qt.MouseButton.LeftButton)
    assert shown.isVisible()
    assert "the old lamp" in shown.toPlainText()
    assert "the new lamp" in shown.toPlainText()
    _give(view, "same")
    assert not shown.isVisible()
    _make(view, 0, "same")
    assert shown.toPlainText() == ""


def test_two_models_stand_side_by_side(view: VersionTrial) -> None:
    asked = Asked(view)
    view.show_names(["Run 2", "Before"])
    _give(view, "one")
    assert [column for column, _, _ in asked] == [0, 1]
    _make(view, 1, "right")
    assert _enabled(view) == {"stop"}
    view.show_problem(0, "The model is gone.")
    assert find(view, ToldText, "try.made.2").toPlainText() == "right"
    assert any(one.text() == "The model is gone." and one.isVisible() for one in view.findChildren(QLabel))
    assert _enabled(view) == {"send"}


def test_what_was_made_is_found_again_and_becomes_a_row(view: VersionTrial) -> None:
    kept: list[dict[str, str]] = []
    view.kept.connect(kept.append)
    for given, made in (("one", "eins "), ("two", "zwei")):
        _give(view, given)
        _make(view, 0, made)
    history = find(view, QComboBox, "try.history")
    assert [history.itemText(place) for place in range(history.count())] == ["two", "one"]
    history.setCurrentIndex(1)
    history.activated.emit(1)
    assert find(view, ToldText, "try.made.1").toPlainText() == "eins "
    assert view.text.toPlainText() == "one"
    QTest.mouseClick(find(view, QPushButton, "try.keep"), Qt.MouseButton.LeftButton)
    assert kept == [_row("one", "", "eins")]
    view.let_keep(False)
    assert "keep" not in _enabled(view)
    view.show_names(["Run 3"])
    assert find(view, ToldText, "try.made.1").toPlainText() == ""
