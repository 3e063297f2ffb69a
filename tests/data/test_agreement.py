"""Our figures of agreement are those of scikit-learn and of the krippendorff package."""

from __future__ import annotations

import random
from collections.abc import Hashable, Mapping

import krippendorff
import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from desktop_llm.data import agreement

NAMES = ("Ann", "Ben", "Cem", "Dan")
LABELS = ("yes", "no", "perhaps")


def _drawn(source: random.Random, share: float) -> list[Mapping[str, Hashable]]:
    """Rows whose labelers often agree; some rated no more than once."""
    rows: list[Mapping[str, Hashable]] = []
    for _ in range(60):
        truth = source.choice(LABELS)
        rows.append(
            {
                name: truth if source.random() < 0.6 else source.choice(LABELS)
                for name in NAMES
                if source.random() < share
            }
        )
    return rows


@pytest.mark.parametrize("seed", range(20))
def test_alpha_is_that_of_the_krippendorff_package(seed: int) -> None:
    rows = _drawn(random.Random(seed), 0.7)
    table = [[LABELS.index(str(row[name])) if name in row else np.nan for row in rows] for name in NAMES]
    told = krippendorff.alpha(reliability_data=np.array(table), level_of_measurement="nominal")
    assert agreement.krippendorff_alpha(rows) == pytest.approx(told)


@pytest.mark.parametrize("seed", range(20))
def test_cohens_kappa_is_that_of_scikit_learn(seed: int) -> None:
    rows = _drawn(random.Random(seed), 0.8)
    told = agreement.agreement(rows)
    for (one, other), (kappa, count) in told.cohen.items():
        both = [row for row in rows if one in row and other in row]
        assert count == len(both)
        expected = cohen_kappa_score([str(row[one]) for row in both], [str(row[other]) for row in both])
        assert kappa == pytest.approx(expected)
    assert len(told.cohen) == 6


def test_fleiss_kappa_of_the_worked_example() -> None:
    # Fleiss 1971, as worked in the literature: 14 raters, 10 subjects, 5 categories
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    rows = []
    for line in table:
        ratings = [category for category, count in enumerate(line) for _ in range(count)]
        rows.append({f"rater {place}": category for place, category in enumerate(ratings)})
    assert agreement.fleiss_kappa(rows) == pytest.approx(0.210, abs=0.0005)
    assert agreement.percent(rows) == pytest.approx(0.378, abs=0.0005)


def test_what_is_not_defined_is_none() -> None:
    nothing = agreement.agreement([{"Ann": "yes"}, {}])
    assert (nothing.rows, nothing.percent, nothing.fleiss, nothing.alpha) == (0, None, None, None)
    same = agreement.agreement([{"Ann": "yes", "Ben": "yes"}])
    assert same.percent == 1.0
    assert same.cohen == {("Ann", "Ben"): (None, 1)}
    assert (same.fleiss, same.alpha) == (None, None)
