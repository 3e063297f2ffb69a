"""A limit on the chance of one label for each slice, so that every slice finds the same share of the rows that have it.

That is equal opportunity (Hardt, Price and Srebro 2016, “Equality of Opportunity in Supervised Learning”,
arXiv:1610.02413), by limits alone: no answer is drawn by lot, so shares are alike as far as the chances of the rows
allow. The share is the one that the model finds among all rows as it is. What limits do is measured on rows that have
not chosen them: each half of the rows at the limits that the other half has chosen, and that for some ways to halve
them. How far slices lie apart is told of each half by itself: where a slice finds too much in one half, it finds too
little in the other for the same reason, so in both together slices would look more alike than they are on any new rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from desktop_llm.evidence import intervals as bootstrap
from desktop_llm.evidence import tally
from desktop_llm.evidence.intervals import Interval
from desktop_llm.evidence.slices import FEWEST

SHUFFLES = 20_000
SPLITS = 5
MOST_CELLS = 1_000_000
"""Rows times slices: with more, rows are halved in fewer ways; they decide less then."""
GAIN = "gain"


class Change(NamedTuple):
    """A share as the model is, and with limits; NaN where nothing is known."""

    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A slice: how many of its rows have the label, its limit (NaN: it keeps the model's own answers), the share of
    these rows that is `found`, and the share of its other rows that is `wrongly` told to have it.

    `tries` are the shares found with limits, one a half of the rows and a way to halve them.
    """

    name: str
    there: int
    limit: float
    found: Change
    tries: tuple[float, ...]
    wrongly: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Levelled:
    """What limits do, the slice with most rows of the label first.

    `goal` is the share that all slices are to find, `apart` the largest less the smallest share of slices with enough
    rows, the mean of all halves, `gain` by how much less that is (with its interval), `chance` how often slices
    would be as unlike before by chance; `precision` and `f1` are the label's, over all rows.
    """

    sides: tuple[Side, ...]
    goal: float
    apart: Change
    gain: Interval
    chance: float
    precision: Change
    f1: Change

    @property
    def unlike(self) -> bool:
        """Whether slices are told unlike by more than chance."""
        return self.chance <= 1 - bootstrap.LEVEL

    @property
    def helps(self) -> bool:
        """Whether limits bring unlike slices nearer to each other by more than chance."""
        return self.unlike and self.gain.sure and self.gain.low > 0


def limit_for(chance: np.ndarray, share: float) -> float:
    """The limit that finds as near to `share` as can be of rows that have the label, by their chances float [n].

    A row is found from the limit on. Of two limits that are as near the one that finds more; it lies midway between
    the chances it divides.
    """
    falling = np.sort(np.asarray(chance, dtype=np.float64))[::-1]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    off = np.abs(np.append(0, last + 1) / len(falling) - share)
    kept = int(np.flatnonzero(off <= off.min() + 1e-12)[-1])
    if kept == len(last):
        return float(falling[-1])
    below = float(falling[0] if kept == 0 else falling[last[kept - 1] + 1])
    above = 1.0 if kept == 0 else float(falling[last[kept - 1]])
    return max((above + below) / 2, float(np.nextafter(below, 2.0)))


