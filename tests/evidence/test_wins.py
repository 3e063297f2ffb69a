"""Win rates and where the true one lies."""

from __future__ import annotations

import pytest

from desktop_llm.evidence.wins import Wins


@pytest.mark.parametrize(
    ("wins", "rate", "low", "high"),
    [
        # by statsmodels' proportion_confint(method="wilson")
        (Wins(first=8, second=2), 0.8, 0.490162, 0.943318),
        (Wins(first=0, second=5), 0.0, 0.0, 0.434482),
        (Wins(first=60, second=30, ties=10), 0.65, 0.552543, 0.736354),
    ],
)
def test_the_interval_is_wilsons(wins: Wins, rate: float, low: float, high: float) -> None:
    assert wins.rate == pytest.approx(rate)
    assert wins.interval() == pytest.approx((low, high), abs=1e-5)
    turned = wins.turned
    assert turned.rate == pytest.approx(1 - rate)
    assert turned.interval() == pytest.approx((1 - high, 1 - low), abs=1e-5)


def test_nothing_is_known_before_the_first_verdict() -> None:
    assert Wins().judged == 0
    assert Wins().interval() == (0.0, 1.0)
