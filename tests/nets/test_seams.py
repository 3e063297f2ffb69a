"""Seams between words that meet with no space: of which kind they are, and which ones a word goes across."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from desktop_llm.nets import seams, words
from desktop_llm.nets import tokenizer as tokenizers

Spans = Sequence[tuple[int, int, int]]


def _encoded(some: Sequence[tuple[str, Spans | None]], pieces: int = 300) -> words.WordRows:
    tokenizer = tokenizers.train([text for text, _ in some], pieces, 64, apart=True)
    return words.encode(tokenizer, some, 64, lambda *_: None)


def _words(rows: words.WordRows, texts: Sequence[str]) -> list[list[str]]:
    return [
        [text[start:end] for start, end in rows.places[rows.word_starts[at] : rows.word_starts[at + 1]].tolist()]
        for at, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("U.S. (Rome)", ["", "a.", ".a", "a.>", "", "(a<", "a)>"]),
        ("@you :) see", ["", "@a<", "", ":)-", ""]),
        ("e\u0301-x", ["", "a-", "-a"]),
        ("北京.com 大", ["", "", "", ".a<", ""]),
        ("one two", ["", ""]),
        ("", []),
    ],
)
def test_kinds_say_what_meets_and_where_the_letters_are(text: str, expected: list[str]) -> None:
    rows = _encoded([(text, None), ("more", None)])
    assert [rows.kinds[number] for number in rows.seams[: len(rows.seams) - 1]] == expected


def _of_names(count: int, *, cut: bool) -> list[tuple[str, Spans]]:
    """Texts with a name that has a point inside, and an address beside it; with `cut` one span ends at such a point."""
    some: list[tuple[str, Spans]] = [("then J.R said to @them this", [(5, 8, 0)]) for _ in range(count)]
    return [*some, ("then J.R said", [(5, 6, 0)])] if cut else some


def test_what_no_span_ever_ends_at_is_inside_of_a_word() -> None:
    told = _of_names(40, cut=False)
    rows = _encoded(told)
    over = seams.crossed(rows)
    assert over == {"a.", ".a", "@a<"}
    made = seams.joined(rows, over)
    assert _words(made, [text for text, _ in told])[0] == ["then", "J.R", "said", "to", "@them", "this"]
    assert made.targets[:6].tolist() == [0, 1, 0, 0, 0, 0]
    assert [int(made.ids[head]) for head in made.heads[:6]] == [
        int(rows.ids[rows.heads[place]]) for place in (0, 1, 4, 5, 6, 8)
    ]
    assert made.word_starts.tolist() == [6 * place for place in range(41)]


def test_one_span_that_ends_there_is_enough_to_part() -> None:
    assert seams.crossed(_encoded(_of_names(40, cut=True))) == {".a", "@a<"}


@pytest.mark.parametrize("some", [_of_names(3, cut=False), [("a @b c", [])] * 200, [("a @b c", None)] * 200])
def test_little_that_is_known_is_no_custom(some: list[tuple[str, Any]]) -> None:
    assert seams.crossed(_encoded(some)) == frozenset()


def test_what_ends_a_clause_stays_apart_at_the_end_of_a_word() -> None:
    told = [('at Rome Inc. we (they) saw "it"', [(3, 12, 0)])] * 60
    over = seams.crossed(_encoded(told))
    assert over == frozenset()


@pytest.mark.parametrize("quoted", ["»Rome«", "”Rome”", "‘Rome’", "„Rome“", "«Rome»", "¿Rome?", "¡Rome!", "`Rome`"])
def test_signs_that_open_and_close_stay_apart_in_all_languages(quoted: str) -> None:
    told = [("he saw Rome Inc. and said " + quoted + " again", [(7, 15, 0)])] * 60
    assert seams.crossed(_encoded(told)) == frozenset()


@pytest.mark.parametrize("sign", ["'", "’"])
def test_an_apostrophe_stays_where_the_data_parts_what_is_short_by_a_space(sign: str) -> None:
    """As “Rome 's” does; in texts that are tagged later stands “Rome's”, or “l'Italie”."""
    told = [(f"they don{sign}t see Rome {sign}s mayor O{sign}Neil, J.R", [(15, 19, 0), (29, 35, 1)])] * 60
    assert seams.crossed(_encoded(told)) == {"a.", ".a"}


def test_a_span_that_ends_inside_of_a_word_is_told_of_the_whole() -> None:
    rows = _encoded([("so J.R said", [(5, 6, 0)]), ("so J.R said", None), ("J.R", [(2, 3, 0)])])
    made = seams.joined(rows, {"a.", ".a"})
    assert made.targets.tolist() == [0, 1, 0, -1, -1, -1, 1]
    assert made.places.tolist() == [[0, 2], [3, 6], [7, 11], [0, 2], [3, 6], [7, 11], [0, 3]]
    assert np.array_equal(seams.joined(made, {"a.", ".a"}).places, made.places)


def _with_rare(rare: str, spans: Spans = ()) -> words.WordRows:
    """Texts with signs that never part anything, and one text in which they stand elsewhere."""
    some: list[tuple[str, Spans]] = [("then Rome said to @them what_is new-old this !!", [(5, 9, 0)])] * 60
    return _encoded([*some, (rare, spans)], 264)  # too few pieces to join signs


@pytest.mark.parametrize(
    ("rare", "expected"),
    [("so @_them said", {"@_<", "_a<"}), ("so them_ said", {"a_>"}), ("so a@b said", {"a@", "@a"}), ("so _@", {"_@-"})],
)
def test_a_sign_that_parts_nothing_parts_nothing_in_a_rare_place(rare: str, expected: set[str]) -> None:
    """Else of “@_name” each piece is learned by itself, of “@name” none: see RESULTS.md, WNUT17."""
    often = {"@a<", "a_", "_a", "a-", "-a", "!!-"}
    assert seams.crossed(_with_rare(rare)) == often | expected


def test_a_sign_that_parts_once_is_not_taken_elsewhere_for_one_that_does_not() -> None:
    rare = _with_rare("so them_ said _them and Rome_ said", [(24, 28, 0)])
    assert seams.crossed(rare) == {"@a<", "a_", "_a", "a-", "-a", "!!-"}


@pytest.mark.parametrize("rare", ["so Rome- said", "so -Rome said", "so Rome!Bern said", "so !Rome said", "so a=b"])
def test_dashes_at_words_and_what_only_stands_beside_signs_stay(rare: str) -> None:
    assert seams.crossed(_with_rare(rare)) == {"@a<", "a_", "_a", "a-", "-a", "!!-"}
