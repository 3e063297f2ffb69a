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

from desktop_llm.evidence import intervals as bootstrap
from desktop_llm.evidence.intervals import Interval
from desktop_llm.evidence.tally import Tally

FEWEST = 10
"""A slice with fewer rows is shown, and is never called the worst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some rows by their places: figures with intervals, and how the `rest` of the rows does at the main figure.

    `gap` is the main figure less that of the rest; its interval is the wider, the more slices there are (Bonferroni),
    as among many the worst looks bad by chance alone.
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
    """How unlike slices are treated with one label; NaN where nothing can be said.

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
        told.append(Slice(name=name, rows=rows, figures=figures, rest=others, gap=gap))
    return tuple(sorted(told, key=lambda one: (-len(one), one.name)))


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


def worst(slices: Sequence[Slice], main: str, *, higher_is_better: bool) -> Slice | None:
    """The slice with the worst main figure, among those with FEWEST rows at least."""
    fit = [one for one in slices if len(one) >= FEWEST and np.isfinite(one.figures[main].value)]
    if len(fit) < 2:
        return None
    return min(fit, key=lambda one: one.figures[main].value if higher_is_better else -one.figures[main].value)


def gaps(
    true: np.ndarray, told: np.ndarray, groups: Sequence[str], labels: Sequence[str], fewest: int = FEWEST
) -> tuple[Gap, ...]:
    """For each label, whether rows have it and are told to, bool [rows, labels]; groups below `fewest` are left out.

    A rate that a group has no rows for is 0, as in fairlearn.
    """
    names, counts = np.unique(np.asarray(groups, dtype=str), return_counts=True)
    kept = [np.asarray(groups, dtype=str) == name for name, count in zip(names, counts, strict=True) if count >= fewest]
    if len(kept) < 2:
        return ()
    said = np.stack([told[mine].mean(axis=0) for mine in kept])
    hits = np.stack([_rate(told[mine], true[mine]) for mine in kept])
    alarms = np.stack([_rate(told[mine], ~true[mine]) for mine in kept])
    spans = [np.ptp(one, axis=0) for one in (said, hits, alarms)]
    return tuple(
        Gap(
            label=label,
            parity=float(spans[0][place]),
            odds=float(max(spans[1][place], spans[2][place])),
            hits=float(spans[1][place]),
            alarms=float(spans[2][place]),
        )
        for place, label in enumerate(labels)
    )


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


def _rate(told: np.ndarray, of: np.ndarray) -> np.ndarray:
    count = of.sum(axis=0)
    rate: np.ndarray = np.where(count > 0, (told & of).sum(axis=0) / np.maximum(1, count), 0.0)
    return rate
