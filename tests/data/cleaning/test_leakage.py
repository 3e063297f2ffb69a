"""Leaks: held-out rows that are in train too."""

from __future__ import annotations

from desktop_llm.data.cleaning.leakage import leaks
from tests.data.cleaning.test_duplicates import text_of, with_another_word


def test_exact_and_near_leaks_are_told_apart() -> None:
    rows = [
        (1, text_of(1), "train"),
        (2, text_of(2), "train"),
        (3, text_of(1).upper(), "test"),
        (4, with_another_word(text_of(2), 20), "validation"),
        (5, text_of(3), "test"),
        (6, text_of(3), "validation"),
        (7, text_of(1), ""),
    ]
    found = leaks(rows)
    assert [(leak.id, leak.split, leak.train_id, leak.exact) for leak in found] == [
        (3, "test", 1, True),
        (4, "validation", 2, False),
    ]
    assert 0.8 <= found[1].similarity < 1


def test_what_differs_in_signs_alone_is_near() -> None:
    found = leaks([(1, "Where is my parcel, please?", "train"), (2, "where is my parcel please", "test")])
    assert [(leak.id, leak.exact) for leak in found] == [(2, False)]


def test_without_train_or_held_out_rows_there_is_no_leak() -> None:
    assert leaks([]) == ()
    assert leaks([(1, "a", "train"), (2, "a", "train")]) == ()
    assert leaks([(1, "a", "test"), (2, "a", "validation")]) == ()


def test_rows_may_come_in_any_order() -> None:
    assert [leak.train_id for leak in leaks([(1, "same text", "test"), (2, "same text", "train")])] == [2]
