"""Differences between slices are those of fairlearn, and the slice that was spoilt is the worst one."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

from desktop_llm.evidence import slices
from desktop_llm.evidence.slices import Slice
from desktop_llm.evidence.tally import Tally, cells, of_cells, share


def _accuracy(truth: np.ndarray, told: np.ndarray) -> Tally:
    pairs = cells(truth, told)
    patterns = np.stack([pairs[0] == pairs[1], np.ones(len(pairs[0]))], axis=1)
    return of_cells(pairs, patterns, lambda sums: {"accuracy": share(sums[:, 0], sums[:, 1])})


def test_differences_are_those_of_fairlearn() -> None:
    source = np.random.default_rng(3)
    groups = source.choice(["north", "south", "east"], 500).tolist()
    labels = ["a", "b", "c"]
    true, told = source.integers(0, 3, 500), source.integers(0, 3, 500)
    gaps = slices.gaps(np.eye(3, dtype=bool)[true], np.eye(3, dtype=bool)[told], groups, labels)
    assert [one.label for one in gaps] == labels
    for place, one in enumerate(gaps):
        sides = {"y_true": true == place, "y_pred": told == place, "sensitive_features": groups}
        assert one.parity == pytest.approx(demographic_parity_difference(**sides))
        assert one.odds == pytest.approx(equalized_odds_difference(**sides))
        assert one.odds == max(one.hits, one.alarms)


def test_a_group_without_a_label_counts_as_in_fairlearn() -> None:
    groups = ["n"] * 12 + ["s"] * 12
    true = np.array([True, False] * 6 + [False] * 12)
    told = np.array([True] * 12 + [True, False] * 6)
    (one,) = slices.gaps(true[:, None], told[:, None], groups, ["a"], 0)
    sides = {"y_true": true, "y_pred": told, "sensitive_features": groups}
    assert one.odds == pytest.approx(equalized_odds_difference(**sides))
    (careful,) = slices.gaps(true[:, None], told[:, None], groups, ["a"], 5)
    assert np.isnan(careful.hits), "nobody knows how often the south would be found"
    assert careful.odds == careful.alarms
    assert slices.gaps(true[:, None], told[:, None], ["n"] * 24, ["a"]) == ()


def test_of_many_labels_one_looks_unlike_by_chance() -> None:
    source, chances, found = np.random.default_rng(4), [], []
    for _ in range(30):
        groups = source.choice(["north", "south"], 600)
        true = np.eye(12, dtype=bool)[source.integers(0, 12, 600)]
        told = true & (source.random(true.shape) < 0.8)
        assert max(one.odds for one in slices.gaps(true, told, groups.tolist(), [str(one) for one in range(12)])) > 0.1
        chances.append(slices.chance_of_gaps(true, told, groups.tolist(), draws=49))
        biased = told & ~((groups == "south")[:, None] & (source.random(true.shape) < 0.5))
        found.append(slices.chance_of_gaps(true, biased, groups.tolist(), draws=49))
    assert np.mean(np.asarray(chances) <= 0.1) <= 0.2
    assert np.mean(np.asarray(found) <= 0.05) >= 0.9


def test_the_slice_that_was_spoilt_is_the_worst_one() -> None:
    source = np.random.default_rng(8)
    truth = source.integers(0, 2, 900)
    groups = source.choice(["phone", "mail", "chat"], 900).tolist()
    wrong = (source.random(900) < 0.08) | ((np.asarray(groups) == "chat") & (source.random(900) < 0.4))
    told = slices.measured(_accuracy(truth, np.where(wrong, 1 - truth, truth)), [*groups[:-1], "rare"], "accuracy")
    assert [one.name for one in told][-1] == "rare"
    assert sum(len(one) for one in told) == 900
    worst = slices.worst(told, "accuracy", higher_is_better=True)
    assert worst is not None
    assert worst.name == "chat"
    assert worst.gap.high < 0
    assert worst.gap.value == pytest.approx(worst.figures["accuracy"].value - worst.rest)
    for one in told:
        assert np.asarray(groups)[one.rows].tolist() == [one.name] * len(one) or one.name == "rare"


def test_ten_wrong_rows_may_be_chance() -> None:
    truth = np.zeros(110, dtype=int)
    groups = [*["rare"] * 10, *["n"] * 34, *["s"] * 33, *["e"] * 33]
    told = truth.copy()
    told[:10] = 1  # all wrong, and so are seven of ten of the others
    told[10:80] = 1
    found = {one.name: one for one in slices.measured(_accuracy(truth, told), groups, "accuracy")}
    assert found["rare"].figures["accuracy"].value == 0.0
    assert not found["rare"].gap.excludes_nought, "Fisher's exact test gives 0.06, without regard to four slices"
    told[20:80] = 0
    found = {one.name: one for one in slices.measured(_accuracy(truth, told), groups, "accuracy")}
    assert found["rare"].gap.high < 0


def test_one_slice_alone_is_not_the_worst() -> None:
    (one,) = slices.measured(_accuracy(np.zeros(20, int), np.zeros(20, int)), ["all"] * 20, "accuracy")
    assert isinstance(one, Slice)
    assert np.isnan(one.rest)
    assert not one.gap.excludes_nought
    assert slices.worst([one], "accuracy", higher_is_better=True) is None


def test_weights_make_label_and_group_independent() -> None:
    source = np.random.default_rng(2)
    groups = source.choice(["n", "s"], 400, p=[0.8, 0.2])
    labels = np.where(source.random(400) < np.where(groups == "n", 0.7, 0.2), "yes", "no")
    told = slices.weights(labels.tolist(), groups.tolist())
    assert told.sum() == pytest.approx(400)
    yes = [np.average(labels[groups == one] == "yes", weights=told[groups == one]) for one in ("n", "s")]
    assert yes == pytest.approx([(labels == "yes").mean()] * 2)


def test_balance_counts_labels_by_group() -> None:
    rows, columns, counts = slices.balance(["n", "s", "n"], [["a"], ["a", "b"], []])
    assert (rows, columns) == (["n", "s"], ["a", "b"])
    assert counts.tolist() == [[1, 0], [1, 1]]
