"""Splits that each row, or each group, carries in itself: its hash under the seed is a number, and a number a side.

No other row has a say. So the split of a row is the same in any project, in any order, whatever else there is; the
fractions are met on the average only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from desktop_llm.data.splits.row import TEST, TRAIN, VALIDATION, SplitRow, place


def split_at_random(
    rows: Iterable[SplitRow], *, validation: float = 0.1, test: float = 0.1, seed: int = 0
) -> dict[int, str]:
    """A split for every row that has none, by the hash of its content."""
    return {row.id: _side(row.hash, validation, test, seed) for row in rows if not row.split}


def split_by_group(
    rows: Iterable[SplitRow], *, validation: float = 0.1, test: float = 0.1, seed: int = 0
) -> dict[int, str]:
    """A split for every row that has none, by the hash of its group: a group is on one side as a whole.

    Rows of a group that has a split already (the one most of its rows have) join it. A row without a group stands
    alone. The fractions are those of groups, not of rows.
    """
    given: dict[str, Counter[str]] = defaultdict(Counter)
    new: list[SplitRow] = []
    for row in rows:
        if not row.split:
            new.append(row)
        elif row.group:
            given[row.group][row.split] += 1
    # Of splits that are equally usual train comes first: a held-out row must not have its like in train.
    usual = {group: _usual(counts) for group, counts in given.items()}
    return {row.id: usual[row.group] if row.group in usual else _side(_key(row), validation, test, seed) for row in new}


def _key(row: SplitRow) -> str | bytes:
    return f"group {row.group}" if row.group else row.hash


def _side(content: str | bytes, validation: float, test: float, seed: int) -> str:
    share = int.from_bytes(place(content, seed)[:8], "big") / 2**64
    if share < test:
        return TEST
    return VALIDATION if share < test + validation else TRAIN


def _usual(counts: Counter[str]) -> str:
    return max(sorted(counts), key=lambda side: (counts[side], side == TRAIN))
