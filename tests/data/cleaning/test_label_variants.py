"""Label variants: proposals for what is probably one label, and none for what is not."""

from __future__ import annotations

import pytest

from desktop_llm.data.cleaning.label_variants import Merger, variants


def test_spellings_of_one_label() -> None:
    counts = {"refund": 40, "Refund ": 3, "re-fund": 1, "RE FUND": 1, "card lost": 10, "card_lost": 12}
    assert variants(counts) == (
        Merger(keep="refund", others=("RE FUND", "Refund ", "re-fund"), kind="spelling"),
        Merger(keep="card_lost", others=("card lost",), kind="spelling"),
    )


def test_a_rare_typing_mistake() -> None:
    assert variants({"complaint": 100, "complant": 2, "complaints": 1}) == (
        Merger(keep="complaint", others=("complaints",), kind="typing"),
        Merger(keep="complaint", others=("complant",), kind="typing"),
    )
    assert variants({"complaint": 10, "complaints": 9}) == ()


@pytest.mark.parametrize(
    "labels",
    [
        ["C", "C++", "C#"],
        ["1.0", "10", "1-0"],
        ["1", "-1", "+1"],
        ["class 1", "class 2"],
        ["+", "-", "!"],
        ["投诉", "退款"],
        ["version 1.2", "version 12"],
    ],
)
def test_different_labels_stay_apart(labels: list[str]) -> None:
    assert variants(dict.fromkeys(labels, 5)) == ()


def test_the_tidier_of_equals_is_kept() -> None:
    assert variants({" Refund": 2, "Refund": 2})[0].keep == "Refund"
    assert variants({"退款 ": 5, "退款": 1})[0] == Merger(keep="退款 ", others=("退款",), kind="spelling")
