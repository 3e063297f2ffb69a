"""How sure a figure is: bootstrap intervals over the rows that were measured.

Rows are drawn with replacement, as many as there are, and every figure is computed anew (Efron 1979). The interval is
BCa, bias-corrected and accelerated (Efron 1987, “Better bootstrap confidence intervals”, JASA 82), whose acceleration
comes from leaving out each row once. Drawing patterns of rows by the multinomial is the same as drawing rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from desktop_llm.errors import Cancelled
from desktop_llm.evidence.tally import Tally

LEVEL = 0.95
DRAWS = 2000
MEASURED_DRAWS = 200
FEWEST_DRAWS = 400
MOST_NUMBERS = 40_000_000
"""Of drawn patterns: with more, fewer draws are made, not below FEWEST_DRAWS."""
AT_ONCE = 4_000_000
"""Numbers that are held at once."""
SEED = 20_260_101


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure and where it lies with the chance LEVEL; `low` and `high` are NaN where that cannot be told."""

    value: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        """Whether there is an interval at all."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def excludes_nought(self) -> bool:
        """Whether all of it lies on one side of 0."""
        return self.sure and (self.low > 0 or self.high < 0)

    def reaching_nought(self) -> Interval:
        """Of a difference that an exact test calls chance: with few rows the bootstrap is surer than it may be."""
        return Interval(value=self.value, low=min(self.low, 0.0), high=max(self.high, 0.0)) if self.sure else self


def intervals(
    tally: Tally,
    rows: np.ndarray | None = None,
    *,
    level: float = LEVEL,
    draws: int = DRAWS,
    seed: int = SEED,
    bounded: bool = True,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Interval]:
    """Each figure of all rows, or of a mask or places of them, with its interval. Raises Cancelled.

    Where every draw gives the same, as when all answers are right, the rows say nothing of how rare another outcome is
    by the bootstrap: a `bounded` figure, which lies in 0…1, then gets the limits of a share that is 0 or 1 of so many
    rows (Wilson 1927).
    """
    times = tally.times(rows)
    kept = np.flatnonzero(times)
    count = int(times.sum())
    if not count:
        return {}
    patterns, times = tally.patterns[kept], times[kept]
    value = _first(tally.figures(times[None].astype(np.float64) @ patterns))
    drawn = _drawn(tally, patterns, times, draws, seed, should_stop)
    left_out = tally.figures((times.astype(np.float64) @ patterns)[None] - patterns) if count > 1 else {}
    return {
        name: _interval(one, drawn[name], left_out.get(name), times, level, bounded=bounded)
        for name, one in value.items()
    }


def by_measuring(
    measured: Callable[[np.ndarray], Mapping[str, float]],
    count: int,
    *,
    level: float = LEVEL,
    draws: int = MEASURED_DRAWS,
    seed: int = SEED,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Interval]:
    """As `intervals`, for figures that are known of no tally: `measured` measures rows by their places. Slow.

    The limits are the quantiles of the draws. Raises Cancelled.
    """
    source, drawn = np.random.default_rng(seed), []
    for _ in range(draws):
        if should_stop():
            raise Cancelled
        drawn.append(measured(source.integers(0, count, count)))
    told = {}
    for name, value in measured(np.arange(count)).items():
        there = np.asarray([one[name] for one in drawn if name in one])
        low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2]) if len(there) else (math.nan, math.nan)
        told[name] = Interval(
            value=float(value), low=min(float(low), float(value)), high=max(float(high), float(value))
        )
    return told


def wilson(part: float, whole: float, level: float = LEVEL) -> tuple[float, float]:
    """The limits of a share of which `part` of `whole` were seen (Wilson 1927)."""
    if whole <= 0:
        return 0.0, 1.0
    z = _normal_quantile((1 + level) / 2)
    seen, squared = part / whole, z * z
    middle = (seen + squared / (2 * whole)) / (1 + squared / whole)
    half = z / (1 + squared / whole) * math.sqrt(seen * (1 - seen) / whole + squared / (4 * whole * whole))
    return max(0.0, middle - half), min(1.0, middle + half)


def _first(figures: Mapping[str, np.ndarray]) -> dict[str, float]:
    return {name: float(one[0]) for name, one in figures.items()}


def _drawn(
    tally: Tally, patterns: np.ndarray, times: np.ndarray, draws: int, seed: int, should_stop: Callable[[], bool]
) -> dict[str, np.ndarray]:
    """Each figure of every draw."""
    parts: dict[str, list[np.ndarray]] = {}
    for weights in _weights(times, draws, seed):
        if should_stop():
            raise Cancelled
        for name, one in tally.figures(weights @ patterns).items():
            parts.setdefault(name, []).append(one)
    return {name: np.concatenate(one) for name, one in parts.items()}


def _weights(times: np.ndarray, draws: int, seed: int) -> Iterator[np.ndarray]:
    """How often each pattern comes in some draws, float64 [some, kinds]."""
    source, count = np.random.default_rng(seed), int(times.sum())
    total = min(draws, max(min(draws, FEWEST_DRAWS), MOST_NUMBERS // len(times)))
    at_once = max(1, AT_ONCE // len(times))
    for start in range(0, total, at_once):
        yield source.multinomial(count, times / count, size=min(at_once, total - start)).astype(np.float64)


def _interval(
    value: float,
    drawn: np.ndarray,
    left_out: np.ndarray | None,
    times: np.ndarray,
    level: float,
    *,
    bounded: bool,
) -> Interval:
    drawn = drawn[np.isfinite(drawn)]
    if not math.isfinite(value) or not len(drawn):
        return Interval(value=value, low=math.nan, high=math.nan)
    if np.ptp(drawn) <= 1e-12 * max(1.0, abs(value)):
        return _without_spread(value, int(times.sum()), level, bounded=bounded)
    low, high = np.quantile(drawn, _where(value, drawn, left_out, times, level))
    return Interval(value=value, low=min(float(low), value), high=max(float(high), value))


def _without_spread(value: float, count: int, level: float, *, bounded: bool) -> Interval:
    if bounded and value in (0.0, 1.0):
        low, high = wilson(value * count, count, level)
        return Interval(value=value, low=low, high=high)
    return Interval(value=value, low=math.nan, high=math.nan)


def _where(
    value: float, drawn: np.ndarray, left_out: np.ndarray | None, times: np.ndarray, level: float
) -> tuple[float, float]:
    """At which parts of the sorted draws the limits are."""
    below = ((drawn < value).sum() + (drawn == value).sum() / 2) / len(drawn)
    below = min(max(below, 1 / (len(drawn) + 1)), 1 - 1 / (len(drawn) + 1))
    bias, speed = _normal_quantile(below), _acceleration(left_out, times)
    told = []
    for side in ((1 - level) / 2, (1 + level) / 2):
        far = bias + _normal_quantile(side)
        told.append(_normal_share(bias + far / max(1e-9, 1 - speed * far)))
    return told[0], told[1]


def _acceleration(left_out: np.ndarray | None, times: np.ndarray) -> float:
    if left_out is None:
        return 0.0
    there = np.isfinite(left_out)
    if not there.any():
        return 0.0
    weights, values = times[there].astype(np.float64), left_out[there]
    off = np.average(values, weights=weights) - values
    spread = float((weights * off**2).sum())
    return float((weights * off**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0


def _normal_quantile(share: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(share))


def _normal_share(value: float) -> float:
    from scipy.special import ndtr

    return float(ndtr(value))
