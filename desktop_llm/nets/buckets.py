"""Batches of similar length, in an order that depends on seed and epoch alone.

Examples are shuffled, cut into pools of many batches, sorted by length inside a pool, cut into batches, and the
batches are shuffled. So a batch holds hardly any padding, every epoch differs, and a resumed run finds its place.
"""

from __future__ import annotations

import numpy as np

POOL = 16
"""Batches a pool: 32 texts a batch sort some 500 together. Larger pools save a tenth more places, but batches of one
length alone learned a little worse in one epoch (banking77)."""


def training_batches(
    lengths: np.ndarray, batch_size: int, *, seed: int, epoch: int, group_by_length: bool
) -> list[np.ndarray]:
    """All batches of an epoch as arrays of example indices; the last one may be smaller.

    `lengths` int64 [n]. The same arguments give the same batches on every machine.
    """
    generator = np.random.default_rng((seed, epoch))
    order = generator.permutation(len(lengths))
    if not group_by_length:
        return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    batches: list[np.ndarray] = []
    pool = batch_size * POOL
    for start in range(0, len(order), pool):
        part = order[start : start + pool]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches.extend(part[at : at + batch_size] for at in range(0, len(part), batch_size))
    return [batches[place] for place in generator.permutation(len(batches))]


def evaluation_batches(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Batches for measuring: everything sorted by length, longest first so that memory peaks at once."""
    order = np.argsort(-lengths, kind="stable")
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
