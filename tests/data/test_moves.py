"""Places of a text after the text has changed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.data import moves
from desktop_llm.errors import UserError

PIECES = st.sampled_from(["\r\n", "\n", " ", "\r", "\u3000", "a", "Ab", "北京", "😀", "e\u0301", "שלום", "\t"])


def moved(before: str, after: str, piece: str) -> str | None:
    """What a span on `piece` is on after the text has changed."""
    start = before.index(piece)
    found = moves.between(before, after).span(start, start + len(piece))
    return None if found is None else after[found[0] : found[1]]


@pytest.mark.parametrize(
    ("before", "after", "piece", "expected"),
    [
        ("in Berlin now", "in Berlin now", "Berlin", "Berlin"),
        ("<b>Anna</b> from Berlin", "Anna from Berlin", "Anna", "Anna"),
        ("<b>Anna</b> from Berlin", "Anna from Berlin", "Berlin", "Berlin"),
        ("New  \t York is", "New York is", "New  \t York", "New York"),
        ("to Berlin​ and on", "to Berlin and on", "Berlin​", "Berlin"),
        ("see AT&amp;T there", "see AT&T there", "AT&amp;T", "AT&T"),
        ("ask ＡＢＣ today", "ask ABC today", "ＡＢＣ", "ABC"),
        ("mail anna@x.org soon", "mail [EMAIL] soon", "anna@x.org", "[EMAIL]"),
        ("mail anna@x.org soon", "mail [EMAIL] soon", "soon", "soon"),
        ("drop this all", "all", "this", None),
        ("call Anna Smith 5 now", "call ██████████████ now", "Smith", None),
    ],
)
def test_a_span_stays_on_its_words(before: str, after: str, piece: str, expected: str | None) -> None:
    assert moved(before, after, piece) == expected


def test_letters_that_become_one_are_counted() -> None:
    before = unicodedata.normalize("NFD", "서울에서 부산까지 é")
    after = unicodedata.normalize("NFC", before)
    for piece in ("서울", "부산"):
        assert moved(before, after, unicodedata.normalize("NFD", piece)) == piece


def test_a_long_text_with_many_changes_keeps_its_spans_and_takes_no_time() -> None:
    words = [f"word{place}" for place in range(12_000)]
    before = "  ".join(words)
    after = " ".join(words)
    found = moves.between(before, after)
    for word in words[::500]:
        start = before.index(word + " ")
        place = found.span(start, start + len(word))
        assert place is not None
        assert after[place[0] : place[1]] == word


def test_a_span_outside_its_text_is_refused() -> None:
    for start, end in ((0, 4), (-1, 2), (2, 2), (3, 1)):
        with pytest.raises(UserError, match="does not lie in the text of 3 characters"):
            moves.tidying("abc").span(start, end)


@given(st.lists(PIECES, max_size=12).map("".join), st.data())
def test_a_tidied_text_keeps_what_was_marked(raw: str, data: st.DataObject) -> None:
    text = moves.tidied(raw)
    if not raw:
        return
    start = data.draw(st.integers(0, len(raw) - 1))
    end = data.draw(st.integers(start + 1, len(raw)))
    found = moves.tidying(raw).span(start, end)
    wanted = raw[start:end].replace("\r\n", "\n")
    if found is None:
        assert not wanted.strip()
        return
    there = text[found[0] : found[1]]
    assert (
        there.strip() == wanted.replace("\r", "").strip()
        or there.replace("\r", "").strip() == wanted.replace("\r", "").strip()
    )
    # where there is nothing to tidy around, it is the very same
    if raw == text:
        assert (found[0], found[1]) == (start, end)


@given(st.lists(PIECES, min_size=1, max_size=14).map("".join), st.data())
def test_a_changed_text_gives_places_inside_of_it(before: str, data: st.DataObject) -> None:
    after = data.draw(st.lists(PIECES, max_size=14).map("".join))
    start = data.draw(st.integers(0, len(before) - 1))
    end = data.draw(st.integers(start + 1, len(before)))
    found = moves.between(before, after).span(start, end)
    if found is not None:
        assert 0 <= found[0] < found[1] <= len(after)
    if before == after:
        assert found == (start, end)
