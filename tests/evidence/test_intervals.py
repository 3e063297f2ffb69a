"""Intervals cover what they promise to, runs that differ by chance alone are not told apart, and better ones are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap

from desktop_llm.errors import Cancelled
from desktop_llm.evidence import paired
from desktop_llm.evidence.intervals import intervals, wilson
from desktop_llm.evidence.tally import Tally, of_rows, share
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks import TASKS

CLASSES = ("a", "b", "c")


def _mean(values: np.ndarray) -> Tally:
    """Rows whose figure is the mean of what they are worth."""
    counts = np.stack([np.ones(len(values)), values], axis=1)
    return of_rows(counts, lambda sums: {"mean": share(sums[:, 1], sums[:, 0])}, right=None, good=values)


def _classified(truth: np.ndarray, told: np.ndarray) -> Tally:
    open_tally = TASKS["text_classification"].open_tally
    assert open_tally is not None
    answers = [Prediction(label=CLASSES[one], probability=0.9, uncertainty=0.1) for one in told]
    return open_tally()([CLASSES[one] for one in truth], answers, CLASSES)


def _answers(source: np.random.Generator, truth: np.ndarray, accuracy: float) -> np.ndarray:
    wrong = source.random(len(truth)) >= accuracy
    told: np.ndarray = np.where(wrong, (truth + source.integers(1, len(CLASSES), len(truth))) % len(CLASSES), truth)
    return told


def test_intervals_are_those_of_scipy() -> None:
    values = np.random.default_rng(3).exponential(size=80)
    told = intervals(_mean(values), draws=9000)["mean"]
    theirs = bootstrap((values,), np.mean, method="BCa", n_resamples=9000, rng=np.random.default_rng(5))
    assert told.value == pytest.approx(values.mean())
    assert told.low == pytest.approx(theirs.confidence_interval.low, abs=0.02)
    assert told.high == pytest.approx(theirs.confidence_interval.high, abs=0.02)
    symmetric = told.value - told.low, told.high - told.value
    assert symmetric[1] > 1.1 * symmetric[0], "a skewed mean has a skewed interval"


def test_of_a_hundred_intervals_some_ninety_five_hold_the_truth() -> None:
    source = np.random.default_rng(11)
    weights = np.array([0.6, 0.3, 0.1])
    population = source.choice(len(CLASSES), 200_000, p=weights)
    real = _classified(population, _answers(source, population, 0.85)).values()
    caught = {name: 0 for name in ("accuracy", "macro_f1")}
    trials = 300
    for _ in range(trials):
        truth = source.choice(len(CLASSES), 300, p=weights)
        told = intervals(_classified(truth, _answers(source, truth, 0.85)), draws=600)
        for name in caught:
            caught[name] += told[name].low <= real[name] <= told[name].high
    for name, count in caught.items():
        assert 0.91 <= count / trials <= 0.985, (name, count / trials)


def test_the_same_rows_have_the_same_intervals() -> None:
    values = np.random.default_rng(3).random(50)
    assert intervals(_mean(values)) == intervals(_mean(values))
    assert intervals(_mean(values), seed=2) != intervals(_mean(values))


def test_some_of_the_rows_are_measured_as_if_they_were_all() -> None:
    source = np.random.default_rng(2)
    truth = source.integers(0, 3, 400)
    told = _answers(source, truth, 0.8)
    mask = source.random(400) < 0.3
    here = intervals(_classified(truth, told), mask)
    alone = intervals(_classified(truth[mask], told[mask]))
    for name, one in here.items():
        assert one.value == pytest.approx(alone[name].value)
        assert one.low == pytest.approx(alone[name].low, abs=0.02)


def test_rows_that_are_all_right_are_not_certain() -> None:
    truth = np.arange(12) % 3
    told = intervals(_classified(truth, truth))
    assert told["accuracy"].value == 1.0
    assert told["accuracy"].low == pytest.approx(wilson(12, 12)[0])
    assert 0.7 < told["macro_f1"].low < 0.8


@pytest.mark.parametrize(("part", "whole"), [(0, 10), (3, 10), (97, 100), (40, 40)])
def test_limits_of_shares_are_those_of_wilson(part: int, whole: int) -> None:
    theirs = binomtest(part, whole).proportion_ci(method="wilson")
    assert wilson(part, whole) == pytest.approx((theirs.low, theirs.high))


def test_no_rows_have_no_figures_and_a_stop_is_heard() -> None:
    tally = _classified(np.arange(9) % 3, np.zeros(9, dtype=int))
    assert intervals(tally, np.zeros(9, dtype=bool)) == {}
    with pytest.raises(Cancelled):
        intervals(tally, should_stop=lambda: True)


def test_runs_that_differ_by_chance_alone_are_not_told_apart() -> None:
    source = np.random.default_rng(21)
    apart = {"bootstrap": 0, "mcnemar": 0}
    trials = 200
    for _ in range(trials):
        truth = source.integers(0, 3, 600)
        here, there = (_classified(truth, _answers(source, truth, 0.9)) for _ in range(2))
        told = paired.compare(here, there, draws=500)
        apart["bootstrap"] += told.figures["accuracy"].excludes_nought
        apart["mcnemar"] += told.chance < 0.05
    for name, count in apart.items():
        assert count / trials <= 0.085, (name, count / trials)


def test_four_rows_of_twelve_are_no_proof() -> None:
    truth = np.arange(12) % 3
    better, worse = truth.copy(), truth.copy()
    worse[:4] = (worse[:4] + 1) % 3
    told = paired.compare(_classified(truth, better), _classified(truth, worse))
    assert told.chance == pytest.approx(0.125)
    one = told.figures["accuracy"]
    assert (one.low, one.excludes_nought) == (0.0, False), "what McNemar calls chance no interval calls a difference"
    worse[:6] = (truth[:6] + 1) % 3
    assert paired.compare(_classified(truth, better), _classified(truth, worse)).figures["accuracy"].excludes_nought


def test_three_points_are_found() -> None:
    source = np.random.default_rng(22)
    found, trials = 0, 40
    for _ in range(trials):
        truth = source.integers(0, 3, 3000)
        before = _answers(source, truth, 0.90)
        # the better run has what the other one has right, and three points of the rest
        mended = (before != truth) & (source.random(len(truth)) < 0.4)
        spoilt = (before == truth) & (source.random(len(truth)) < 0.011)
        after = np.where(mended, truth, np.where(spoilt, (truth + 1) % 3, before))
        told = paired.compare(_classified(truth, after), _classified(truth, before), draws=500)
        found += told.figures["accuracy"].low > 0
        found += told.chance < 0.05
    assert found == 2 * trials


def test_rows_behind_a_difference() -> None:
    truth = np.array([0, 1, 2, 0, 1, 2])
    here, there = np.array([0, 1, 2, 1, 1, 0]), np.array([0, 2, 2, 0, 0, 0])
    told = paired.compare(_classified(truth, here), _classified(truth, there))
    assert told.better.tolist() == [1, 4]
    assert told.worse.tolist() == [3]
    assert told.both_wrong.tolist() == [5]
    assert told.chance == binomtest(2, 3).pvalue == 1.0
    assert told.figures["accuracy"].value == pytest.approx(1 / 6)


def test_mcnemar_is_the_binomial_test() -> None:
    assert paired.mcnemar(0, 0) == 1.0
    assert paired.mcnemar(3, 15) == pytest.approx(2 * sum(math.comb(18, k) for k in range(4)) / 2**18)


def test_measurements_of_other_rows_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same rows"):
        paired.compare(_mean(np.ones(3)), _mean(np.ones(4)))
