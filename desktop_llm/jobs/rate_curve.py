"""A learning-rate range test (Smith 2015): the loss while the rate grows step by step, and what it suggests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SMOOTHING = 0.9
"""Of the mean loss that each step keeps, corrected for its start as Adam does."""
LEAST_FALL = 0.02
"""A loss that has not fallen by this share of itself tells nothing."""
STEEP_SHARE = 0.05
"""The first steps, where a mean is of few losses, are passed over."""
WINDOW = 2
"""Steps on each side by which the slope is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCurve:
    """`losses` and their mean so far, `smooth`, at each of the growing `rates`.

    `steepest` is the rate at which the mean falls fastest, `lowest` that of its lowest point; both 0.0 where it has not
    fallen.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smooth: tuple[float, ...]
    steepest: float = 0.0
    lowest: float = 0.0

    @property
    def suggested(self) -> float:
        """To two digits; 0.0 where nothing can be said."""
        return float(f"{self.steepest:.2g}") if self.steepest else 0.0

    @property
    def words(self) -> str:
        """What it says, in a sentence or two."""
        if not self.rates:
            return "No step could be made."
        if not self.suggested:
            return f"The loss has not fallen at any rate up to {self.rates[-1]:.1g}; nothing can be suggested."
        return (
            f"The loss falls fastest at a learning rate of {self.suggested:g}: a good one to begin with. From "
            f"{self.lowest:.1g} on it falls no more, so stay well below that."
        )


def of(rates: Sequence[float], losses: Sequence[float]) -> RateCurve:
    """The curve of these steps, and what it suggests."""
    smooth = smoothed(losses)
    empty = RateCurve(rates=tuple(rates), losses=tuple(losses), smooth=tuple(smooth))
    if len(smooth) <= 2 * WINDOW + 1:
        return empty
    bottom = min(range(len(smooth)), key=lambda place: smooth[place])
    start = max(WINDOW, math.ceil(STEEP_SHARE * len(smooth)))
    top = max(smooth[: bottom + 1])
    if bottom <= start or top - smooth[bottom] < LEAST_FALL * abs(top):
        return empty
    places = range(start, min(bottom, len(smooth) - 1 - WINDOW) + 1)
    steepest = min(places, key=lambda place: _slope(rates, smooth, place))
    return RateCurve(
        rates=tuple(rates),
        losses=tuple(losses),
        smooth=tuple(smooth),
        steepest=rates[steepest],
        lowest=rates[bottom],
    )


def smoothed(losses: Sequence[float]) -> list[float]:
    """The mean of the losses so far, later ones counting more."""
    told, mean = [], 0.0
    for count, loss in enumerate(losses, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        told.append(mean / (1 - SMOOTHING**count))
    return told


def _slope(rates: Sequence[float], smooth: Sequence[float], place: int) -> float:
    """By how much the mean rises from one power of ten to the next."""
    before, after = place - WINDOW, place + WINDOW
    return (smooth[after] - smooth[before]) / (math.log10(rates[after]) - math.log10(rates[before]))