def levelled(
    chance: np.ndarray,
    true: np.ndarray,
    said: np.ndarray,
    groups: Sequence[str],
    *,
    among: int = 1,
    fewest: int = FEWEST,
    seed: int = bootstrap.SEED,
    should_stop: Callable[[], bool] = lambda: False,
) -> Levelled:
    """From the chance of the label, float [n], whether rows have it, and are told to now, bool [n], and their slices.

    Slices with fewer than `fewest` rows that have it keep what the model says. `among` how many labels this one was
    chosen for being told unlike: the more there are, the more unlike one is by chance (Bonferroni). Raises Cancelled.
    """
    names, place = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    there = np.bincount(place[true], minlength=len(names))
    wide = there >= fewest
    splits = max(1, min(SPLITS, MOST_CELLS // max(1, len(true) * len(names))))
    halves = [_halves(place, true, seed + one) for one in range(splits)]
    tried = [_tried(chance, true, said, place, wide, one) for one in halves]
    found, wrongly = (
        np.mean([_rates(rows, said, after, place, len(names)) for after in tried], axis=0) for rows in (true, ~true)
    )
    each = np.stack(
        [
            _rates(true & (one == half), said, after, place, len(names))
            for one, after in zip(halves, tried, strict=True)
            for half in (0, 1)
        ]
    )
    limits = _limits(chance, true, said, place, wide)
    hits = np.bincount(place[true & said], minlength=len(names))
    return Levelled(
        sides=tuple(
            Side(
                name=str(names[one]),
                there=int(there[one]),
                limit=float(limits[one]),
                found=Change(*found[:, one].tolist()),
                tries=tuple(each[:, 1, one].tolist()),
                wrongly=Change(*wrongly[:, one].tolist()),
            )
            for one in np.lexsort((names, -there))
        ),
        goal=_share(said, true),
        apart=Change(*_spread(each[:, :, wide]).mean(axis=0).tolist()),
        gain=_gain(true, said, (halves, tried), place, wide, should_stop),
        chance=min(1.0, among * chance_of_spread(hits[wide], there[wide], seed=seed)),
        precision=Change(_share(true, said), float(np.mean([_share(true, one) for one in tried]))),
        f1=Change(_f1(true, said), float(np.mean([_f1(true, one) for one in tried]))),
    )


def chance_of_spread(
    found: np.ndarray, there: np.ndarray, *, draws: int = SHUFFLES, seed: int = bootstrap.SEED
) -> float:
    """How often shares of `there` rows, int [slices], lie as far apart as `found` where it falls to rows by chance.

    A permutation test: the rows found, put into slices at random, are as many in each as of balls drawn from an urn.
    """
    if len(there) < 2:
        return 1.0
    drawn = np.random.default_rng(seed).multivariate_hypergeometric(there, int(found.sum()), draws, method="marginals")
    seen = float(np.ptp(found / there))
    return float(((np.ptp(drawn / there, axis=1) >= seen - 1e-12).sum() + 1) / (draws + 1))


def _limits(chance: np.ndarray, true: np.ndarray, said: np.ndarray, place: np.ndarray, wide: np.ndarray) -> np.ndarray:
    """Of each slice; NaN for those that are not wide."""
    goal, told = _share(said, true), np.full(len(wide), np.nan)
    for one in np.flatnonzero(wide):
        told[one] = limit_for(chance[true & (place == one)], goal)
    return told


def _tried(
    chance: np.ndarray, true: np.ndarray, said: np.ndarray, place: np.ndarray, wide: np.ndarray, halves: np.ndarray
) -> np.ndarray:
    """Which rows are told to have the label, each half at the limits that the other has chosen; bool [rows]."""
    told = said.copy()
    for half in (0, 1):
        mine, others = halves == half, halves != half
        limits = _limits(chance[others], true[others], said[others], place[others], wide)[place[mine]]
        told[mine] = np.where(np.isnan(limits), said[mine], chance[mine] >= limits)
    return told


def _halves(place: np.ndarray, true: np.ndarray, seed: int) -> np.ndarray:
    """0 or 1 for each row: of each slice, half of the rows that have the label, and half of the others."""
    mixed = np.random.default_rng(seed).permutation(len(place))
    order = mixed[np.argsort((2 * place + true)[mixed], kind="stable")]
    told = np.empty(len(place), dtype=np.int64)
    told[order] = np.arange(len(place)) % 2
    return told


def _rates(of: np.ndarray, said: np.ndarray, after: np.ndarray, place: np.ndarray, count: int) -> np.ndarray:
    """The share of some rows that is told to have the label, before and after, float64 [2, slices]."""
    whole = np.bincount(place[of], minlength=count)
    parts = np.stack([np.bincount(place[of & one], minlength=count) for one in (said, after)])
    return tally.share(parts, np.broadcast_to(whole, parts.shape), float("nan"))


def _spread(rates: np.ndarray) -> np.ndarray:
    """The largest less the smallest of the last axis; NaN where there are not two."""
    if rates.shape[-1] < 2:
        return np.full(rates.shape[:-1], np.nan)
    high, low = np.where(np.isnan(rates), -np.inf, rates).max(axis=-1), np.where(np.isnan(rates), np.inf, rates)
    told: np.ndarray = high - low.min(axis=-1)
    return told


def _gain(
    true: np.ndarray,
    said: np.ndarray,
    tries: tuple[Sequence[np.ndarray], Sequence[np.ndarray]],
    place: np.ndarray,
    wide: np.ndarray,
    should_stop: Callable[[], bool],
) -> Interval:
    """By how much less the shares found lie apart, by the bootstrap over the rows that have the label.

    `tries` are the ways to halve the rows, and what is told of them then.
    """
    rows, kept = np.flatnonzero(true & wide[place]), np.flatnonzero(wide)
    if len(kept) < 2:
        return Interval(value=float("nan"), low=float("nan"), high=float("nan"))
    half = np.stack([one[rows] for one in tries[0]], axis=1)[:, :, None] == (0, 1)
    cells = half[..., None] & (place[rows, None] == kept)[:, None, None]
    later = np.stack([one[rows] for one in tries[1]], axis=1)[:, :, None, None]
    parts = np.stack([cells, cells & said[rows, None, None, None], cells & later], axis=1)

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        told = sums.reshape(len(sums), *parts.shape[1:])
        before, after = (_spread(tally.share(told[:, one], told[:, 0], float("nan"))) for one in (1, 2))
        return {GAIN: (before - after).mean(axis=(1, 2))}

    told = tally.of_rows(parts.reshape(len(rows), -1), figures, right=None, good=np.zeros(len(rows)))
    return bootstrap.intervals(told, bounded=False, should_stop=should_stop)[GAIN]


def _share(part: np.ndarray, of: np.ndarray) -> float:
    return float(part[of].mean()) if of.any() else 0.0


def _f1(true: np.ndarray, told: np.ndarray) -> float:
    both = int(true.sum()) + int(told.sum())
    return 2 * int((true & told).sum()) / both if both else 0.0
