"""Curves, calibration and folded seeds against scikit-learn and SciPy, on random rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    log_loss,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from desktop_llm.evidence import calibration as calibrating
from desktop_llm.evidence import curves, seeds


def _scored(count: int = 400, seed: int = 1, digits: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Chances with ties, and whether it is so."""
    source = np.random.default_rng(seed)
    chance = source.random(count).round(digits)
    return chance, source.random(count) < chance**2


def test_curves_and_areas_are_those_of_scikit_learn() -> None:
    chance, true = _scored()
    told = curves.curves(chance, true)
    precision, recall, limits = precision_recall_curve(true, chance)
    assert told.limits[::-1] == pytest.approx(limits)
    assert told.precision[::-1] == pytest.approx(precision[:-1])
    assert told.recall[::-1] == pytest.approx(recall[:-1])
    alarms, hits, _ = roc_curve(true, chance, drop_intermediate=False)
    assert told.alarms == pytest.approx(alarms[1:])
    assert told.recall == pytest.approx(hits[1:])
    assert told.area == pytest.approx(roc_auc_score(true, chance))
    assert told.average == pytest.approx(average_precision_score(true, chance))
    assert told.rows == true.sum()


def test_the_best_limit_has_the_best_f1() -> None:
    chance, true = _scored(seed=5)
    told = curves.best(curves.curves(chance, true))
    assert told.f1 == pytest.approx(f1_score(true, chance >= told.limit))
    assert told.f1 == pytest.approx(max(f1_score(true, chance >= one) for one in np.unique(chance)))
    here = curves.at(curves.curves(chance, true), 0.5)
    assert here.f1 == pytest.approx(f1_score(true, chance >= 0.5))
    assert curves.at(curves.curves(chance, true), 2.0).recall == 0.0


@pytest.mark.parametrize("there", [True, False])
def test_a_label_that_always_or_never_occurs_has_no_area(there: bool) -> None:
    told = curves.curves(np.array([0.1, 0.9]), np.array([there, there]))
    assert np.isnan(told.area)
    assert np.isnan(told.average) != there


def test_bins_are_those_of_scikit_learn() -> None:
    chance, true = _scored(seed=8, digits=9)
    bins = calibrating.reliability(chance, true, 10)
    right, sure = calibration_curve(true, chance, n_bins=10)
    assert [one.right for one in bins] == pytest.approx(right)
    assert [one.sure for one in bins] == pytest.approx(sure)
    assert sorted(np.concatenate([one.rows for one in bins])) == list(range(len(chance)))
    by_hand = sum(len(one.rows) * abs(true[one.rows].mean() - chance[one.rows].mean()) for one in bins) / len(chance)
    assert calibrating.error(bins)[0] == pytest.approx(by_hand)
    assert all(one.least <= one.right <= one.most for one in bins)


def test_the_sureness_on_a_border_belongs_below_it() -> None:
    bins = calibrating.reliability(np.array([0.0, 0.5, 1.0]), np.array([False, True, True]), 2)
    assert [one.rows.tolist() for one in bins] == [[0, 1], [2]]


@pytest.mark.parametrize("heat", [0.4, 2.5])
def test_a_temperature_undoes_a_temperature(heat: float) -> None:
    source = np.random.default_rng(4)
    logits = source.normal(size=(3000, 5)) * 2
    chances = calibrating.chances(logits)
    truth = np.array([source.choice(5, p=one) for one in chances])
    told = calibrating.temperature(logits * heat, truth)
    assert told == pytest.approx(heat, rel=0.1)
    losses = [log_loss(truth, calibrating.chances(logits * heat, one)) for one in (told, told * 1.05, told / 1.05)]
    assert losses[0] == min(losses)
    spoilt = calibrating.chances(logits * heat)
    whole = calibrating.calibration(spoilt.max(axis=1), spoilt.argmax(axis=1) == truth, logits * heat, truth)
    assert whole.temperature == pytest.approx(told)
    assert whole.after < 0.04 < whole.error


def test_a_class_that_the_model_does_not_know_chooses_no_temperature() -> None:
    logits = np.random.default_rng(1).normal(size=(100, 3))
    truth = np.where(np.arange(100) < 70, logits.argmax(axis=1), -1)
    sure = calibrating.chances(logits).max(axis=1)
    told = calibrating.calibration(sure, truth >= 0, logits, truth)
    assert np.isfinite(told.temperature)
    few = calibrating.calibration(sure[:20], truth[:20] >= 0, logits[:20], truth[:20])
    assert np.isnan(few.temperature)
    assert few.error > 0


def test_seeds_fold_into_their_mean() -> None:
    told = seeds.fold([0.9, 0.92, 0.91])
    low, high = t.interval(0.95, 2, loc=0.91, scale=0.01 / np.sqrt(3))
    assert [told.mean, told.deviation] == pytest.approx([0.91, 0.01])
    assert [told.low, told.high] == pytest.approx([low, high])
    assert np.isnan(seeds.fold([0.9]).deviation)


def test_curves_fold_into_a_band_as_far_as_all_of_them_go() -> None:
    steps, mean, least, most = seeds.band([[(10, 1.0), (20, 3.0), (30, 0.0)], [(10, 2.0), (20, 2.0)], []])
    assert steps.tolist() == [10, 20]
    assert mean.tolist() == [1.5, 2.5]
    assert (least.tolist(), most.tolist()) == ([1.0, 2.0], [2.0, 3.0])
    assert len(seeds.band([])[0]) == 0
