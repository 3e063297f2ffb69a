"""Two answers to a prompt each, as tokens of which only the answers count; both answers of a pair stand in one line.

A line of a batch has two halves of one width, the first answer with its prompt in one and the second in the other. So
whoever cuts batches by examples never parts a pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from desktop_llm.nets.answers import Conversations
from desktop_llm.nets.head_loss import IGNORED


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """`texts` has both texts of every pair, one behind the other; `places` int64 [n] are the pairs that are meant.

    `better` int8 [n] is 1 where the first answer is the better one, −1 where the second is, 0 where nobody knows.
    `fit` bool [n]: whether both answers can be compared; what is not is measured as if nothing was said. `lengths`
    int64 [n] are the places in a line. `began` float32 [n, 2]: the answers' log-probabilities by the model as it was at
    the start, `known` bool [n] where they are there.
    """

    texts: Conversations
    places: np.ndarray
    better: np.ndarray
    fit: np.ndarray
    lengths: np.ndarray
    began: np.ndarray
    known: np.ndarray

    @property
    def strata(self) -> np.ndarray | None:
        """Which side is better is chance."""
        return None

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.places)

    def only(self, chosen: np.ndarray) -> Pairs:
        """Some of them, by their places here."""
        return replace(
            self,
            **{name: getattr(self, name)[chosen] for name in ("places", "better", "fit", "lengths", "began", "known")},
        )

    def refer(self, began: np.ndarray) -> None:
        """Take over what the model at the start makes of all of them, float32 [n, 2]."""
        self.began[:] = began
        self.known[:] = True

    def batch(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """`input_ids` int64 [b, width], a line as said above, and `labels`, the answers' tokens behind them.

        `counted` int64 [m] are the places in the flattened lines where there is one, `owners` [m] which half of all
        halves they are in, `tokens` [b, 2] how many each answer has; `better`, `began`, `known` as here.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        half = int(self.lengths[chosen].max()) // 2
        ids = np.full((2 * len(chosen), half), self.texts.after, dtype=np.int64)
        labels = np.full(ids.shape, IGNORED, dtype=np.int64)
        for line, index in enumerate(chosen.tolist()):
            for side in range(2) if self.fit[index] else ():
                given, wanted = self.texts.one(2 * int(self.places[index]) + side)
                ids[2 * line + side, : len(given)] = given
                labels[2 * line + side, : len(given)] = wanted
        counted = np.flatnonzero(labels != IGNORED)
        told = {
            "input_ids": ids.reshape(len(chosen), -1),
            "labels": labels.reshape(len(chosen), -1),
            "counted": counted,
            "owners": counted // half,
            "tokens": (labels != IGNORED).sum(axis=1).reshape(-1, 2),
            "better": self.better[chosen].astype(np.int64),
            "began": self.began[chosen],
            "known": self.known[chosen],
        }
        return {name: torch.from_numpy(value) for name, value in told.items()}


def pairs(texts: Conversations, better: np.ndarray, fit: np.ndarray) -> Pairs:
    """All pairs of `texts`, with nothing known of a model at the start."""
    lengths = np.where(fit[:, None], texts.lengths.reshape(-1, 2), 1).max(axis=1, initial=1)
    count = len(better)
    return Pairs(
        texts=texts,
        places=np.arange(count, dtype=np.int64),
        better=better,
        fit=fit,
        lengths=2 * lengths.astype(np.int64),
        began=np.zeros((count, 2), dtype=np.float32),
        known=np.zeros(count, dtype=bool),
    )
