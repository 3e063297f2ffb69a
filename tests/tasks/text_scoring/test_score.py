"""The figures of levels against scikit-learn and SciPy."""

from __future__ import annotations

import random

import pytest

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.tasks.text_scoring.labels import RULES
from desktop_llm.tasks.text_scoring.score import score

LEVELS = ["bad", "fair", "good", "great"]


def _answers(told: list[str]) -> list[Prediction]:
    return [Prediction(label=label, probability=0.5, uncertainty=0.5) for label in told]


def test_figures_are_those_of_the_libraries() -> None:
    from scipy.stats import spearmanr
    from sklearn.metrics import cohen_kappa_score

    source = random.Random(5)
    for _ in range(20):
        true, told = ([source.randrange(4) for _ in range(30)] for _ in range(2))
        found = score([LEVELS[one] for one in true], _answers([LEVELS[one] for one in told]), LEVELS).metrics
        off = [abs(one - other) for one, other in zip(true, told, strict=True)]
        assert found["mae"] == pytest.approx(sum(off) / 30)
        assert found["quadratic_kappa"] == pytest.approx(cohen_kappa_score(true, told, weights="quadratic"))
        assert found["spearman"] == pytest.approx(spearmanr(true, told).statistic)
        assert found["accuracy"] == pytest.approx(off.count(0) / 30)
        assert found["within_one"] == pytest.approx(sum(one <= 1 for one in off) / 30)


@pytest.mark.filterwarnings("error")
def test_what_does_not_vary_has_figures() -> None:
    right = score(["fair"] * 3, _answers(["fair"] * 3), LEVELS).metrics
    assert (right["quadratic_kappa"], right["spearman"], right["mae"]) == (1.0, 1.0, 0.0)
    wrong = score(["fair"] * 3, _answers(["great"] * 3), LEVELS).metrics
    assert (wrong["quadratic_kappa"], wrong["spearman"], wrong["mae"]) == (0.0, 0.0, 2.0)


def test_where_a_level_is_answered_too_high() -> None:
    details = score(["fair", "fair", "bad"], _answers(["great", "fair", "bad"]), LEVELS).details
    fair = details["per_level"][1]
    assert (fair["support"], fair["right"], fair["mae"], fair["bias"], fair["within_one"]) == (2, 0.5, 1.0, 1.0, 0.5)
    assert sorted(details["confusion"]) == [[0, 0, 1], [1, 1, 1], [1, 3, 1]]


@pytest.mark.parametrize(
    ("cell", "named"), [("4.0", "4"), (4.0, "4"), (4, "4"), ("4.5", "4.5"), ("v1.0", "v1.0"), ([5], "5"), ("", None)]
)
def test_numbers_of_tables_with_gaps(cell: object, named: object) -> None:
    assert RULES.parse(cell) == named
