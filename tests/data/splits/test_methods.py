"""Every way to split: what it promises, and that adding rows never moves a row that has a split."""

from __future__ import annotations

from collections import Counter, defaultdict
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.data.splits import METHODS, Method, SplitRow, moment, split

NUMBERS = st.lists(st.integers(0, 500), unique=True, max_size=80)


def row(number: int, split: str = "") -> SplitRow:
    """A row whose group and time follow from its number; some have none."""
    digest = sha256(str(number).encode()).digest()
    return SplitRow(
        id=number,
        hash=digest,
        stratum=f"stratum {number % 3}",
        split=split,
        group=f"group {number % 40}" if number % 7 else "",
        time=float(digest[0]) if number % 11 else None,
    )


@pytest.mark.parametrize("method", METHODS)
@given(first=NUMBERS, second=NUMBERS)
def test_adding_rows_moves_none(method: Method, first: list[int], second: list[int]) -> None:
    before = split([row(number) for number in first], method, validation=0.2, test=0.2)
    assert before.keys() == set(first)
    kept = [row(number, before[number]) for number in first]
    new = [row(number) for number in second if number not in before]
    after = split([*new, *kept], method, validation=0.2, test=0.2)
    assert after.keys() == {one.id for one in new}


@pytest.mark.parametrize("method", ["random", "group"])
@given(first=NUMBERS, second=NUMBERS)
def test_a_row_is_where_it_is_whatever_else_there_is(method: Method, first: list[int], second: list[int]) -> None:
    alone = split([row(number) for number in first], method)
    together = split([row(number) for number in {*second, *first}], method)
    assert {number: together[number] for number in alone} == alone


@pytest.mark.parametrize("method", ["random", "group"])
def test_the_fractions_are_met_on_the_average(method: Method) -> None:
    rows = [SplitRow(id=at, hash=f"{at}", stratum="", split="", group=f"{at // 2}") for at in range(20_000)]
    counts = Counter(split(rows, method, validation=0.2, test=0.1).values())
    assert abs(counts["validation"] - 4000) < 300
    assert abs(counts["test"] - 2000) < 300
    assert split(rows, method, seed=1) != split(rows, method)


@given(first=NUMBERS, second=NUMBERS)
def test_a_group_is_on_one_side(first: list[int], second: list[int]) -> None:
    before = split([row(number) for number in first], "group", validation=0.3, test=0.3)
    after = split([*(row(number, before[number]) for number in first), *map(row, {*second} - {*first})], "group")
    sides: dict[str, set[str]] = defaultdict(set)
    for number, side in {**after, **before}.items():
        if row(number).group:
            sides[row(number).group].add(side)
    assert all(len(found) == 1 for found in sides.values())


def test_a_new_row_joins_its_group() -> None:
    given_rows = [SplitRow(id=at, hash=f"{at}", stratum="", split="test", group=f"{at}") for at in range(50)]
    new = [SplitRow(id=100 + at, hash=f"new {at}", stratum="", split="", group=f"{at}") for at in range(50)]
    assert set(split([*given_rows, *new], "group").values()) == {"test"}


@given(first=NUMBERS, second=NUMBERS)
def test_nothing_to_train_on_is_newer_than_what_is_held_out(first: list[int], second: list[int]) -> None:
    sides = split([row(number) for number in first], "time", validation=0.2, test=0.2)
    sides |= split([*(row(number, sides[number]) for number in first), *map(row, {*second} - {*first})], "time")
    times: dict[str, list[float]] = defaultdict(list)
    for number, side in sides.items():
        time = row(number).time
        if time is None:
            assert side == "train"
        else:
            times[side].append(time)
    order = [times[side] for side in ("train", "validation", "test") if times[side]]
    assert all(max(older) < min(newer) for older, newer in pairwise(order))


def test_by_time_the_fractions_are_met_where_times_differ() -> None:
    rows = [SplitRow(id=at, hash=f"{at}", stratum="", split="", time=float(at)) for at in range(100)]
    sides = split(rows, "time", validation=0.2, test=0.1)
    assert [at for at, side in sides.items() if side == "test"] == list(range(90, 100))
    assert [at for at, side in sides.items() if side == "validation"] == list(range(70, 90))
    known = [SplitRow(id=at, hash=f"{at}", stratum="", split=side, time=float(at)) for at, side in sides.items()]
    times = enumerate((5.5, 69.5, 75.0, 500.0), 200)
    later = split([*known, *(SplitRow(id=at, hash="", stratum="", split="", time=time) for at, time in times)], "time")
    assert later == {200: "train", 201: "train", 202: "validation", 203: "test"}


def test_as_the_file_says() -> None:
    rows = [row(1, "test"), row(2), row(3, "validation")]
    assert split(rows, "file") == {2: "train"}


def test_fractions_must_leave_something() -> None:
    with pytest.raises(ValueError, match="nothing to train on"):
        split([], "random", validation=0.5, test=0.5)


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("2024-01-15", 1705276800),
        ("2024-01-15T12:30:00Z", 1705321800),
        ("2024-01-15 13:30:00+01:00", 1705321800),
        ("2024/1/15", 1705276800),
        ("2024年1月15日", 1705276800),
        ("15.01.2024", 1705276800),
        ("15.1.2024 12:30", 1705321800),
        ("1705276800", 1705276800),
        (1705276800000, 1705276800),
        ("20240115", 1705276800),
        ("03/04/2024", None),
        ("2024-13-45", None),
        ("31.02.2024", None),
        ("", None),
        ("soon", None),
        (None, None),
        ("7", None),
    ],
)
def test_times_are_read_where_they_are_sure(cell: object, seconds: float | None) -> None:
    assert moment(cell) == seconds
