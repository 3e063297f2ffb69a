"""Flipped labels come first."""

from __future__ import annotations

import numpy as np

from desktop_llm.loop import folds, mistakes
from tests.loop.blobs import blobs, one_hot


def test_flipped_labels_stand_at_the_front() -> None:
    """With the label that they should have."""
    x, of = blobs(500, 5, spread=0.3)
    flipped = np.arange(0, 500, 20)
    given = of.copy()
    given[flipped] = (given[flipped] + 1) % 5
    found = mistakes.doubted(folds.out_of_fold(x, one_hot(given, 5)), one_hot(given, 5))
    assert np.isin(found.order[:25], flipped).mean() > 0.9
    assert 20 <= found.likely <= 40
    assert (found.instead[flipped] == of[flipped]).mean() > 0.9


def test_the_threshold_is_each_class_own_mean() -> None:
    """The worked example: what is sure for an unsure class counts, what is not for a sure one does not."""
    given = np.array([0, 0, 1, 1, 1])
    held = np.array([[0.9, 0.1], [0.3, 0.7], [0.1, 0.9], [0.2, 0.8], [0.62, 0.38]], dtype=np.float32)
    # thresholds: (0.9 + 0.3) / 2 = 0.6 and (0.9 + 0.8 + 0.38) / 3 = 0.69
    assert mistakes.contradicted(held, given).tolist() == [False, True, False, False, True]


def test_a_class_that_a_row_lacks_or_has_too_much() -> None:
    """With several labels a row, the most doubtful class decides."""
    x, _ = blobs(400, 4, seed=3)
    targets = np.stack([x[:, 0] > 0, x[:, 1] > 0], axis=1).astype(np.float32)
    clear = np.flatnonzero(np.abs(x[:, :2]).min(axis=1) > 0.7)[:10]
    targets[clear[:5], 0] = 1 - targets[clear[:5], 0]
    targets[clear[5:], 1] = 1 - targets[clear[5:], 1]
    found = mistakes.doubted(folds.out_of_fold(x, targets, many=True), targets, many=True)
    assert np.isin(clear, found.order[:15]).mean() >= 0.9
    assert found.instead[clear[:5]].tolist() == [0] * 5
