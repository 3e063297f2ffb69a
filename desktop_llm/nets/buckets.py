"""Which examples make a batch, and how a batch is computed without padding.

Batches are random: sorting texts of one length together saves padding, but such batches learn worse (banking77, one
epoch of MiniLM: up to two points of accuracy). So a batch stays as it was drawn, and is cut into slices of similar
length whose gradients add up to that of the whole batch.
"""

from __future__ import annotations

import itertools

import numpy as np


def training_batches(rows: int, batch_size: int, *, seed: int, epoch: int) -> list[np.ndarray]:
    """All batches of an epoch over `rows` examples as arrays of their indices; the last one may be smaller.

    The same arguments give the same batches on every machine.
    """
    order = np.random.default_rng((seed, epoch)).permutation(rows)
    return [order[start : start + batch_size] for start in range(0, rows, batch_size)]


def slices(batch: np.ndarray, lengths: np.ndarray, overhead: float) -> list[np.ndarray]:
    """Cut a batch (indices int64 [b]) into slices, each padded to its own longest example, longest slice first.

    `lengths` int64 [n] of all examples, in tokens. Of all ways to cut the batch sorted by length, this is the one
    that costs least when a slice costs its padded places (examples × longest) plus `overhead` places.
    """
    ordered = batch[np.argsort(-lengths[batch], kind="stable")]
    different, first = np.unique(-lengths[ordered], return_index=True)
    longest = -different
    begins = np.append(first, len(ordered))
    # cheapest[k]: the least cost of the examples before `begins[k]`; came[k]: where their last slice begins
    cheapest = np.zeros(len(begins))
    came = np.zeros(len(begins), dtype=np.int64)
    for end in range(1, len(begins)):
        costs = cheapest[:end] + (begins[end] - begins[:end]) * longest[:end] + overhead
        came[end] = int(np.argmin(costs))
        cheapest[end] = costs[came[end]]
    cuts = [len(begins) - 1]
    while cuts[-1]:
        cuts.append(int(came[cuts[-1]]))
    cuts.reverse()
    return [ordered[begins[start] : begins[end]] for start, end in itertools.pairwise(cuts)]


def evaluation_batches(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Batches for measuring: everything sorted by length, longest first so that memory peaks at once."""
    order = np.argsort(-lengths, kind="stable")
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
