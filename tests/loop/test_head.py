"""The head is logistic regression: as scikit-learn's, whatever it starts from."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from desktop_llm.loop import folds
from desktop_llm.loop import head as heads
from tests.loop.blobs import blobs, one_hot


@pytest.mark.parametrize("strength", [0.3, 30.0])
def test_one_of_many_is_the_regression_of_scikit_learn(strength: float) -> None:
    """Same penalty, same loss, so the same probabilities."""
    x, of = blobs(400, 5)
    theirs = LogisticRegression(C=strength, tol=1e-8, max_iter=5000).fit(x, of).predict_proba(x)
    ours = heads.fit(x, one_hot(of, 5), strength=strength, enough=1e-10, rounds=2000).probabilities(x)
    assert np.abs(ours - theirs).max() < 0.003


def test_several_of_many_is_one_regression_a_class() -> None:
    """Classes do not know each other."""
    x, of = blobs(300, 3)
    targets = one_hot(of, 3)
    targets[:, 2] = (x[:, 0] > 0).astype(np.float32)
    theirs = OneVsRestClassifier(LogisticRegression(C=1.0, tol=1e-8, max_iter=5000)).fit(x, targets).predict_proba(x)
    ours = heads.fit(x, targets, many=True, strength=1.0, enough=1e-10, rounds=2000).probabilities(x)
    assert np.abs(ours - theirs).max() < 0.003


def test_a_refit_from_the_last_weights_ends_at_the_same_place() -> None:
    """Only sooner."""
    x, of = blobs(500, 4)
    targets = one_hot(of, 4)
    before = heads.fit(x[:400], targets[:400], enough=1e-9)
    cold = heads.fit(x, targets, enough=1e-9, rounds=1000)
    warm = heads.fit(x, targets, enough=1e-9, rounds=1000, start=before.weights)
    assert np.abs(cold.probabilities(x) - warm.probabilities(x)).max() < 0.01


def test_many_rows_begin_with_some_of_them() -> None:
    """And end where a fit of all would."""
    x, of = blobs(heads.SAMPLED + 100, 3)
    targets = one_hot(of, 3)
    theirs = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(x, of).predict_proba(x)
    made = heads.fit(x, targets, strength=1.0, enough=1e-10, rounds=2000).probabilities(x)
    assert np.abs(made - theirs).max() < 0.01


def test_folds_hold_out_every_row_once_and_spread_the_classes() -> None:
    """A class of ten rows has two in each of five folds."""
    targets = one_hot(np.repeat([0, 1, 2], [10, 10, 5]), 3)
    held = folds.parts(targets)
    assert sorted(np.bincount(held)) == [5, 5, 5, 5, 5]
    for column in range(3):
        counts = np.bincount(held[targets[:, column] > 0], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_out_of_fold_rows_are_judged_by_heads_that_have_not_seen_them() -> None:
    """Random labels can be learned by heart, but not guessed."""
    source = np.random.default_rng(0)
    x, of = source.normal(size=(120, 60)).astype(np.float32), source.integers(0, 2, 120)
    seen = heads.fit(x, one_hot(of, 2)).probabilities(x).argmax(axis=1) == of
    unseen = folds.out_of_fold(x, one_hot(of, 2)).argmax(axis=1) == of
    assert seen.mean() > 0.95
    assert unseen.mean() < 0.65
