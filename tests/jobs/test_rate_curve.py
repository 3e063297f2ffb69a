"""The learning-rate range test: where the loss falls fastest, and nothing where it does not fall."""

from __future__ import annotations

import math
import random

import pytest

from desktop_llm.jobs import rate_curve


def _curve(steepest: float, *, noise: float = 0.0, fall: float = 2.0) -> rate_curve.RateCurve:
    """A loss that falls as a sigmoid over powers of ten, steepest there, and explodes two powers later."""
    source = random.Random(1)
    rates = [1e-7 * 1e7 ** (place / 99) for place in range(100)]
    losses = []
    for rate in rates:
        far = math.log10(rate) - math.log10(steepest)
        loss = 3.0 - fall / (1 + math.exp(-4 * far)) + math.exp(4 * (far - 2)) + source.gauss(0, noise)
        losses.append(loss)
    return rate_curve.of(rates, losses)


@pytest.mark.parametrize("steepest", [1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_the_steepest_rate_is_found(steepest: float, noise: float) -> None:
    told = _curve(steepest, noise=noise)
    # a mean of what was is late by some steps, each of which is a seventh of a power of ten
    assert steepest / 2 <= told.suggested <= steepest * 8
    assert told.suggested < told.lowest
    assert f"{told.suggested:g}" in told.words


def test_a_loss_that_does_not_fall_suggests_nothing() -> None:
    for told in (
        _curve(1e-3, fall=0.0),
        rate_curve.of([1e-3, 1e-2], [1.0, 0.5]),
        rate_curve.of([], []),
        rate_curve.of([10.0**-place for place in range(7, 0, -1)] * 3, [1.0] * 21),
    ):
        assert told.suggested == 0.0
        assert told.words


def test_the_mean_is_of_what_was() -> None:
    assert rate_curve.smoothed([2.0, 2.0, 2.0]) == pytest.approx([2.0, 2.0, 2.0])
    assert rate_curve.smoothed([1.0, 3.0])[1] == pytest.approx((0.09 + 0.3) / 0.19)
