"""How a model fares on parts of the rows, and how unlike these parts are treated.

Demographic parity difference: the largest less the smallest share of a slice that is told to have a label. Equalised
odds difference: the larger of the same for hits (of rows that have the label) and for false alarms (of those that have
it not); Agarwal et al. 2018, “A Reductions Approach to Fair Classification”, and fairlearn, whose figures these are
label by label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from desktop_llm.errors import Cancelled
from desktop_llm.evidence import intervals as bootstrap
from desktop_llm.evidence.intervals import Interval
from desktop_llm.evidence.tally import Tally

SHUFFLES, FEWEST_SHUFFLES = 400, 40
MOST_NUMBERS = 40_000_000
FEWEST = 10
"""A slice with fewer rows is shown, and is never called the worst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some rows by their places: figures with intervals, and how the `rest` of the rows does at the main figure.

    `gap` is the main figure less that of the rest; its interval is the wider, the more slices there are (Bonferroni),
    as among many the worst looks bad by chance alone. It reaches to nought where Fisher's exact test of the shares of
    right rows, at the same level, calls them chance.
    """

    name: str
    rows: np.ndarray
    figures: Mapping[str, Interval]
    rest: float
    gap: Interval

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How unlike slices are treated with one label; NaN where too few rows say anything.

    `parity` and `odds` are the differences; `hits` and `alarms` what the latter is the larger one of.
    """

    label: str
    parity: float
    odds: float
    hits: float
    alarms: float


def measured(
    tally: Tally,
    groups: Sequence[str],
    main: str,
    *,
    draws: int = bootstrap.DRAWS,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Slice, ...]:
    """Each group of rows, `groups` naming that of each row, by itself; the largest first. Raises Cancelled."""
    names = np.asarray(groups, dtype=object)
    told = []
    different = sorted(set(groups))
    level = 1 - (1 - bootstrap.LEVEL) / max(1, len(different))
    for name in different:
        mine = names == name
        rows, rest = np.flatnonzero(mine), np.flatnonzero(~mine)
        figures = bootstrap.intervals(tally, rows, draws=draws, should_stop=should_stop)
        others, gap = float("nan"), Interval(value=float("nan"), low=float("nan"), high=float("nan"))
        if len(rest):
            others = tally.values(rest).get(main, float("nan"))
            apart = against_rest(tally, mine, main)
            gap = bootstrap.intervals(apart, level=level, draws=draws, bounded=False, should_stop=should_stop)[main]
            if main in tally.shares(rows) and _fisher(tally, rows, rest) >= 1 - level:
                gap = gap.reaching_nought()
        told.append(Slice(name=name, rows=rows, figures=figures, rest=others, gap=gap))
    return tuple(sorted(told, key=lambda one: (-len(one), one.name)))


def _fisher(tally: Tally, rows: np.ndarray, rest: np.ndarray) -> float:
    """The chance of right answers being divided at least as unevenly (exact, two-sided; Fisher 1922)."""
    from scipy.stats import fisher_exact

    if tally.right is None:
        return float("nan")
    counts = [(int(tally.right[part].sum()), int((~tally.right[part]).sum())) for part in (rows, rest)]
    return float(fisher_exact(counts).pvalue)


def against_rest(tally: Tally, mine: np.ndarray, main: str) -> Tally:
    """A tally whose one figure is `main` of the rows of a mask less that of all others."""
    kinds = len(tally.patterns)
    nothing = np.zeros_like(tally.patterns)
    patterns = np.block([[tally.patterns, nothing], [nothing, tally.patterns]])
    width = tally.patterns.shape[1]

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        return {main: tally.figures(sums[:, :width])[main] - tally.figures(sums[:, width:])[main]}

    return Tally(
        patterns=patterns, of=tally.of + np.where(mine, 0, kinds), figures=figures, right=None, good=tally.good
    )


def worst(slices: Sequence[Slice], main: str, *, higher_is_better: bool, least: int = 2) -> Slice | None:
    """The slice with the worst main figure, among those with FEWEST rows at least; None where these are not `least`."""
    fit = [one for one in slices if len(one) >= FEWEST and np.isfinite(one.figures[main].value)]
    if len(fit) < least:
        return None
    return min(fit, key=lambda one: one.figures[main].value if higher_is_better else -one.figures[main].value)


