"""How rarely a word with a label follows one with another label, and the likeliest labels of a text by that.

Judged word by word, “Tangerine Dream” becomes an organisation and a work where the model is unsure between both, though
in what was learned one label hardly ever follows another without a word between. Here a change of label costs what it
is rarer than its going on: log((n(a, b) + ½) / (n(a, a) + ½)), at most 0, with n counted over words that follow each
other in what was learned, and half a count more for what was not seen (Krichevsky and Trofimov, 1981). Labels that
begin where others end, as the parts of an address do, cost nothing then. The labels with the highest sum of the log of
their chances and these costs are found by dynamic programming (Viterbi, 1967).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from desktop_llm.nets.words import WordRows

Count = tuple[str, str, int]
"""A class, the one right behind it, and how often; no dictionary: in a config, names could be keys of the library."""
UNSEEN = 0.5
SMALLEST = 1e-30
"""A chance that rounding has made nought."""


def counted(rows: WordRows, classes: Sequence[str]) -> list[Count]:
    """How often a word of a class stands right behind one of another, or of the same; only what there is."""
    kinds = rows.classes
    follows = np.ones(len(kinds), dtype=bool)
    follows[rows.firsts] = False
    now = np.flatnonzero(follows & (kinds >= 0))
    now = now[kinds[now - 1] >= 0]
    pairs, counts = np.unique(np.stack([kinds[now - 1], kinds[now]]), axis=1, return_counts=True)
    return [
        (classes[before], classes[then], count)
        for before, then, count in zip(*pairs.tolist(), counts.tolist(), strict=True)
    ]


def costs(counts: Iterable[Count], classes: Sequence[str]) -> np.ndarray:
    """What a change from one class to another costs, float64 [classes, classes], at most 0; other names count not."""
    numbers = {name: place for place, name in enumerate(classes)}
    there = np.full((len(classes), len(classes)), UNSEEN)
    for before, then, count in counts:
        if before in numbers and then in numbers:
            there[numbers[before], numbers[then]] += count
    told: np.ndarray = np.minimum(0.0, np.log(there / np.diag(there)[:, None]))
    return told


def likeliest(chances: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """The number of each word, int64 [words]: 0 for no class, else one more than its class.

    `chances` [words, 1 + classes] are those of each word by itself, `prices` see `costs`; no class costs nothing.
    """
    alone: np.ndarray = chances.argmax(axis=1)
    priced = np.pad(prices, ((1, 0), (1, 0)))
    if not (priced[alone[:-1], alone[1:]] < 0).any():
        return alone  # what is best word by word and costs nothing is best of all
    logs = np.log(np.maximum(chances, SMALLEST))
    score, best = logs[0], np.zeros(logs.shape, dtype=np.int64)
    for word in range(1, len(logs)):
        ways = score[:, None] + priced
        best[word] = ways.argmax(axis=0)
        score = ways.max(axis=0) + logs[word]
    told = np.empty(len(logs), dtype=np.int64)
    told[-1] = score.argmax()
    for word in range(len(logs) - 1, 0, -1):
        told[word - 1] = best[word, told[word]]
    return told
