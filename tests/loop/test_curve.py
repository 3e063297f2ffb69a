"""The learning curve finds the law that made the points, and says how sure it is."""

from __future__ import annotations

import numpy as np

from desktop_llm.loop import curve
from tests.loop.blobs import blobs, one_hot


def test_the_law_behind_the_points_is_found() -> None:
    """Exactly, without noise."""
    sizes = np.array([50, 100, 200, 400, 800])
    rest, scale, rate = curve.fitted(sizes, 0.1 + 2.0 * sizes**-0.7, np.ones(5))
    assert abs(rest - 0.1) < 0.01
    assert abs(0.1 + 2.0 * 1600**-0.7 - (rest + scale * 1600**-rate)) < 0.002


def test_no_curve_falls_or_goes_below_nothing() -> None:
    """Errors that do not shrink stay as they are."""
    sizes = np.array([50, 100, 200])
    rest, scale, _ = curve.fitted(sizes, np.array([0.2, 0.2, 0.25]), np.ones(3))
    assert scale >= 0
    assert 0.19 < rest < 0.26


def test_what_was_foretold_comes_true() -> None:
    """On clouds that overlap: from 200 labels to 800, within the interval."""
    x, of = blobs(4000, 8, width=30, spread=2.2, seed=5)
    told = curve.advise(x[:200], one_hot(of[:200], 8), [str(one) for one in range(8)], 600)
    assert told is not None
    from desktop_llm.loop import head as heads

    truth = (heads.fit(x[:800], one_hot(of[:800], 8)).scores(x[800:]).argmax(axis=1) == of[800:]).mean()
    assert told.overall.low - 0.03 <= truth <= told.overall.high + 0.03
    assert told.overall.then > told.overall.now
    assert set(told.by_class) == {str(one) for one in range(8)}
    assert all(one.low <= one.then <= one.high for one in told.by_class.values())


def test_too_few_labels_have_no_curve() -> None:
    """A law through three points of five rows says nothing."""
    x, of = blobs(30, 2)
    assert curve.advise(x, one_hot(of, 2), ["a", "b"], 100) is None
