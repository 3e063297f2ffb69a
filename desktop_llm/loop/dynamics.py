"""Training dynamics: how sure a model was of each training example's label over the epochs, summed up.

Dataset cartography (Swayamdipta et al. 2020, arXiv:2009.10795): confidence is the mean chance of the given label,
variability its standard deviation. A forgetting event (Toneva et al. 2019, arXiv:1812.05159) is an example that was
answered right the last time it was seen, and is not now. Labels that the rest contradict stay at a low confidence.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What was seen, one entry an example and epoch, each [m]: place of the example int32, epoch int32, chance of its
    label float16, whether it was the answer bool, the class most against it int32, and its chance float16."""

    example: np.ndarray
    epoch: np.ndarray
    sure: np.ndarray
    right: np.ndarray
    against: np.ndarray
    against_sure: np.ndarray


NO_RECORDS = Records(
    example=np.zeros(0, dtype=np.int32),
    epoch=np.zeros(0, dtype=np.int32),
    sure=np.zeros(0, dtype=np.float16),
    right=np.zeros(0, dtype=np.bool_),
    against=np.zeros(0, dtype=np.int32),
    against_sure=np.zeros(0, dtype=np.float16),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Of the examples that were seen, each [n]: id int64, in how many epochs int32, confidence and variability float32,
    share of epochs with the right answer float32, forgetting events int32, the class that spoke most often against the
    label int32, and its mean chance float32 (0 where another one did)."""

    item: np.ndarray
    seen: np.ndarray
    confidence: np.ndarray
    variability: np.ndarray
    right: np.ndarray
    forgotten: np.ndarray
    against: np.ndarray
    against_sure: np.ndarray


def joined(parts: list[Records]) -> Records:
    """Records one behind the other."""
    if not parts:
        return NO_RECORDS
    return Records(**{one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Records)})


def summarise(records: Records, items: np.ndarray) -> Summary:
    """Sum up; `items` int64 are the ids of examples by their place, those behind them are passed over."""
    order = np.lexsort((records.epoch, records.example))
    order = order[records.example[order] < len(items)]
    example, right = records.example[order], records.right[order].astype(np.int64)
    sure = records.sure[order].astype(np.float64)
    there, place, seen = np.unique(example, return_inverse=True, return_counts=True)
    mean = np.bincount(place, weights=sure, minlength=len(there)) / np.maximum(seen, 1)
    spread = np.bincount(place, weights=(sure - mean[place]) ** 2, minlength=len(there)) / np.maximum(seen, 1)
    fell = (example[1:] == example[:-1]) & (right[1:] < right[:-1])
    forgotten = np.bincount(place[1:][fell], minlength=len(there))
    against, against_sure = _against(records, order, place, seen)
    return Summary(
        item=np.asarray(items, dtype=np.int64)[there],
        seen=seen.astype(np.int32),
        confidence=mean.astype(np.float32),
        variability=np.sqrt(spread).astype(np.float32),
        right=(np.bincount(place, weights=right, minlength=len(there)) / np.maximum(seen, 1)).astype(np.float32),
        forgotten=forgotten.astype(np.int32),
        against=against.astype(np.int32),
        against_sure=against_sure.astype(np.float32),
    )


def _against(records: Records, order: np.ndarray, place: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each example the class that stood most often against its label, and the sum of its chances by epochs."""
    found, chance = np.zeros(len(seen), dtype=np.int64), np.zeros(len(seen))
    if not len(order):
        return found, chance
    classes = records.against[order].astype(np.int64)
    wide = int(classes.max()) + 1
    pairs, which, times = np.unique(place * wide + classes, return_inverse=True, return_counts=True)
    total = np.bincount(which, weights=records.against_sure[order].astype(np.float64))
    best = np.lexsort((total, times, pairs // wide))  # of each example the last one is the most frequent, then surest
    owner = pairs[best] // wide
    last = np.flatnonzero(np.append(owner[1:] != owner[:-1], True))
    found[owner[last]] = pairs[best][last] % wide
    chance[owner[last]] = total[best][last] / seen[owner[last]]
    return found, chance
