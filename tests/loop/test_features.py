"""Texts as vectors, without any model."""

from __future__ import annotations

import numpy as np

from desktop_llm.loop import features


def test_texts_that_share_words_are_near() -> None:
    """English and Chinese, which has no spaces."""
    texts = [
        "my card has not arrived",
        "the card did not arrive",
        "exchange rate of the euro",
        "rates for exchange",
    ] * 20
    chinese = ["房间很干净", "房间干净舒服", "早餐太差了", "早餐很差"] * 20
    for told in (texts, chinese):
        unit = features.directions(features.of_texts(told))
        assert unit[0] @ unit[1] > unit[0] @ unit[2] + 0.03
        assert unit[2] @ unit[3] > unit[1] @ unit[3] + 0.03


def test_odd_texts_have_a_vector_too() -> None:
    """Empty ones, one alone, none at all, emoji and very long ones."""
    assert features.of_texts([]).shape == (0, 1)
    for told in ([""], ["", "  "], ["one"], ["🙂", "👍🏽"], ["a" * 100_000, "b"]):
        made = features.of_texts(told)
        assert len(made) == len(told)
        assert np.isfinite(made).all()


def test_standard_vectors_have_no_common_part() -> None:
    """And are of length one on average."""
    raw = np.random.default_rng(0).normal(loc=3.0, size=(200, 16))
    made = features.standard(raw, *features.measures(raw))
    assert np.abs(made.mean(axis=0)).max() < 1e-5
    assert abs(float(np.mean(np.sum(made**2, axis=1))) - 1.0) < 1e-4
