"""What rows add to the sums that a task's figures are made of, so that figures of any draw of rows cost a product.

A figure such as macro F1 is a function of sums over rows. Rows that add the same are kept once, as a pattern: a draw of
rows is then how often each pattern comes, and all figures of a thousand draws are one matrix product away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Figures = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""From sums float64 [draws, sums] to each figure, float64 [draws]; NaN where a draw has nothing to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The rows of a measurement, reduced to what figures need.

    `patterns` float64 [kinds, sums]; `of` int64 [rows], the pattern of each row; `right` bool [rows], whether all of a
    row's answer is right, None where answers are no question of right and wrong; `good` float64 [rows], how good each
    answer is, the greater the better, for rows to be compared by.
    """

    patterns: np.ndarray
    of: np.ndarray
    figures: Figures
    right: np.ndarray | None
    good: np.ndarray

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.of)

    def times(self, rows: np.ndarray | None = None) -> np.ndarray:
        """How often each pattern comes, int64 [kinds], among all rows or those of a mask or of places."""
        return np.bincount(self.of if rows is None else self.of[rows], minlength=len(self.patterns))

    def values(self, rows: np.ndarray | None = None) -> dict[str, float]:
        """The figures of all rows, or of some."""
        sums = self.times(rows)[None].astype(np.float64) @ self.patterns
        return {name: float(value[0]) for name, value in self.figures(sums).items()}

    def shares(self, rows: np.ndarray | None = None) -> frozenset[str]:
        """The figures that are the share of right rows, of all or of some; tests of shares speak of these alone."""
        if self.right is None:
            return frozenset()
        right = self.right if rows is None else self.right[rows]
        share = float(right.mean()) if len(right) else math.nan
        return frozenset(name for name, value in self.values(rows).items() if math.isclose(value, share, abs_tol=1e-9))


def of_rows(counts: np.ndarray, figures: Figures, *, right: np.ndarray | None, good: np.ndarray | None = None) -> Tally:
    """A tally of what each row adds, [rows, sums]; rows that add the same become one pattern."""
    patterns, of = np.unique(np.asarray(counts, dtype=np.float64), axis=0, return_inverse=True)
    return Tally(patterns=patterns, of=of.reshape(-1), figures=figures, right=right, good=_good(right, good))


def of_cells(
    cells: tuple[np.ndarray, np.ndarray, np.ndarray],
    patterns: np.ndarray,
    figures: Figures,
    good: np.ndarray | None = None,
) -> Tally:
    """A tally of rows with one true and one told class each: of the `cells` of them, and what a row of each adds."""
    true, told, of = cells
    right = (true == told)[of]
    return Tally(patterns=patterns.astype(np.float64), of=of, figures=figures, right=right, good=_good(right, good))


def cells(true: np.ndarray, told: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of a true and a told class that occur in rows, int64 [rows]: both classes, and which pair a row is."""
    width = int(max(true.max(initial=0), told.max(initial=0))) + 1
    found, of = np.unique(true * width + told, return_inverse=True)
    return found // width, found % width, of.reshape(-1)


def share(part: np.ndarray, whole: np.ndarray, otherwise: float = 0.0) -> np.ndarray:
    """`part` by `whole`, and `otherwise` where there is no whole."""
    there = whole > 0
    return np.where(there, part / np.where(there, whole, 1.0), otherwise)


def _good(right: np.ndarray | None, good: np.ndarray | None) -> np.ndarray:
    if good is not None:
        return np.asarray(good, dtype=np.float64)
    if right is None:
        raise ValueError("a tally needs to know which answers are right, or how good they are")
    return right.astype(np.float64)
