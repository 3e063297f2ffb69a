"""Words in colours: they can be read on every depth, in both looks, and are told apart by more than colour."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QTextCharFormat
from pytestqt.qtbot import QtBot

from desktop_llm.jobs.explanation import Weighed
from desktop_llm.widgets import theme
from desktop_llm.widgets.theme import DARK, LIGHT, Palette, contrast
from desktop_llm.widgets.weighed_text import WeighedText, tint


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("share", [-1.0, -0.5, -0.1, 0.1, 0.5, 1.0, 7.0])
def test_a_word_can_be_read_on_its_colour(palette: Palette, share: float) -> None:
    assert contrast(palette.text, tint(palette, share)) >= 4.5
    assert tint(palette, share) != palette.surface
    assert tint(palette, share) != tint(palette, -share)


def test_words_keep_their_places_behind_emoji_and_are_marked_by_sign(qtbot: QtBot) -> None:
    text = "🙂🙂 good and bad"
    shown = WeighedText("w", "Words")
    qtbot.addWidget(shown)
    weights = {"good": 0.3, "and": 0.001, "bad": -0.2}
    words = [
        Weighed(start=text.index(word), end=text.index(word) + len(word), adds=adds, without=-adds)
        for word, adds in weights.items()
    ]
    shown.show_words(text, words)
    marked = {one.cursor.selectedText(): QTextCharFormat(one.format) for one in shown.extraSelections()}
    assert set(marked) == {"good", "bad"}  # what hardly adds is left as it is
    none = QTextCharFormat.UnderlineStyle.NoUnderline
    assert marked["good"].underlineStyle() == none
    assert marked["bad"].underlineStyle() != none
    assert shown.words_of(2) == "bad: adds −20.0 points; without it +20.0 points"
    before = marked["good"].background().color().name()
    theme.choose(DARK)
    try:
        after = {one.cursor.selectedText(): QTextCharFormat(one.format) for one in shown.extraSelections()}
        assert after["good"].background().color().name() != before
    finally:
        theme.choose(LIGHT)


def test_where_nothing_matters_nothing_glows(qtbot: QtBot) -> None:
    shown = WeighedText("w", "Words")
    qtbot.addWidget(shown)
    shown.show_words("one two", [Weighed(start=0, end=3, adds=0.0009, without=0.0)])
    assert shown.extraSelections() == []
