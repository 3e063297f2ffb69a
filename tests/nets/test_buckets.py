"""Batches: every example once an epoch; slices: every example of the batch, at the least cost there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_llm.nets import buckets


def test_an_epoch_holds_every_example_once_and_differs_from_the_next() -> None:
    first, second = (buckets.training_batches(103, 8, seed=5, epoch=epoch) for epoch in (0, 1))
    for batches in (first, second):
        assert sorted(np.concatenate(batches).tolist()) == list(range(103))
        assert [len(batch) for batch in batches] == [8] * 12 + [7]
    assert any((one != other).any() for one, other in zip(first, second, strict=True))
    again = buckets.training_batches(103, 8, seed=5, epoch=0)
    assert all((one == other).all() for one, other in zip(first, again, strict=True))


@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    seed=st.integers(0, 99),
    epoch=st.integers(0, 3),
)
def test_every_class_is_spread_evenly_over_the_epoch(sizes: list[int], seed: int, epoch: int) -> None:
    strata = np.random.default_rng(1).permutation(np.repeat(np.arange(len(sizes)), sizes))
    batches = buckets.training_batches(len(strata), 7, seed=seed, epoch=epoch, strata=strata)
    order = np.concatenate(batches)
    assert sorted(order.tolist()) == list(range(len(strata)))
    for part in range(1, 5):
        seen = strata[order[: len(order) * part // 4]]
        for name, size in enumerate(sizes):
            # each class is off by one example of its own, and the cut by one of each other class
            assert abs(int((seen == name).sum()) - size * part / 4) <= 1 + size * (len(sizes) + 1) / len(strata)


def test_classes_are_spread_at_random() -> None:
    strata = np.arange(60) % 3
    one, other, again = (
        np.concatenate(buckets.training_batches(60, 7, seed=seed, epoch=0, strata=strata)).tolist()
        for seed in (1, 2, 1)
    )
    assert one == again != other
    assert one != sorted(one)


def _cost(slices: list[np.ndarray], lengths: np.ndarray, overhead: float) -> float:
    return sum(len(part) * int(lengths[part].max()) + overhead for part in slices)


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=9),
    overhead=st.sampled_from([0.0, 1.0, 7.5, 40.0, 1e9]),
)
def test_no_other_way_to_cut_a_batch_costs_less(lengths: list[int], overhead: float) -> None:
    # the batch is a part of a larger set, so that a mix-up of places and numbers shows
    all_lengths = np.asarray([99, 98, *lengths], dtype=np.int64)
    batch = np.arange(2, len(all_lengths))
    slices = buckets.slices(batch, all_lengths, overhead)
    assert sorted(np.concatenate(slices).tolist()) == batch.tolist()
    ordered = sorted(lengths, reverse=True)
    least = min(
        sum((end - start) * ordered[start] + overhead for start, end in itertools.pairwise((0, *cuts, len(ordered))))
        for count in range(len(ordered))
        for cuts in itertools.combinations(range(1, len(ordered)), count)
    )
    assert _cost(slices, all_lengths, overhead) == least


def test_the_longest_slice_comes_first() -> None:
    lengths = np.asarray([3, 50, 4, 49, 3])
    slices = buckets.slices(np.arange(5), lengths, 10.0)
    assert [part.tolist() for part in slices] == [[1, 3], [2, 0, 4]]


def test_weighted_examples_are_drawn_as_often_as_they_weigh() -> None:
    weights = np.array([0.25] * 40 + [1.0] * 20 + [2.5] * 20)
    weights *= len(weights) / weights.sum()
    drawn = np.zeros(len(weights))
    for epoch in range(40):
        batches = buckets.training_batches(len(weights), 8, seed=3, epoch=epoch, weights=weights)
        again = buckets.training_batches(len(weights), 8, seed=3, epoch=epoch, weights=weights)
        assert all((one == other).all() for one, other in zip(batches, again, strict=True))
        times = np.bincount(np.concatenate(batches), minlength=len(weights))
        assert times.sum() == len(weights)
        assert np.all(np.abs(times - weights) < 1)
        drawn += times
    for kind in np.unique(weights):
        assert drawn[weights == kind].mean() / 40 == pytest.approx(kind, rel=0.03)


@given(
    lengths=st.lists(st.integers(0, 600), max_size=40),
    overhead=st.sampled_from([0.0, 48.0, 1e9]),
    most=st.sampled_from([1, 100, 4096]),
)
def test_batches_for_answers_hold_every_text_once_and_no_more_than_fits(
    lengths: list[int], overhead: float, most: int
) -> None:
    told = np.array(lengths, dtype=np.int64)
    batches = buckets.answering_batches(told, overhead, most)
    assert sorted(place for part in batches for place in part.tolist()) == list(range(len(lengths)))
    for part in batches:
        assert len(part) == 1 or len(part) * int(told[part].max()) <= most


def test_one_long_text_does_not_pad_the_short_ones() -> None:
    lengths = np.array([10] * 31 + [300], dtype=np.int64)
    batches = buckets.answering_batches(lengths, 48.0, 4096)
    assert sorted(len(part) for part in batches) == [1, 31]
