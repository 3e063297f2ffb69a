"""Which labels follow each other, what another one costs, and the likeliest labels of a text."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from desktop_llm.nets import label_changes, words
from desktop_llm.nets import tokenizer as tokenizers

CLASSES = ("name", "place")


def test_words_are_counted_that_follow_each_other_in_a_text() -> None:
    texts = [
        ("so Ann May Lee of Rome", [(3, 14, 0), (18, 22, 1)]),
        (
            "Rome Italy saw Ann Oslo",
            [(0, 10, 1), (15, 18, 0), (19, 23, 1)],
        ),  # “Rome” follows no word
        ("Ann May", None),
    ]
    tokenizer = tokenizers.train([text for text, _ in texts], 300, 64, apart=True)
    rows = words.encode(tokenizer, texts, 64, lambda *_: None)
    assert label_changes.counted(rows, CLASSES) == [("name", "name", 2), ("name", "place", 1), ("place", "place", 1)]
    assert label_changes.counted(words.encode(tokenizer, texts[2:], 64, lambda *_: None), CLASSES) == []


def test_a_change_costs_what_it_is_rarer_than_going_on() -> None:
    counts = [
        ("name", "name", 9),
        ("name", "place", 1),
        ("place", "name", 3),
        ("gone", "name", 50),
        ("name", "gone", 9),
    ]
    # of places, none goes on
    np.testing.assert_allclose(label_changes.costs(counts, CLASSES), [[0.0, np.log(1.5 / 9.5)], [0.0, 0.0]])
    assert not label_changes.costs([], CLASSES).any()
    assert label_changes.costs([], ()).shape == (0, 0)


def test_the_likeliest_labels_are_those_of_all_ways() -> None:
    rng = np.random.default_rng(0)
    changed = 0
    for _ in range(60):
        chances = rng.dirichlet([0.6] * 4, size=5)
        prices = np.minimum(0.0, rng.normal(-2.0, 2.0, (3, 3)))
        np.fill_diagonal(prices, 0.0)
        told = label_changes.likeliest(chances, prices).tolist()
        every = product(range(4), repeat=5)
        assert tuple(told) == max(every, key=lambda way: _worth(way, chances, prices))
        changed += told != chances.argmax(axis=1).tolist()
    assert changed > 20


def _worth(way: tuple[int, ...], chances: np.ndarray, prices: np.ndarray) -> float:
    worth = sum(float(np.log(chances[word, number])) for word, number in enumerate(way))
    return worth + sum(float(prices[a - 1, b - 1]) for a, b in pairwise(way) if a and b)


def test_a_name_that_a_model_is_unsure_of_has_one_label() -> None:
    prices = label_changes.costs([("name", "name", 90), ("name", "place", 1), ("place", "place", 80)], CLASSES)
    unsure = np.array([[0.98, 0.01, 0.01], [0.1, 0.5, 0.4], [0.1, 0.2, 0.7], [0.98, 0.01, 0.01]])
    assert unsure.argmax(axis=1).tolist() == [0, 1, 2, 0]
    assert label_changes.likeliest(unsure, prices).tolist() == [0, 2, 2, 0]
    sure = np.array([[0.002, 0.997, 0.001], [0.002, 0.001, 0.997]])
    assert label_changes.likeliest(sure, prices).tolist() == [1, 2]  # it can be so, and both words say it


@pytest.mark.parametrize("size", [1, 3])
def test_a_chance_of_nought_is_no_trouble(size: int) -> None:
    chances = np.zeros((size, 3), dtype=np.float32)
    chances[:, 1] = 1.0
    assert label_changes.likeliest(chances, np.full((2, 2), -5.0)).tolist() == [1] * size
