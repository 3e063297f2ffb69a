"""Limits by slice are those that fairlearn mixes, bring a planted slice to the others on rows that did not choose them,
and are not said to help where slices are alike.
"""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.linear_model import LinearRegression

from desktop_llm.evidence import opportunity
from desktop_llm.evidence.slices import FEWEST

GROUPS = ("chat", "mail", "phone")


def _rows(
    source: np.random.Generator, count: int, shift: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Chances, truth, what is told at one half, and slices; the chances of one slice's rows are lower by `shift`."""
    groups = source.choice(GROUPS, count)
    true = source.random(count) < 0.4
    logit = source.normal(np.where(true, 1.0, -1.5), 1.2) - shift * (groups == "chat")
    chance = 1 / (1 + np.exp(-logit))
    return chance, true, chance >= 0.5, groups.tolist()


def test_a_limit_is_the_best_of_all_there_are() -> None:
    source = np.random.default_rng(1)
    for _ in range(200):
        chance = np.round(source.random(int(source.integers(1, 12))), 1)
        share = float(source.random())
        limit = opportunity.limit_for(chance, share)
        every = [float((chance >= one).mean()) for one in (*chance, 0.0, 1.1)]
        best = min(abs(one - share) for one in every)
        assert abs(float((chance >= limit).mean()) - share) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("top", [1.0, float(np.nextafter(1.0, 0.0)), 0.25])
def test_a_limit_that_nothing_may_reach_is_above_all(top: float) -> None:
    assert not (np.full(3, top) >= opportunity.limit_for(np.full(3, top), 0.0)).any()
    assert opportunity.limit_for(np.full(3, top), 1.0) == top


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_limits_are_between_those_that_fairlearn_mixes() -> None:
    chance, true, _, groups = _rows(np.random.default_rng(2), 900, 1.0)
    mixed = ThresholdOptimizer(
        estimator=LinearRegression().fit(chance[:, None], chance),  # says what it is given
        constraints="true_positive_rate_parity",
        objective="accuracy_score",
        predict_method="predict",
        prefit=True,
    )
    mixed.fit(chance[:, None], true.astype(int), sensitive_features=groups)
    told = mixed.interpolated_thresholder_.interpolation_dict
    names = np.asarray(groups)

    def found(name: str, limit: float) -> float:
        return float((chance[true & (names == name)] >= limit).mean())

    goals = []
    for name in GROUPS:
        one = told[name]
        ends = [found(name, one[f"operation{place}"].threshold) for place in (0, 1)]
        goals.append(one["p0"] * ends[0] + one["p1"] * ends[1])
    assert goals == pytest.approx([goals[0]] * 3, abs=1e-6), "fairlearn finds the same share everywhere"
    for name in GROUPS:
        mine = chance[true & (names == name)]
        assert found(name, opportunity.limit_for(mine, goals[0])) == pytest.approx(goals[0], abs=0.5 / len(mine) + 1e-6)


def test_a_planted_slice_finds_as_much_as_the_others() -> None:
    source = np.random.default_rng(3)
    told = opportunity.levelled(*_rows(source, 1500, 1.5))
    assert {one.name for one in told.sides} == set(GROUPS)
    chat = next(one for one in told.sides if one.name == "chat")
    assert chat.found.before < 0.5
    assert abs(chat.found.after - told.goal) < 0.1
    assert chat.limit < min(one.limit for one in told.sides if one.name != "chat")
    assert chat.wrongly.after > chat.wrongly.before, "what it costs is told, too"
    assert told.apart.before > 0.3
    assert told.apart.after < 0.12
    assert told.helps
    # on rows that came later, at the limits that all of these chose
    chance, true, said, groups = _rows(source, 60_000, 1.5)
    limits = {one.name: one.limit for one in told.sides}
    later = chance >= np.asarray([limits[one] for one in groups])
    for answers, wanted in ((said, told.apart.before), (later, told.apart.after)):
        shares = [answers[true & (np.asarray(groups) == one)].mean() for one in GROUPS]
        assert np.ptp(shares) == pytest.approx(wanted, abs=0.08)
    assert told.gain.value == pytest.approx(told.apart.before - told.apart.after)
    for one in told.sides:
        assert len(one.tries) == 10
        assert one.found.after == pytest.approx(np.mean(one.tries), abs=0.01)
    assert told.precision.after == pytest.approx((true & later).sum() / later.sum(), abs=0.03)
    assert told.f1.after == pytest.approx(2 * (true & later).sum() / (true.sum() + later.sum()), abs=0.03)


def test_slices_are_not_called_more_alike_than_they_will_be() -> None:
    """Where chances say nothing and rows are few, limits of these very rows would find the goal to the row."""
    source, told_apart, later_apart = np.random.default_rng(4), [], []
    for _ in range(20):
        groups, true = np.repeat(["a", "b"], 40), np.ones(80, dtype=bool)
        chance = source.random(80)
        told = opportunity.levelled(chance, true, chance >= 0.5, groups.tolist())
        assert [(chance[groups == one.name] >= one.limit).mean() for one in told.sides] == pytest.approx(
            [told.goal] * 2, abs=0.02
        )
        told_apart.append(told.apart.after)
        # of even chances from 0 to 1 a limit finds all above it
        later_apart.append(np.ptp([one.limit for one in told.sides]))
    assert np.mean(told_apart) >= np.mean(later_apart)


def test_alike_slices_are_not_said_to_be_helped() -> None:
    source, helped, planted = np.random.default_rng(5), 0, 0
    for _ in range(24):
        # of twelve labels the one that looks most unlike
        told = max((_rows(source, 400) for _ in range(12)), key=_apart)
        helped += opportunity.levelled(*told, among=12).helps
    for _ in range(10):
        planted += opportunity.levelled(*_rows(source, 900, 1.5), among=12).helps
    assert helped <= 2
    assert planted >= 9


def _apart(rows: tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]) -> float:
    _, true, said, groups = rows
    return float(np.ptp([said[true & (np.asarray(groups) == one)].mean() for one in GROUPS]))


