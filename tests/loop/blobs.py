"""Small real data: clouds of points around a middle for each class."""

from __future__ import annotations

import numpy as np


def blobs(
    rows: int, classes: int, *, width: int = 8, spread: float = 0.6, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Points float32 [rows, width] and the class of each."""
    source = np.random.default_rng(seed)
    middles = source.normal(size=(classes, width))
    of = source.integers(0, classes, rows)
    return (middles[of] + spread * source.normal(size=(rows, width))).astype(np.float32), of


def one_hot(of: np.ndarray, classes: int) -> np.ndarray:
    """Targets float32 [n, classes]."""
    return np.asarray(np.eye(classes, dtype=np.float32)[of])
