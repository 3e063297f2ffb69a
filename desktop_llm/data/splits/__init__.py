"""Which rows are held out for validation and test: at random, evenly, by group, by time, or as the file says.

Whatever the method, a row that has a split keeps it, and which new rows are held out follows from their contents.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from desktop_llm.data.splits.alike import Alike
from desktop_llm.data.splits.chronological import moment, split_by_time
from desktop_llm.data.splits.fixed import split_at_random, split_by_group
from desktop_llm.data.splits.row import TEST, TRAIN, VALIDATION, SplitRow
from desktop_llm.data.splits.stratified import assign

__all__ = [
    "METHODS",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "Alike",
    "Method",
    "SplitRow",
    "assign",
    "moment",
    "split",
    "split_at_random",
    "split_by_group",
    "split_by_time",
]

Method = Literal["stratified", "random", "group", "time", "file"]
METHODS: dict[Method, str] = {
    "stratified": "Evenly over the labels",
    "random": "At random",
    "group": "By group: rows of one group stay together",
    "time": "By time: the oldest to train, the newest to test",
    "file": "As the file says: the rest is for training",
}


def split(
    rows: Iterable[SplitRow], method: Method, *, validation: float = 0.1, test: float = 0.1, seed: int = 0
) -> dict[int, str]:
    """A split for every row that has none, by this method: `{id: 'train' | 'validation' | 'test'}`.

    `validation` and `test` are the fractions wanted; raises ValueError when they leave nothing to train on.
    """
    if validation < 0 or test < 0 or validation + test >= 1:
        raise ValueError(f"fractions of {validation} and {test} leave nothing to train on")
    if method == "random":
        return split_at_random(rows, validation=validation, test=test, seed=seed)
    if method == "group":
        return split_by_group(rows, validation=validation, test=test, seed=seed)
    if method == "time":
        return split_by_time(rows, validation=validation, test=test)
    if method == "file":
        return {row.id: TRAIN for row in rows if not row.split}
    return assign(rows, validation=validation, test=test, seed=seed)
