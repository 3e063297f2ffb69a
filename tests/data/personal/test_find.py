"""Finding: precision and recall on the hand-made sentences, overlaps, and places in code points."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.data.personal.find import KINDS, Find, find
from tests.data.personal.sentences import WITH, WITHOUT

LEAST_PRECISION, LEAST_RECALL = 0.98, 0.98


def values(text: str) -> list[tuple[str, str]]:
    """What is found in a text, without the places."""
    return [(one.kind, one.text) for one in find(text)]


def test_there_are_enough_sentences() -> None:
    assert len(WITH) >= 60
    assert len(WITHOUT) >= 60
    assert {kind for _, expected in WITH for kind, _ in expected} == set(KINDS)


@pytest.mark.parametrize(("text", "expected"), WITH, ids=[text for text, _ in WITH])
def test_personal_data_is_found(text: str, expected: tuple[tuple[str, str], ...]) -> None:
    assert values(text) == list(expected)


@pytest.mark.parametrize("text", WITHOUT, ids=WITHOUT)
def test_what_only_looks_so_is_left_alone(text: str) -> None:
    assert values(text) == []


def test_precision_and_recall_by_kind() -> None:
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for text, expected in (*WITH, *((text, ()) for text in WITHOUT)):
        got, wanted = Counter(values(text)), Counter(expected)
        right.update(kind for kind, _ in (got & wanted).elements())
        found.update(kind for kind, _ in got.elements())
        there.update(kind for kind, _ in wanted.elements())
    for kind in KINDS:
        precision, recall = right[kind] / max(1, found[kind]), right[kind] / there[kind]
        sys.stdout.write(f"{kind:12} {there[kind]:3} precision {precision:.3f} recall {recall:.3f}\n")
        assert precision >= LEAST_PRECISION
        assert recall >= LEAST_RECALL


def test_places_are_code_points() -> None:
    text = "👩‍👩‍👧 e\u0301 → jane@x.org"
    assert find(text) == (Find(kind="email", start=text.index("jane"), end=len(text), text="jane@x.org"),)


def test_the_more_certain_kind_wins() -> None:
    assert values("https://shop.com/?mail=jane@x.org&ip=8.8.8.8") == [
        ("url", "https://shop.com/?mail=jane@x.org&ip=8.8.8.8")
    ]
    assert values("8.8.8.8@x.org") == [("email", "8.8.8.8@x.org")]
    assert values("DE89 3704 0044 0532 0130 00") == [("iban", "DE89 3704 0044 0532 0130 00")]


def test_only_the_kinds_and_regions_that_are_asked_for() -> None:
    text = "jane@x.org 13812345678"
    assert [one.kind for one in find(text, kinds=["phone"])] == ["phone"]
    assert [one.kind for one in find(text, regions=("US",))] == ["email"]
    # What is a card is no telephone number, also for one who asks for those alone.
    assert find("call 4111 1111 1111 1111", kinds=["phone"]) == ()


VALUES = sorted({value for _, expected in WITH for _, value in expected})
PIECES = st.lists(st.sampled_from([*VALUES, *", 。号1-+@"]), max_size=8).map("".join)


@given(text=PIECES | st.text(max_size=60))
def test_finds_are_in_order_apart_and_there(text: str) -> None:
    at = 0
    for one in find(text):
        assert at <= one.start < one.end <= len(text)
        assert text[one.start : one.end] == one.text
        at = one.end


@pytest.mark.parametrize("part", ["1 ", "a@", "1-", "www. ", ":", "0", "a.", "(at)", "+49 ", "AB12 ", "a-b.", "1.1.1."])
def test_odd_texts_take_no_longer_than_others(part: str) -> None:
    assert find(part * 5000) == ()
