"""How far people who labeled the same rows agree: in percent, and beyond what chance would give.

Ratings are a mapping by labeler for each row; a row that one person alone rated tells nothing and is passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

Ratings = Mapping[str, Hashable]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Figures over all `rows` that two or more people rated. None where they are not defined.

    `percent` is the share of pairs of ratings of one row that are equal, 0…1. `cohen` is by pair of labelers, with
    the number of rows that both rated.
    """

    rows: int
    percent: float | None
    fleiss: float | None
    alpha: float | None
    cohen: Mapping[tuple[str, str], tuple[float | None, int]]


def agreement(rows: Iterable[Ratings]) -> Agreement:
    """All figures."""
    told = [one for one in rows if len(one) > 1]
    return Agreement(
        rows=len(told),
        percent=percent(told),
        fleiss=fleiss_kappa(told),
        alpha=krippendorff_alpha(told),
        cohen=_by_pair(told),
    )


def percent(rows: Sequence[Ratings]) -> float | None:
    """The share of equal pairs, each row's pairs weighing as much as another row's; None without any."""
    shares = [_equal(Counter(one.values())) for one in rows if len(one) > 1]
    return sum(shares) / len(shares) if shares else None


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Agreement of two labelers on the same rows (Cohen 1960): 1 all, 0 as by chance. None where chance gives all."""
    count = len(first)
    if not count:
        return None
    seen = sum(one == other for one, other in zip(first, second, strict=True)) / count
    ours, theirs = Counter(first), Counter(second)
    chance = sum(ours[one] * theirs[one] for one in ours) / count**2
    return None if chance == 1 else (seen - chance) / (1 - chance)


def fleiss_kappa(rows: Sequence[Ratings]) -> float | None:
    """Agreement of any number of labelers (Fleiss 1971), rows with different numbers of ratings allowed."""
    told = [Counter(one.values()) for one in rows if len(one) > 1]
    if not told:
        return None
    seen = sum(map(_equal, told)) / len(told)
    totals = sum(told, Counter[Hashable]())
    whole = totals.total()
    chance = sum((number / whole) ** 2 for number in totals.values())
    return None if chance == 1 else (seen - chance) / (1 - chance)


def krippendorff_alpha(rows: Sequence[Ratings]) -> float | None:
    """Krippendorff's alpha for nominal data: 1 − observed / expected disagreement (Krippendorff 2011)."""
    told = [Counter(one.values()) for one in rows if len(one) > 1]
    totals = sum(told, Counter[Hashable]())
    whole = totals.total()
    observed = sum(one.total() * (1 - _equal(one)) for one in told)
    expected = whole - sum(number * (number - 1) for number in totals.values()) / (whole - 1) if whole > 1 else 0.0
    return None if not expected else 1 - observed / expected


def _equal(counts: Counter[Hashable]) -> float:
    """The share of equal pairs among the ratings of one row."""
    number = counts.total()
    return sum(one * (one - 1) for one in counts.values()) / (number * (number - 1))


def _by_pair(rows: Sequence[Ratings]) -> dict[tuple[str, str], tuple[float | None, int]]:
    names = sorted({name for one in rows for name in one})
    told = {}
    for one, other in combinations(names, 2):
        both = [row for row in rows if one in row and other in row]
        if both:
            kappa = cohen_kappa([row[one] for row in both], [row[other] for row in both])
            told[one, other] = (kappa, len(both))
    return told
