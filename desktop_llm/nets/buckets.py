"""Which examples make a batch, and how a batch is computed without padding.

Texts of one length sorted together save padding, but such batches learn worse (banking77, one epoch of MiniLM: up to
two points of accuracy). So a batch is drawn at random, and is cut into slices of similar length whose gradients add
up to that of the whole batch. Where examples have a class, each class is spread evenly over the epoch: stratified
sampling, whose gradients vary less (the same epoch: two to four points more than batches drawn without regard to it).
"""

from __future__ import annotations

import itertools

import numpy as np


def training_batches(
    rows: int,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    strata: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> list[np.ndarray]:
    """All batches of an epoch over `rows` examples as arrays of their indices; the last one may be smaller.

    `strata` int64 [rows] is the class of each example, or None; `weights` float64 [rows] how often each is drawn, on
    average over epochs, where not all are once. The same arguments give the same batches on every machine.
    """
    source = np.random.default_rng((seed, epoch))
    order = source.permutation(rows) if weights is None else _drawn(weights, source)
    if strata is not None and rows:
        # each example of a class of m gets a place of its own among m equal parts of the epoch, at random within it
        by_class = np.argsort(strata[order], kind="stable")
        _, first, sizes = np.unique(strata[order][by_class], return_index=True, return_counts=True)
        rank = np.arange(rows) - np.repeat(first, sizes)
        place = (rank + source.random(rows)) / np.repeat(sizes, sizes)
        order = order[by_class[np.argsort(place, kind="stable")]]
    return [order[start : start + batch_size] for start in range(0, rows, batch_size)]


def training_steps(
    rows: int,
    batch_size: int,
    accumulated: int,
    *,
    seed: int,
    epoch: int,
    strata: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    done: int = 0,
) -> list[list[np.ndarray]]:
    """`training_batches` as optimizer steps take them, so many `accumulated` in each; `done` batches are left out."""
    batches = training_batches(rows, batch_size, seed=seed, epoch=epoch, strata=strata, weights=weights)
    return [batches[start : start + accumulated] for start in range(done, len(batches), accumulated)]


def _drawn(weights: np.ndarray, source: np.random.Generator) -> np.ndarray:
    """As many examples as there are, each as often as its weight or once more or less: systematic sampling, in which
    an example is drawn its weight times on average and no draw varies more than by one."""
    count = len(weights)
    mixed = source.permutation(count)
    ends = np.cumsum(weights[mixed]) * (count / weights.sum())
    ends[-1] = count
    times = np.diff(np.floor(ends + source.random()), prepend=0.0).astype(np.int64)
    drawn: np.ndarray = source.permutation(np.repeat(mixed, times))
    return drawn


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


def answering_batches(lengths: np.ndarray, overhead: float, most_places: int) -> list[np.ndarray]:
    """Batches for answers that are waited for: `slices` of all examples, none of more than `most_places` padded places.

    What is computed at once, and with it the memory, stays small so, however many and however long the texts.
    """
    cut: list[np.ndarray] = []
    for part in slices(np.arange(len(lengths)), lengths, overhead) if len(lengths) else ():
        step = max(1, most_places // max(1, int(lengths[part[0]])))
        cut += [part[start : start + step] for start in range(0, len(part), step)]
    return cut