def test_the_chance_of_a_spread_is_that_of_shuffled_rows() -> None:
    source = np.random.default_rng(6)
    place, found = np.repeat([0, 1, 2], [15, 25, 40]), source.random(80) < 0.6
    there = np.bincount(place)
    hits = np.bincount(place[found], minlength=3)
    seen, drawn = np.ptp(hits / there), []
    for _ in range(4000):
        mixed = source.permutation(place)
        drawn.append(np.ptp(np.bincount(mixed[found], minlength=3) / there))
    assert opportunity.chance_of_spread(hits, there) == pytest.approx(
        np.mean(np.asarray(drawn) >= seen - 1e-12), abs=0.03
    )


def test_slices_with_few_rows_of_the_label_keep_the_models_answers() -> None:
    chance, true, said, groups = _rows(np.random.default_rng(7), 300, 1.5)
    few = [*groups[:280], *["rare"] * 20]
    told = opportunity.levelled(chance, true, said, few)
    rare = told.sides[-1]
    assert (rare.name, np.isnan(rare.limit)) == ("rare", True)
    assert rare.there < FEWEST
    assert rare.found.before == rare.found.after
    assert rare.wrongly.before == rare.wrongly.after
    assert not np.isnan([one.limit for one in told.sides[:-1]]).any()


def test_one_slice_alone_has_nothing_to_be_levelled_with() -> None:
    chance, true, said, _ = _rows(np.random.default_rng(8), 100)
    told = opportunity.levelled(chance, true, said, ["all"] * 100)
    assert np.isnan(told.apart).all()
    assert told.chance == 1.0
    assert not told.helps


def test_a_label_that_no_row_has() -> None:
    told = opportunity.levelled(np.full(30, 0.2), np.zeros(30, bool), np.zeros(30, bool), ["a"] * 15 + ["b"] * 15)
    assert [one.there for one in told.sides] == [0, 0]
    assert np.isnan(told.sides[0].found).all()
    assert told.sides[0].wrongly == (0.0, 0.0)
    assert not told.helps