def gaps(
    true: np.ndarray, told: np.ndarray, groups: Sequence[str], labels: Sequence[str], fewest: int = FEWEST
) -> tuple[Gap, ...]:
    """For each label, whether rows have it and are told to, bool [rows, labels].

    A rate that is made of fewer than `fewest` rows is left out; with 0 all are taken, and one without rows is 0, as in
    fairlearn.
    """
    names, counts = np.unique(np.asarray(groups, dtype=str), return_counts=True)
    if (counts >= fewest).sum() < 2:
        return ()
    place = np.searchsorted(names, np.asarray(groups, dtype=str))
    parity, hits, alarms = _spans(true, told, place, len(names), fewest)
    odds = np.fmax(hits, alarms)
    return tuple(
        Gap(label=label, parity=float(a), odds=float(b), hits=float(c), alarms=float(d))
        for label, a, b, c, d in zip(labels, parity, odds, hits, alarms, strict=True)
    )


def chance_of_gaps(
    true: np.ndarray,
    told: np.ndarray,
    groups: Sequence[str],
    *,
    fewest: int = FEWEST,
    draws: int = SHUFFLES,
    seed: int = bootstrap.SEED,
    should_stop: Callable[[], bool] = lambda: False,
) -> float:
    """How often the largest difference of equalised odds is as large where rows are put into groups at random.

    A permutation test over all labels at once: of many labels one always looks unlike. Raises Cancelled.
    """
    names, place = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    draws = max(FEWEST_SHUFFLES, min(draws, MOST_NUMBERS // max(1, true.size)))

    def largest(mine: np.ndarray) -> float:
        _, hits, alarms = _spans(true, told, mine, len(names), fewest)
        both = np.fmax(hits, alarms)
        return float(np.nanmax(both)) if np.isfinite(both).any() else 0.0

    source, seen, as_large = np.random.default_rng(seed), largest(place), 0
    for _ in range(draws):
        if should_stop():
            raise Cancelled
        as_large += largest(source.permutation(place)) >= seen - 1e-12
    return (as_large + 1) / (draws + 1)


def balance(groups: Sequence[str], labels: Sequence[Sequence[str]]) -> tuple[list[str], list[str], np.ndarray]:
    """How many rows of each group have each label: the names of both, and int64 [groups, labels]."""
    rows, columns = sorted(set(groups)), sorted({name for one in labels for name in one})
    place = {name: at for at, name in enumerate(rows)}
    column = {name: at for at, name in enumerate(columns)}
    counts = np.zeros((len(rows), len(columns)), dtype=np.int64)
    for group, names in zip(groups, labels, strict=True):
        for name in names:
            counts[place[group], column[name]] += 1
    return rows, columns, counts


def weights(keys: Sequence[str], groups: Sequence[str]) -> np.ndarray:
    """What each row weighs so that label and group look independent (reweighing; Kamiran and Calders 2012).

    Expected over seen: rows of the group × rows of the label ÷ (rows × rows of both); float64 [rows], on average 1.
    `keys` tell the label of each row.
    """
    _, label = np.unique(np.asarray(keys, dtype=str), return_inverse=True)
    _, group = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    _, both, seen = np.unique(label * (group.max(initial=0) + 1) + group, return_inverse=True, return_counts=True)
    expected = np.bincount(label)[label] * np.bincount(group)[group] / max(1, len(keys))
    told: np.ndarray = expected / seen[both]
    return told


def _spans(
    true: np.ndarray, told: np.ndarray, place: np.ndarray, count: int, fewest: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each label, the largest less the smallest rate of a group: of being told, of hits, of false alarms."""
    member = np.eye(count)[:, place]
    rows, there, said = member.sum(axis=1)[:, None], member @ true, member @ told
    hits = member @ (true & told)
    return (
        _span(said, np.broadcast_to(rows, said.shape), fewest),
        _span(hits, there, fewest),
        _span(said - hits, rows - there, fewest),
    )


def _span(part: np.ndarray, whole: np.ndarray, fewest: int) -> np.ndarray:
    """Over groups, as far as these have enough rows; NaN where fewer than two of them have."""
    rate = part / np.maximum(1, whole)
    enough = whole >= fewest
    high = np.where(enough, rate, -np.inf).max(axis=0)
    low = np.where(enough, rate, np.inf).min(axis=0)
    told: np.ndarray = np.where(enough.sum(axis=0) >= 2, high - low, np.nan)
    return told
