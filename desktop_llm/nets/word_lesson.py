"""What a teacher says of words, for a learner whose tokens, and even words, may be others.

Both say which stretch of the text a word is, so that what belongs together is found by its place. The tags of a label,
beginning and inside, are one class here: where spans of a label begin is learned from the labels alone, however much
the teacher counts. (The loss of a tag is that of its class, and of the tag within the class; only the first is mixed.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from desktop_llm.nets import distillation
from desktop_llm.nets.words import WordRows


def of_classes(tags: torch.Tensor) -> torch.Tensor:
    """Logits of tags [n, 1 + 2 × classes] (outside; for each class beginning and inside) as those of classes
    [n, 1 + classes], with the same chances."""
    return torch.cat([tags[:, :1], torch.logaddexp(tags[:, 1::2], tags[:, 2::2])], dim=1)


def aligned(
    rows: WordRows, places: Sequence[torch.Tensor], tags: Sequence[torch.Tensor], columns: Sequence[int]
) -> np.ndarray:
    """A teacher's logits for the words of `rows`, float16 [words, 1 + classes]; NaN for words that it does not have.

    Of each text, `places` [words, 2] are the teacher's words and `tags` [words, 1 + 2 × its classes] their logits;
    `columns` are the places of the learner's classes among the teacher's. Of a word that the teacher cuts into pieces
    it says what it says of the first, if it takes all of them for the same class.
    """
    told = np.full((len(rows.heads), 1 + len(columns)), np.nan, dtype=np.float16)
    wanted = [0, *(1 + column for column in columns)]
    for number, (theirs, logits) in enumerate(zip(places, tags, strict=True)):
        if not len(logits):
            continue
        here = slice(int(rows.word_starts[number]), int(rows.word_starts[number + 1]))
        known = distillation.kept(of_classes(logits.float())[:, wanted])
        mine, others = rows.places[here], theirs.long().numpy()
        if mine.shape == others.shape and bool((mine == others).all()):
            told[here] = known
            continue
        first, last = (_matching(mine[:, side], others[:, side]) for side in (0, 1))
        turns = np.concatenate([[0], np.cumsum(np.diff(known.argmax(axis=1)) != 0)])  # alike: nothing changes between
        whole = np.flatnonzero((first >= 0) & (last >= 0) & (turns[first] == turns[last]))
        told[here.start + whole] = known[first[whole]]
    return told


def _matching(mine: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Where each of some places is among others, which are in order; −1 where it is not."""
    at = np.searchsorted(others, mine).clip(max=len(others) - 1)
    return np.where(others[at] == mine, at, -1)


def loss(tags: torch.Tensor, said: torch.Tensor, temperature: float) -> torch.Tensor:
    """The sum over all words of which the teacher says something; logits of tags against those of classes."""
    some = ~torch.isnan(said[:, 0])
    return distillation.losses(of_classes(tags[some]), said[some], temperature).sum()


def beginnings(tags: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The sum over all words of a label (`targets` int64 [n] above 0) of the loss of their tag within its class."""
    some = targets > 0
    told = targets[some]
    first = (told - 1) // 2 * 2 + 1  # the tag of beginning of the same class
    pair = torch.stack([tags[some].gather(1, first[:, None])[:, 0], tags[some].gather(1, first[:, None] + 1)[:, 0]], 1)
    return functional.cross_entropy(pair, told - first, reduction="sum")
