"""Hold rows out for validation and test, evenly over the strata and repeatably.

A row that comes with a split keeps it. Rows without one are spread so that each split comes near its fraction of
them (largest remainder over the strata) and every stratum keeps at least one row to train on. Which rows of a
stratum are held out follows from the hashes of their contents alone, not from their order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

from desktop_llm.data.splits.row import TEST, TRAIN, VALIDATION, SplitRow, place


def assign(rows: Iterable[SplitRow], *, validation: float = 0.1, test: float = 0.1, seed: int = 0) -> dict[int, str]:
    """A split for every row that has none: `{id: 'train' | 'validation' | 'test'}`.

    `validation` and `test` are the fractions wanted. A split that rows already have gets no more of them, unless
    an earlier hold-out has become less than half of what is wanted because the project has grown.
    """
    strata: dict[str, list[SplitRow]] = defaultdict(list)
    given: Counter[str] = Counter()
    trained: set[str] = set()
    for row in rows:
        if row.split:
            given[row.split] += 1
            if row.split == TRAIN:
                trained.add(row.stratum)
        else:
            strata[row.stratum].append(row)
    if not strata:
        return {}
    free = {name: len(members) - (name not in trained) for name, members in strata.items()}
    sizes = {name: len(members) for name, members in strata.items()}
    order = _order(seed)
    held: dict[str, Counter[str]] = {name: Counter() for name in strata}
    for split, fraction in ((VALIDATION, validation), (TEST, test)):
        share = wanted(split, fraction, sum(sizes.values()), given)
        for name, count in _spread(share, sizes, free, held, order).items():
            held[name][split] = count
            free[name] -= count
    return _handed_out(strata, held, order)


def _order(seed: int) -> Callable[[str | bytes], bytes]:
    """A sorting key that depends on the content and the seed alone."""
    return lambda content: place(content, seed)


def wanted(split: str, fraction: float, new: int, given: Mapping[str, int]) -> int:
    """How many of the `new` rows to hold out, beside those that are `given` to each split."""
    if fraction <= 0:
        return 0
    there = given.get(split, 0)
    if there:
        total = new + sum(given.values())
        # Rows of a file come with few splits or all; rows of an earlier hold-out always come with train.
        outgrown = given.get(TRAIN, 0) and there < fraction * total / 2
        return min(round(fraction * total) - there, round(fraction * new * 2)) if outgrown else 0
    # Without one validation row nothing could be measured while training.
    return max(round(fraction * new), 1 if split == VALIDATION else 0)


def _spread(
    wanted: int,
    sizes: Mapping[str, int],
    free: Mapping[str, int],
    held: Mapping[str, Counter[str]],
    order: Callable[[str | bytes], bytes],
) -> dict[str, int]:
    """`wanted` rows over the strata: whole parts first, the rest by the largest remainder."""
    total = sum(sizes.values())
    quota = {name: wanted * size / total for name, size in sizes.items()}
    counts = {name: min(int(quota[name]), free[name]) for name in sizes}
    left = wanted - sum(counts.values())

    def claim(name: str) -> tuple[float, int, bytes]:
        # Among equal claims, a stratum that gave no row to the other hold-out comes first.
        return counts[name] - quota[name], sum(held[name].values()), order(name)

    while left > 0:
        able = sorted((name for name in sizes if counts[name] < free[name]), key=claim)
        if not able:
            break
        for name in able[:left]:
            counts[name] += 1
        left -= min(left, len(able))
    return counts


def _handed_out(
    strata: Mapping[str, list[SplitRow]],
    held: Mapping[str, Counter[str]],
    order: Callable[[str | bytes], bytes],
) -> dict[int, str]:
    """The held-out counts as rows: in the order of the hashes validation, then test, then train."""
    splits: dict[int, str] = {}
    for name, members in strata.items():
        first = held[name][VALIDATION]
        second = first + held[name][TEST]
        ordered = sorted(members, key=lambda row: (order(row.hash), row.id))
        for at, row in enumerate(ordered):
            splits[row.id] = VALIDATION if at < first else TEST if at < second else TRAIN
    return splits
