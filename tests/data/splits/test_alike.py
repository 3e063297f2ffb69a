"""Rows that are all alike: dealt out as `assign` deals one stratum, in arrays."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from desktop_llm.data.splits import Alike, SplitRow, assign


def _rows(count: int, given: dict[int, str]) -> list[SplitRow]:
    return [
        SplitRow(id=at, hash=hashlib.sha256(str(at).encode()).hexdigest(), stratum="texts", split=given.get(at, ""))
        for at in range(3, 3 + 2 * count, 2)
    ]


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize(
    ("count", "given", "shares"),
    [
        (200, {}, (0.1, 0.1)),
        (200, {}, (0.3, 0.0)),
        (1, {}, (0.1, 0.1)),
        (3, {}, (0.4, 0.4)),
        (50, {at: "train" for at in range(3, 43, 2)} | {45: "validation"}, (0.1, 0.1)),
        (200, {3: "train", 5: "validation", 7: "test"}, (0.2, 0.1)),
    ],
)
def test_they_are_dealt_out_as_one_stratum(
    count: int, given: dict[int, str], shares: tuple[float, float], seed: int
) -> None:
    rows = _rows(count, given)
    alike = Alike(seed)
    for row in rows:
        alike.add(row.id, str(row.hash), row.split)
    every, new = alike.deal(validation=shares[0], test=shares[1])
    assert dict(new) == assign(rows, validation=shares[0], test=shares[1], seed=seed)
    assert dict(every) == {row.id: row.split or new[row.id] for row in rows}
    assert every.counts() == Counter(every.values())
    assert len(every) == count
    assert every.get(4) is None
    assert every.get(10**9) is None


def test_no_rows_have_no_splits() -> None:
    every, new = Alike(0).deal(validation=0.1, test=0.1)
    assert (dict(every), dict(new), every.counts()) == ({}, {}, Counter())
