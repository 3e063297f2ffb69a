"""Characters: what nobody needs goes; emoji, Arabic and Indic joiners, and meant direction marks stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.data.cleaning.characters import Control, Invisible, Unicode, Whitespace
from desktop_llm.data.cleaning.step import TextStep

# Letters, marks and the signs these steps look at, close together.
TRICKY = st.text(
    st.sampled_from(
        "ab \t\n\r\x0b\x0c\x1b[0m\x00\x7f\x85\u00a0\u00ad\u00e9e\u0301\u200b\u200c\u200d\u200e\u200f\u202e\u2028\u2066"
        "\ufeff\ufe0f\u3000好ไทลا‌ن\u0915\u094d\u0937❤🏴👩👨👧🏽\U000e0067\U000e007f\ud83dﬁ①"
    )
    | st.characters(),
    max_size=30,
)
STEPS = [
    Control(),
    Invisible(),
    Unicode(),
    Unicode(compatible=True),
    Whitespace(),
    Whitespace(lines=False),
    Whitespace(indentation=True),
]


@pytest.mark.parametrize("step", STEPS, ids=repr)
@given(text=TRICKY)
def test_a_second_time_changes_nothing(step: TextStep, text: str) -> None:
    once = step.clean(text)
    assert step.clean(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "👩‍👩‍👧‍👦 family",
        "🏳️‍🌈 ❤️‍🔥 👩🏽‍🚀",
        "🏴󠁧󠁢󠁳󠁣󠁴󠁿 Scotland",
        "می‌خواهم",
        "क्‍ष and क्‌ष",
        "ไทย\u200bภาษา",
        "שלום \u200fABC\u200e עולם",
        "1️⃣ keycap",
        "plain",
    ],
)
def test_what_carries_meaning_stays(text: str) -> None:
    assert Invisible().clean(text) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("zero\u200bwidth", "zerowidth"),
        ("\ufeffstart", "start"),
        ("soft\u00adhyphen", "softhyphen"),
        ("a\u200db", "ab"),
        ("left \u202etrick\u202c", "left trick"),
        ("👩\u200d end", "👩 end"),
        ("a\U000e0041\U000e0042b", "ab"),
        ("word\u2060joiner", "wordjoiner"),
    ],
)
def test_what_nobody_sees_goes(text: str, clean: str) -> None:
    assert Invisible().clean(text) == clean


def test_control_characters_go_and_line_ends_stay() -> None:
    assert Control().clean("a\x00b\x07\tc\r\nd\x1b[31mred\x1b[0m\x9f") == "ab\tc\r\ndred"
    assert Control().clean("half \ud83d of a pair") == "half \ufffd of a pair"


def test_one_spelling() -> None:
    assert Unicode().clean("e\u0301") == "\u00e9"
    assert Unicode().clean("ﬁ ＡＢＣ") == "ﬁ ＡＢＣ"
    assert Unicode(compatible=True).clean("ﬁ ＡＢＣ ①") == "fi ABC 1"


def test_white_space() -> None:
    messy = "  one \u00a0 two\r\n\r\n\r\n\r\nthree\u3000four\t\r five \u2028"
    assert Whitespace().clean(messy) == "one two\n\nthree four\nfive"
    assert Whitespace(lines=False).clean(messy) == "one two three four five"
    assert Whitespace(indentation=True).clean("if x:\n    y  =  1\t\n\n\n\n\tz") == "if x:\n    y = 1\n\n\tz"
