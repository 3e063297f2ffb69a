"""A growing curve that can be drawn at any zoom in constant time: minima and maxima over blocks of 2ⁿ points."""

from __future__ import annotations

import numpy as np

LEAST_BLOCKS = 64


class Pyramid:
    """Points (x ascending, y); level n holds min and max of y over blocks of 2ⁿ points, extended as points come."""

    def __init__(self) -> None:
        """Empty."""
        self._count = 0
        self._x = np.empty(1024)
        self._low = [np.empty(1024)]
        self._high = [np.empty(1024)]

    def __len__(self) -> int:
        """The number of points."""
        return self._count

    def clear(self) -> None:
        """Forget all points."""
        self._count = 0
        self._forget_levels()

    def append(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add points, float64 [n] each. Points with x at or before the last one replace those from there on."""
        if len(x) == 0:
            return
        if self._count and x[0] <= self._x[self._count - 1]:
            self._count = int(np.searchsorted(self._x[: self._count], x[0]))
            self._forget_levels()
        start, self._count = self._count, self._count + len(x)
        self._x = _grown(self._x, self._count)
        self._x[start : self._count] = x
        for rows in (self._low, self._high):
            rows[0] = _grown(rows[0], self._count)
            rows[0][start : self._count] = y
        level, first, size = 0, start, self._count
        while size // 2 >= LEAST_BLOCKS:
            first, size = first // 2, size // 2
            level += 1
            if level == len(self._low):
                self._low.append(np.empty(size))
                self._high.append(np.empty(size))
                first = 0
            for rows, fold in ((self._low, np.fmin), (self._high, np.fmax)):
                rows[level] = _grown(rows[level], size)
                below = rows[level - 1]
                fold(below[2 * first : 2 * size : 2], below[2 * first + 1 : 2 * size : 2], out=rows[level][first:size])

    def _forget_levels(self) -> None:
        """Drop the levels that so few points have no right to: else they would come back with blocks of the past."""
        while len(self._low) > 1 and self._count >> (len(self._low) - 1) < LEAST_BLOCKS:
            self._low.pop()
            self._high.pop()

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """All points as they came: x and y."""
        return self._x[: self._count], self._low[0][: self._count]

    def window(self, left: float, right: float, columns: int) -> tuple[np.ndarray, np.ndarray]:
        """What to draw between x = left and right on so many pixel columns: x and y, at most some 2 points a column.

        Where blocks are drawn, each gives its minimum and maximum at the x of its first point.
        """
        first = max(0, int(np.searchsorted(self._x[: self._count], left)) - 1)
        last = min(self._count, int(np.searchsorted(self._x[: self._count], right, side="right")) + 1)
        level = 0
        while (last - first) >> level > max(1, columns) and level + 1 < len(self._low):
            if self._count >> (level + 1) < LEAST_BLOCKS:
                break
            level += 1
        if level == 0:
            return self._x[first:last], self._low[0][first:last]
        begin, end = first >> level, min(self._count >> level, (last >> level) + 1)
        x = np.repeat(self._x[(np.arange(begin, end) << level)], 2)
        y = np.empty(2 * (end - begin))
        y[0::2], y[1::2] = self._low[level][begin:end], self._high[level][begin:end]
        tail = slice(end << level, last)
        rest = self._low[0][tail]
        if not len(rest):
            return x, y
        # the points behind the last whole block make one more, shorter block
        start = self._x[end << level]
        return np.append(x, [start, start]), np.append(y, [np.fmin.reduce(rest), np.fmax.reduce(rest)])


def _grown(array: np.ndarray, size: int) -> np.ndarray:
    if size <= len(array):
        return array
    larger = np.empty(max(size, 2 * len(array)))
    larger[: len(array)] = array
    return larger
