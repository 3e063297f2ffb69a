"""Marking spans: by keys and by mouse, in texts that are hard to count in."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.token_tagging.screen import Editor
from desktop_llm.widgets import span_keys, theme
from desktop_llm.widgets.screen import ClassInfo, ShownItem
from desktop_llm.widgets.span_paint import readable, tint
from desktop_llm.widgets.span_text import SpanText
from tests.tasks.token_tagging import texts

CLASSES = [
    ClassInfo(id=1, name="person", color="#3558e6", key="1", count=0),
    ClassInfo(id=2, name="place", color="#17845a", key="2", count=0),
]
ENGLISH = "Anna Smith flew to New York"
RTL = re.compile("[\u0590-\u08ff\u200f]")
NO = Qt.KeyboardModifier.NoModifier
EXACT = Qt.KeyboardModifier.AltModifier


WHOLE = ("👩‍👩‍👧", "🇩🇪", "👍🏽", "❤️", "e\u0301", "ṇ̀", "नि", "\r\n")
"""What is one character, and never cut."""


class Desk:
    """An editor, and a store of one row behind it that shows it again, as the page does."""

    def __init__(self, editor: Editor) -> None:
        self.editor, self.spans = editor, editor.spans
        self.chosen: list[Any] = []
        self.edits: list[Any] = []
        self.item: ShownItem | None = None
        editor.edited.connect(self._keep)
        editor.chosen.connect(self.chosen.append)

    def show(self, text: str, value: Any = None, suggestion: Prediction | None = None) -> None:
        """Another row."""
        number = self.item.id + 1 if self.item is not None else 1
        self.item = ShownItem(
            id=number, content={"text": text}, extra={}, value=value, suggestion=suggestion, position=number, total=9,
            source="a.txt",
        )  # fmt: skip
        self.editor.show_item(self.item)

    def keys(self, *commands: str) -> None:
        """Commands by their keys, or labels by theirs."""
        by_key = {key: one.name for one in span_keys.commands() for key in one.keys}
        for key in commands:
            if key in by_key:
                self.editor.do(by_key[key])
            else:
                assert self.editor.key_for_label(key), key

    def active(self) -> tuple[int, int, int] | None:
        """The active span."""
        return self.spans.active

    def marked(self) -> list[tuple[str, int]]:
        """The words and classes of the value that is kept."""
        assert self.item is not None
        text = self.item.content["text"]
        return [(text[start:end], number) for start, end, number in self.item.value or ()]

    def drag(self, start: int, end: int, modifier: Qt.KeyboardModifier = NO) -> bool:
        """Select with the mouse from inside one character to inside another; False where one cannot be seen."""
        pieces = [self.spans.rectangle(start, start + 1), self.spans.rectangle(end - 1, end)]
        boxes = [one[0].united(one[-1]) for one in pieces if one]
        if len(boxes) < 2 or any(box.width() < 4 for box in boxes):
            return False
        first, last = boxes[0].center(), boxes[1].center()
        backward = RTL.match(self.spans.text[start]) is not None
        first.setX(boxes[0].right() - 1 if backward else boxes[0].left() + 1)
        backward = RTL.match(self.spans.text[end - 1]) is not None
        last.setX(boxes[1].left() + 1 if backward else boxes[1].right() - 1)
        self.pull(first, last, modifier)
        return True

    def pull(self, first: QPointF, last: QPointF, modifier: Qt.KeyboardModifier = NO) -> None:
        """Press, move, release."""
        port = self.spans.viewport()
        QTest.mousePress(port, Qt.MouseButton.LeftButton, modifier, first.toPoint())
        for point in (first + QPointF(40, 0), last + QPointF(1, 0), last):
            # QTest.mouseMove knows no buttons
            _move(port, point.toPoint(), modifier)
        QTest.mouseRelease(port, Qt.MouseButton.LeftButton, modifier, last.toPoint())

    def _keep(self, value: Any) -> None:
        assert self.item is not None
        self.edits.append(value)
        self.item = replace(self.item, value=value)
        self.editor.show_item(self.item)


def _move(widget: Any, point: QPoint, modifier: Qt.KeyboardModifier) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    button = Qt.MouseButton.LeftButton
    place = QPointF(point)
    QApplication.sendEvent(
        widget,
        QMouseEvent(QEvent.Type.MouseMove, place, widget.mapToGlobal(place), Qt.MouseButton.NoButton, button, modifier),
    )


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    """An editor on screen."""
    editor = Editor()
    qtbot.addWidget(editor)
    editor.resize(900, 600)
    editor.set_classes(CLASSES)
    editor.show()
    return Desk(editor)


def test_a_word_is_marked_by_keys_alone(desk: Desk) -> None:
    desk.show(ENGLISH)
    desk.keys("Ctrl+Right", "Left", "Left", "Left", "Left", "Ctrl+Shift+Right", "1")
    assert desk.marked() == [("Anna", 1)]
    desk.keys("Esc", "Ctrl+End", "Ctrl+Shift+Left", "Ctrl+Shift+Left", "2")
    assert desk.marked() == [("Anna", 1), ("New York", 2)]
    assert desk.editor.confirm()
    assert desk.chosen == [desk.item.value if desk.item else None]


def test_the_active_span_is_changed_grown_shrunk_and_removed(desk: Desk) -> None:
    desk.show(ENGLISH, [[0, 4, 1], [19, 22, 2]])
    desk.keys("]", "]")
    assert desk.spans.active == (19, 22, 2)
    desk.keys("Ctrl+Shift+Right")
    assert desk.marked() == [("Anna", 1), ("New York", 2)]
    desk.keys("Shift+Left", "Alt+Shift+Right", "1")
    assert desk.marked() == [("Anna", 1), ("ew Yor", 1)]
    desk.keys("[", "Del")
    assert desk.marked() == [("ew Yor", 1)]
    desk.keys("Shift+Del")
    assert desk.item is not None
    assert desk.item.value == []


def test_a_span_never_shrinks_to_nothing_nor_into_another(desk: Desk) -> None:
    desk.show(ENGLISH, [[0, 4, 1], [5, 10, 2]])
    desk.keys("]", *["Shift+Right"] * 5)
    assert desk.marked() == [("Anna ", 1), ("Smith", 2)]
    desk.keys(*["Shift+Left"] * 9)
    assert desk.marked() == [("A", 1), ("Smith", 2)]
    desk.keys("]", *["Alt+Shift+Left"] * 9)
    assert desk.marked() == [("A", 1), ("nna Smith", 2)]
    desk.keys(*["Alt+Shift+Right"] * 20)
    assert desk.marked() == [("A", 1), ("h", 2)]


def test_spans_overlap_only_where_the_project_lets_them(desk: Desk) -> None:
    desk.show(ENGLISH, [[0, 4, 1]])
    desk.keys("Ctrl+Home", "Ctrl+Shift+Right", "Ctrl+Shift+Right", "2")
    assert desk.marked() == [("Anna Smith", 2)]
    desk.editor.set_switches({"overlapping": True})
    desk.keys("Esc", "Ctrl+Home", "Ctrl+Shift+Right", "1")
    assert desk.marked() == [("Anna", 1), ("Anna Smith", 2)]
    desk.keys("Esc", "Ctrl+Home", "Ctrl+Shift+Right", "2")
    assert desk.marked() == [("Anna", 1), ("Anna", 2), ("Anna Smith", 2)]


def test_the_mouse_takes_whole_words_and_the_brush_marks_them(desk: Desk) -> None:
    desk.show(ENGLISH)
    assert desk.drag(2, 8)
    assert desk.spans.selected == (0, 10)
    desk.keys("1")
    assert desk.marked() == [("Anna Smith", 1)]
    desk.keys("Esc", "2")
    assert desk.spans.brush == 2
    assert desk.drag(20, 25)
    assert desk.marked() == [("Anna Smith", 1), ("New York", 2)]
    assert desk.drag(12, 13, EXACT)
    assert desk.marked()[1] == ("l", 2)
    desk.keys("Esc", "Esc")
    assert desk.spans.brush is None


def test_a_double_click_takes_a_word_and_a_click_a_span(desk: Desk) -> None:
    desk.show(ENGLISH)
    place = desk.spans.rectangle(20, 21)[0].center().toPoint()
    port = desk.spans.viewport()
    QTest.mouseDClick(port, Qt.MouseButton.LeftButton, NO, place)
    assert desk.spans.selected == (19, 22)
    desk.keys("2", "Esc")
    assert desk.active() is None
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, NO, place)
    assert desk.active() == (19, 22, 2)
    desk.editor.card.remove.click()
    assert desk.marked() == []


def test_chinese_words_are_marked_character_by_character(desk: Desk) -> None:
    text = "北京大学在北京。"
    desk.show(text)
    assert desk.drag(0, 4)
    desk.keys("2")
    assert desk.marked() == [("北京大学", 2)]
    desk.keys("Esc", "Ctrl+Home", *["Right"] * 5, "Shift+Right", "Shift+Right", "1")
    assert desk.marked() == [("北京大学", 2), ("北京", 1)]


def test_left_goes_on_in_text_from_right_to_left(desk: Desk) -> None:
    text = "سافرت ليلى إلى برلين"
    desk.show(text)
    desk.keys(*["Left"] * 6, "Ctrl+Shift+Left", "1")
    assert desk.marked() == [("ليلى", 1)]
    assert desk.drag(15, 20)
    desk.keys("2")
    assert desk.marked() == [("ليلى", 1), ("برلين", 2)]


def test_a_guess_is_accepted_by_the_page_and_corrected_here(desk: Desk) -> None:
    guess = Prediction(
        label=[texts.span(0, 4, "person"), texts.span(19, 27, "place"), texts.span(5, 9, "gone")],
        probability=0.5, uncertainty=0.5, top=(("person", 0.9), ("place", 0.6), ("gone", 0.4)),
    )  # fmt: skip
    desk.show(ENGLISH, suggestion=guess)
    assert desk.spans.value == [[0, 4, 1], [19, 27, 2]]
    assert not desk.editor.confirm()
    desk.keys("]", "Del")
    assert desk.marked() == [("New York", 2)]
    assert desk.editor.confirm()
    assert desk.chosen == [[[19, 27, 2]]]


def test_enter_says_that_there_is_nothing(desk: Desk) -> None:
    desk.show("nothing here")
    assert desk.editor.confirm()
    assert desk.chosen == [[]]
    desk.editor.show_item(None)
    assert not desk.editor.confirm()
    assert desk.editor.commands() == ()


def test_what_does_not_fit_the_text_is_not_shown(desk: Desk) -> None:
    desk.show("short", [[0, 5, 1], [3, 99, 2]])
    assert desk.spans.value == [[0, 5, 1]]


@given(texts.TEXTS, st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_selected_is_what_is_kept(desk: Desk, raw: str, data: st.DataObject) -> None:
    """Selected by keys or mouse, character by character as a person sees them, in any text."""
    desk.show(raw)
    desk.spans.brush = None
    signs = texts.graphemes(raw)
    first = data.draw(st.integers(0, len(signs) - 1), label="first")
    count = data.draw(st.integers(1, len(signs) - first), label="count")
    start = len("".join(signs[:first]))
    end = start + len("".join(signs[first : first + count]))
    if data.draw(st.booleans(), label="mouse") and desk.drag(start, end, EXACT):
        if RTL.search(raw) is None:
            assert desk.spans.selected == (start, end)
        # where directions meet, what lies between two points is not what lies between two characters
        start, end = desk.spans.selected
        borders = {len("".join(signs[:place])) for place in range(len(signs) + 1)}
        assert {start, end} <= borders
        if start == end:
            return
    else:
        desk.keys("Ctrl+Home")
        _go(desk, first, extend=False)
        _go(desk, count, extend=True)
        assert desk.spans.selected == (start, end)
    desk.keys("1")
    assert desk.item is not None
    assert desk.item.value == [[start, end, 1]]
    assert not [piece for piece in WHOLE if _cuts(raw, piece, start) or _cuts(raw, piece, end)]
    assert desk.spans.value == [[start, end, 1]]


def _cuts(raw: str, piece: str, place: int) -> bool:
    """Whether a place lies inside of a piece."""
    return any(raw.startswith(piece, place - before) for before in range(1, len(piece)) if before <= place)


def _go(desk: Desk, count: int, *, extend: bool) -> None:
    """Onward by so many characters, whichever arrow that is."""
    from desktop_llm.widgets.span_caret import is_forward

    for _ in range(count):
        spans = desk.spans
        how = "right" if is_forward(spans._layout, spans._caret, "right") else "left"
        desk.editor.do(f"select_{how}" if extend else how)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_places_are_counted_both_ways(raw: str) -> None:
    text = SpanText(raw)
    assert text.size == len(raw.encode("utf-16-le")) // 2
    for point in range(len(raw) + 1):
        place = len(raw[:point].encode("utf-16-le")) // 2
        assert text.to16(point) == place
        assert text.point(place) == point
    for start in range(0, text.size, 3):
        first, last = text.words(start, min(text.size, start + 2))
        assert 0 <= first <= last <= text.size
        assert raw[text.point(first) : text.point(last)] == text.piece(first, last)


def test_names_and_words_can_be_read_in_light_and_dark() -> None:
    from desktop_llm.store.classes import COLORS

    for palette in (theme.LIGHT, theme.DARK):
        for color in COLORS:
            assert theme.contrast(readable(color, palette.surface, palette.text), palette.surface) >= 4.5
            for strong in (False, True):
                ground = tint(color, palette.surface, dark=palette.dark, strong=strong)
                assert theme.contrast(palette.text, ground) >= 4.5, (color, palette.dark, strong)
