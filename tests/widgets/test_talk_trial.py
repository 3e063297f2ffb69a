"""Try it for models that write, without any model: what is asked, shown, stopped, kept, and found again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from desktop_llm.jobs.generation import Ending, Piece, Sampling
from desktop_llm.widgets import loss_shade, theme
from desktop_llm.widgets.talk_trial import TalkTrial
from desktop_llm.widgets.told_text import ToldText
from tests.windows import find

ENDED = Ending(reason="end", tokens=2, seconds=0.1, prompt=3, before=0.1)


def _row(messages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {"said": " / ".join(f"{one['role']}: {one['content']}" for one in messages)}


def _pieces(*texts: str) -> list[Piece]:
    return [Piece(text=text, probability=0.25, top=((text, 0.25), ("other", 0.2))) for text in texts]


class Asked(list[tuple[int, str, Sampling]]):
    """What a view asked for."""

    def __init__(self, view: TalkTrial) -> None:
        super().__init__()
        view.asked.connect(lambda column, row, told: self.append((column, row["said"], told)))


@pytest.fixture
def view(qtbot: QtBot) -> TalkTrial:
    made = TalkTrial(_row, chat=True)
    qtbot.addWidget(made)
    made.show_names(["Run 1"])
    made.let_keep(True)
    made.resize(900, 600)
    made.show()
    qtbot.waitExposed(made)
    return made


def _say(view: TalkTrial, text: str) -> None:
    view.text.setPlainText(text)
    QTest.keyClick(view.text, Qt.Key.Key_Return)


def _answer(view: TalkTrial, column: int, *texts: str) -> None:
    view.show_pieces(column, _pieces(*texts))
    view.show_ending(column, ENDED)


def _enabled(view: TalkTrial) -> set[str]:
    names = ("new", "again", "keep", "stop", "send")
    return {name for name in names if find(view, QPushButton, f"try.{name}").isEnabled()}


def test_a_conversation_goes_on_with_all_that_was_said(view: TalkTrial) -> None:
    asked = Asked(view)
    assert _enabled(view) == set()
    find(view, QLineEdit, "try.system").setText("Be brief.")
    _say(view, " hello\nthere ")
    assert view.text.toPlainText() == ""
    assert _enabled(view) == {"stop"}
    _say(view, "too early")
    assert view.text.toPlainText() == "too early"
    _answer(view, 0, "Hi", "!")
    assert _enabled(view) == {"new", "again", "keep", "send"}
    QTest.keyClick(view.text, Qt.Key.Key_Return)
    before = "system: Be brief. / user: hello\nthere"
    assert [said for _, said, _ in asked] == [before, f"{before} / assistant: Hi! / user: too early"]
    assert find(view, ToldText, "try.turn.1.2").toPlainText() == "Hi!"


def test_settings_are_those_of_the_form(view: TalkTrial) -> None:
    asked = Asked(view)
    find(view, QLineEdit, "try.sampling.temperature").setText("0.2")
    find(view, QLineEdit, "try.sampling.seed").setText("7")
    find(view, QLineEdit, "try.sampling.stop").setText("END|\\n")
    _say(view, "hello")
    ((_, _, told),) = asked
    assert (told.temperature, told.seed, told.stops) == (0.2, 7, ("END", "\n"))
    _answer(view, 0, "x")
    find(view, QLineEdit, "try.sampling.top_p").setText("seven")
    _say(view, "again")
    assert len(asked) == 1
    problem = find(view, QLabel, "try.problem")
    assert problem.isVisible()
    assert "Top p" in problem.text()


def test_a_token_that_is_pointed_at_tells_its_rivals(view: TalkTrial, qtbot: QtBot) -> None:
    _say(view, "hello")
    _answer(view, 0, "Good", " 🙂", " day")
    text = find(view, ToldText, "try.turn.1.2")
    qtbot.waitUntil(lambda: text.width() > 100 and text.isVisible())
    cursor = QTextCursor(text.document())
    cursor.setPosition(len("Good") + 3 + 2)  # a picture is two of Qt's characters
    text.setTextCursor(cursor)
    point = text.cursorRect().center() + QPoint(3, 0)
    found = text.piece_at(point)
    assert found is not None
    assert found.text == " day"
    QTest.mouseMove(text.viewport(), text.cursorRect().center())
    QTest.mouseMove(text.viewport(), point)
    qtbot.waitUntil(lambda: " 25.0 %" in view.side.token.bars.accessibleName())
    assert "other 20.0 %" in view.side.token.bars.accessibleName()
    assert text.piece_at(QPoint(text.width() + 50, 5)) is None


def test_an_answer_is_written_anew_from_the_same_words(view: TalkTrial) -> None:
    asked = Asked(view)
    _say(view, "hello")
    _answer(view, 0, "Hi")
    QTest.mouseClick(find(view, QPushButton, "try.again"), Qt.MouseButton.LeftButton)
    assert asked[0][1] == asked[1][1] == "user: hello"
    _answer(view, 0, "Hey")
    assert find(view, ToldText, "try.turn.1.2").toPlainText() == "Hey"


def test_a_failure_is_said_and_can_be_tried_again(view: TalkTrial) -> None:
    asked = Asked(view)
    _say(view, "hello")
    view.show_problem(0, "The model is gone.")
    assert any(one.text() == "The model is gone." for one in view.findChildren(QLabel))
    assert _enabled(view) == {"new", "again"}
    _say(view, "hello?")
    assert asked[1][1] == "user: hello / user: hello?"


def test_two_models_answer_beside_each_other(view: TalkTrial) -> None:
    asked = Asked(view)
    _say(view, "first")
    _answer(view, 0, "one")
    view.show_names(["Run 2", "Before"])
    _say(view, "second")
    assert [(column, said) for column, said, _ in asked[1:]] == [(0, "user: second"), (1, "user: second")]
    view.show_pieces(1, _pieces("right"))
    view.show_pieces(0, _pieces("left"))
    view.show_ending(1, ENDED)
    assert _enabled(view) == {"stop"}
    view.show_ending(0, ENDED)
    assert find(view, ToldText, "try.turn.1.2").toPlainText() == "left"
    assert find(view, ToldText, "try.turn.2.2").toPlainText() == "right"
    _say(view, "third")
    assert asked[-1][1] == "user: second / assistant: right / user: third"


def test_two_last_answers_make_a_pair(qtbot: QtBot) -> None:
    def pair(left: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        return {**_row(left), "other": str(right[-1]["content"])}

    made = TalkTrial(_row, chat=True, pair_of=pair)
    qtbot.addWidget(made)
    made.let_keep(True)
    made.show()
    qtbot.waitExposed(made)
    made.show_names(["Run 1"])
    _say(made, "alone")
    _answer(made, 0, "one")
    assert "keep" not in _enabled(made)
    made.show_names(["Run 1", "Before"])
    _say(made, "both")
    _answer(made, 0, "left")
    _answer(made, 1, " ")
    assert "keep" not in _enabled(made)
    QTest.mouseClick(find(made, QPushButton, "try.again"), Qt.MouseButton.LeftButton)
    _answer(made, 0, "left")
    _answer(made, 1, "right")
    with qtbot.waitSignal(made.kept) as heard:
        QTest.mouseClick(find(made, QPushButton, "try.keep"), Qt.MouseButton.LeftButton)
    assert heard.args == [{"said": "user: both / assistant: left", "other": "right"}]


def test_what_was_said_before_is_found_again(view: TalkTrial) -> None:
    _say(view, "first question")
    _answer(view, 0, "one")
    QTest.mouseClick(find(view, QPushButton, "try.new"), Qt.MouseButton.LeftButton)
    _say(view, "second question")
    _answer(view, 0, "two")
    history = find(view, QComboBox, "try.history")
    assert [history.itemText(place) for place in range(history.count())] == ["second question", "first question"]
    history.setCurrentIndex(1)
    history.activated.emit(1)
    assert find(view, ToldText, "try.turn.1.2").toPlainText() == "one"
    asked = Asked(view)
    _say(view, "more")
    assert asked[0][1] == "user: first question / assistant: one / user: more"


def test_what_was_said_becomes_a_row(view: TalkTrial) -> None:
    kept: list[dict[str, str]] = []
    view.kept.connect(kept.append)
    _say(view, "hello")
    _answer(view, 0, "Hi")
    QTest.mouseClick(find(view, QPushButton, "try.keep"), Qt.MouseButton.LeftButton)
    assert kept == [{"said": "user: hello / assistant: Hi"}]
    view.let_keep(False)
    assert "keep" not in _enabled(view)


def test_a_text_is_gone_on_with(qtbot: QtBot) -> None:
    view = TalkTrial(_row, chat=False)
    qtbot.addWidget(view)
    view.show_names(["Run 1"])
    asked = Asked(view)
    _say(view, "Once upon ")
    _answer(view, 0, "a time")
    QTest.mouseClick(find(view, QPushButton, "try.on"), Qt.MouseButton.LeftButton)
    _answer(view, 0, ", there")
    assert [said for _, said, _ in asked] == ["user: Once upon ", "user: Once upon  / assistant: a time"]
    _say(view, "Another")
    assert asked[-1][1] == "user: Another"
    assert find(view, QComboBox, "try.history").count() == 2


def _back(text: ToldText, place: int) -> QColor:
    """The colour behind a character, by its place as Qt counts."""
    cursor = QTextCursor(text.document())
    cursor.setPosition(place + 1)
    return cursor.charFormat().background().color()


@pytest.fixture
def measuring(qtbot: QtBot) -> TalkTrial:
    made = TalkTrial(_row, chat=False, measures=True)
    qtbot.addWidget(made)
    made.show_names(["Run 1"])
    made.resize(900, 600)
    made.show()
    qtbot.waitExposed(made)
    return made


def _measure(view: TalkTrial, text: str) -> None:
    view.text.setPlainText(text)
    QTest.mouseClick(find(view, QPushButton, "try.measure"), Qt.MouseButton.LeftButton)


def test_a_text_is_coloured_by_how_well_it_is_foretold(measuring: TalkTrial, qtbot: QtBot) -> None:
    asked: list[tuple[int, str, object]] = []
    measuring.asked.connect(lambda column, row, told: asked.append((column, row["said"], told)))
    said = "<b>🙂\nodd</b>"
    _measure(measuring, said)
    assert asked == [(0, f"user: {said}", None)]
    text = find(measuring, ToldText, "try.turn.1.1")
    assert text.toPlainText() == said  # before anything is known of it
    parts = [Piece(text="<b>", probability=0.9), Piece(text="🙂\n", probability=0.1, top=(("x", 0.5),))]
    measuring.show_pieces(0, parts)
    measuring.show_pieces(0, [Piece(text="odd</b>", probability=1e-6), Piece(text="", probability=0.5)])
    measuring.show_ending(0, Ending(reason="end", tokens=5, seconds=0.1, prompt=0, before=0.0))
    assert text.toPlainText() == said
    depths = [_back(text, place).alphaF() for place in (0, 2, 4, 6, 12)]  # a picture is two of Qt's characters
    assert depths[0] == depths[1] < depths[2] < depths[3] == depths[4] <= loss_shade.STRONGEST + 0.01
    words = " ".join(one.text() for one in measuring.findChildren(QLabel))
    nats = -sum(math.log(one) for one in (0.9, 0.1, 1e-6, 0.5)) / 5
    assert f"{nats:.3f} nats a token, perplexity {math.exp(nats):,.1f} · 5 tokens" in words
    qtbot.waitUntil(lambda: text.width() > 100 and text.isVisible())
    text.setFocus()
    QTest.keyClick(text, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    for _ in range(3):
        QTest.keyClick(text, Qt.Key.Key_Right)
    assert "x 50.0 %" in measuring.side.token.bars.accessibleName()
    assert "10.0 %, 2.30 nats" in [one.text() for one in measuring.side.token.findChildren(QLabel)]


def test_a_measured_text_follows_the_colours_of_the_window(measuring: TalkTrial) -> None:
    _measure(measuring, "odd")
    measuring.show_pieces(0, [Piece(text="odd", probability=0.01)])
    text, before = find(measuring, ToldText, "try.turn.1.1"), theme.current()
    light = _back(text, 0)
    try:
        theme.choose(theme.DARK)
        assert _back(text, 0) != light
    finally:
        theme.choose(before)
    assert _back(text, 0) == light


def test_a_measured_text_can_be_gone_on_with_and_found_again(measuring: TalkTrial) -> None:
    asked = Asked(measuring)
    _measure(measuring, "Once upon")
    measuring.show_pieces(0, [Piece(text="Once", probability=0.01)])
    measuring.show_ending(0, Ending(reason="cancelled", tokens=1, seconds=0.1, prompt=0, before=0.0))
    QTest.mouseClick(find(measuring, QPushButton, "try.on"), Qt.MouseButton.LeftButton)
    assert [said for _, said, _ in asked] == ["user: Once upon"] * 2
    assert asked[1][2] is not None
    _answer(measuring, 0, " a time")
    _measure(measuring, "Another")
    measuring.show_problem(0, "The model is gone.")
    history = find(measuring, QComboBox, "try.history")
    assert [history.itemText(place) for place in range(history.count())] == ["Another", "Once upon"]
    history.activated.emit(1)
    text = find(measuring, ToldText, "try.turn.1.1")
    assert text.toPlainText() == "Once upon"
    assert _back(text, 0).alphaF() > 0.2
    assert _back(text, 6) == QColor(0, 0, 0)  # nothing is known of it


def test_who_only_speaks_has_nothing_to_measure(view: TalkTrial) -> None:
    assert not find(view, QPushButton, "try.measure").isVisible()


@pytest.mark.parametrize("palette", [theme.LIGHT, theme.DARK])
def test_what_is_strongly_coloured_can_be_read(palette: theme.Palette) -> None:
    def mixed(share: float, back: str) -> str:
        pairs = [(int(palette.second[at : at + 2], 16), int(back[at : at + 2], 16)) for at in (1, 3, 5)]
        return "#" + "".join(f"{round(share * over + (1 - share) * under):02x}" for over, under in pairs)

    for back in (palette.surface, palette.hover, palette.accent_soft):
        assert theme.contrast(mixed(loss_shade.STRONGEST, back), palette.text) >= 4.5


def test_markup_of_a_model_stays_text(view: TalkTrial) -> None:
    _say(view, "<b>bold</b>")
    _answer(view, 0, "<i>so", "</i> & <br>")
    assert find(view, ToldText, "try.turn.1.1").toPlainText() == "<b>bold</b>"
    assert find(view, ToldText, "try.turn.1.2").toPlainText() == "<i>so</i> & <br>"
