"""The hold-out: near its fractions, even over the strata, the same for the same rows, and no row ever moved."""

from __future__ import annotations

import random
from collections import Counter
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.data.splits import SplitRow, assign

SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=12)


def rows_of(sizes: list[int], split: str = "", first: int = 0) -> list[SplitRow]:
    """Rows of strata of these sizes, ids and contents from `first` on."""
    strata = [f"stratum {place}" for place, size in enumerate(sizes) for _ in range(size)]
    return [
        SplitRow(id=number, hash=sha256(str(number).encode()).hexdigest(), stratum=stratum, split=split)
        for number, stratum in enumerate(strata, first)
    ]


def with_splits(rows: list[SplitRow], splits: dict[int, str]) -> list[SplitRow]:
    """The rows as they come back later."""
    return [SplitRow(id=row.id, hash=row.hash, stratum=row.stratum, split=row.split or splits[row.id]) for row in rows]


@given(sizes=SIZES)
def test_every_row_gets_a_split_and_every_stratum_keeps_one_to_train_on(sizes: list[int]) -> None:
    rows = rows_of(sizes)
    splits = assign(rows)
    assert splits.keys() == {row.id for row in rows}
    trained = {row.stratum for row in rows if splits[row.id] == "train"}
    assert trained == {row.stratum for row in rows}


@given(sizes=SIZES)
def test_totals_are_the_fractions_where_the_strata_allow_it(sizes: list[int]) -> None:
    rows = rows_of(sizes)
    counts = Counter(assign(rows, validation=0.2, test=0.1).values())
    free = sum(size - 1 for size in sizes)
    validation = min(free, max(1, round(0.2 * len(rows))))
    assert counts["validation"] == validation
    assert counts["test"] == min(free - validation, round(0.1 * len(rows)))


@given(sizes=SIZES)
def test_each_stratum_gives_its_share_to_a_row(sizes: list[int]) -> None:
    rows = rows_of(sizes)
    splits = assign(rows, validation=0.2, test=0)
    for place, size in enumerate(sizes):
        held = sum(splits[row.id] == "validation" for row in rows if row.stratum == f"stratum {place}")
        if size > 1 and len(rows) >= 5 and min(sizes) > 1:
            assert abs(held - 0.2 * size) <= 1.5


@given(sizes=SIZES, shuffled=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(sizes: list[int], shuffled: random.Random) -> None:
    rows = rows_of(sizes)
    mixed = rows.copy()
    shuffled.shuffle(mixed)
    assert assign(mixed) == assign(rows)


def test_the_ids_do_not_matter_the_contents_do() -> None:
    rows = rows_of([40, 40])
    moved = [SplitRow(id=row.id + 1000, hash=row.hash, stratum=row.stratum, split="") for row in rows]
    assert {number - 1000: split for number, split in assign(moved).items()} == assign(rows)


def test_another_seed_holds_out_other_rows() -> None:
    rows = rows_of([100, 100])
    assert assign(rows, seed=1) != assign(rows)
    assert Counter(assign(rows, seed=1).values()) == Counter(assign(rows).values())


def test_small_strata_take_turns() -> None:
    splits = assign(rows_of([2] * 50))
    counts = Counter(splits.values())
    assert counts == {"train": 80, "validation": 10, "test": 10}
    held = [number // 2 for number, split in splits.items() if split != "train"]
    assert len(set(held)) == 20


def test_there_is_a_validation_row_as_soon_as_there_can_be_one() -> None:
    assert Counter(assign(rows_of([2, 1])).values()) == {"train": 2, "validation": 1}
    assert Counter(assign(rows_of([1, 1])).values()) == {"train": 2}
    assert assign([]) == {}


def test_nothing_is_held_out_when_nothing_is_wanted() -> None:
    assert set(assign(rows_of([50]), validation=0, test=0).values()) == {"train"}


def test_given_splits_are_respected() -> None:
    tested = rows_of([10], "test", first=1000)
    counts = Counter(assign(rows_of([100]) + tested).values())
    assert counts == {"train": 90, "validation": 10}
    validated = rows_of([1], "validation", first=2000)
    assert Counter(assign(rows_of([100]) + validated).values()) == {"train": 90, "test": 10}
    assert Counter(assign(rows_of([100]) + tested + validated).values()) == {"train": 100}
    complete = with_splits(tested + validated, {}) + rows_of([1000], "train", first=3000)
    assert assign(complete) == {}


def test_a_stratum_already_in_train_may_give_all_its_new_rows() -> None:
    known = rows_of([5], "train", first=100)
    assert Counter(assign(rows_of([1]) + known, test=0).values()) == {"validation": 1}


@given(first=SIZES, second=SIZES)
def test_new_rows_move_none_that_has_a_split(first: list[int], second: list[int]) -> None:
    before = rows_of(first)
    known = with_splits(before, assign(before))
    new = rows_of(second, first=10_000)
    assert assign(known + new).keys() == {row.id for row in new}


def test_the_hold_out_grows_with_the_project() -> None:
    before = rows_of([10, 10])
    known = with_splits(before, assign(before))
    new = rows_of([500, 500], first=10_000)
    counts = Counter(row.split for row in with_splits(known + new, assign(known + new)))
    assert counts == {"train": 816, "validation": 102, "test": 102}
    few = rows_of([5, 5], first=20_000)
    assert set(assign(known + few).values()) == {"train"}


def test_hashes_may_be_bytes() -> None:
    rows = [SplitRow(id=number, hash=bytes([number]), stratum="a", split="") for number in range(20)]
    assert Counter(assign(rows).values()) == {"train": 16, "validation": 2, "test": 2}
