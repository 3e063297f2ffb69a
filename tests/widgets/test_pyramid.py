"""The pyramid: what is drawn at any zoom has the same extremes as all the points would have."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_llm.widgets.pyramid import Pyramid


def _filled(count: int, pieces: int, seed: int = 0) -> tuple[Pyramid, np.ndarray]:
    values = np.random.default_rng(seed).normal(size=count).cumsum()
    pyramid = Pyramid()
    cuts = np.sort(np.random.default_rng(seed + 1).integers(0, count, size=pieces - 1))
    for part in np.split(np.arange(count), cuts):
        pyramid.append(part.astype(float), values[part])
    return pyramid, values


@pytest.mark.parametrize(("count", "pieces"), [(10, 1), (1000, 7), (70_001, 50), (300_000, 900)])
@pytest.mark.parametrize("columns", [50, 800])
def test_extremes_are_those_of_all_points(count: int, pieces: int, columns: int) -> None:
    pyramid, values = _filled(count, pieces)
    assert len(pyramid) == count
    for left, right in ((0, count), (count * 0.2, count * 0.7), (count * 0.9, count)):
        x, y = pyramid.window(left, right, columns)
        first, last = int(np.ceil(left)), min(count, int(right) + 1)
        assert y.min() <= values[first:last].min()
        assert y.max() >= values[first:last].max()
        wide = slice(max(0, x.min().astype(int)), min(count, int(x.max()) + count // max(1, len(x)) * 4 + 3))
        assert y.min() >= values[wide].min()
        assert y.max() <= values[wide].max()
        assert len(x) == len(y) <= 4 * max(columns, 64) + 8
        assert (np.diff(x) >= 0).all()


def test_few_points_are_drawn_as_they_are() -> None:
    pyramid, values = _filled(100, 5)
    x, y = pyramid.window(-np.inf, np.inf, 500)
    np.testing.assert_array_equal(x, np.arange(100))
    np.testing.assert_array_equal(y, values)


def test_points_that_come_again_replace_what_was_there() -> None:
    pyramid = Pyramid()
    pyramid.append(np.arange(1.0, 1001.0), np.zeros(1000))
    pyramid.append(np.arange(501.0, 701.0), np.ones(200))
    x, y = pyramid.points()
    assert len(x) == 700
    assert y.sum() == 200
    _, drawn = pyramid.window(0, 470, 40)
    assert drawn.max() == 0


@pytest.mark.parametrize("cleared", [True, False])
def test_nothing_of_an_earlier_curve_is_drawn(cleared: bool) -> None:
    pyramid = Pyramid()
    pyramid.append(np.arange(1.0, 1001.0), np.full(1000, 7.0))
    if cleared:
        pyramid.clear()
    for step in range(1, 601):
        pyramid.append(np.array([float(step)]), np.array([1.0]))
    _, drawn = pyramid.window(-np.inf, np.inf, 40)
    assert drawn.max() == drawn.min() == 1.0
