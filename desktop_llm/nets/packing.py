"""Texts as one long row of tokens: cut into blocks of one size to learn from, or read text by text to be measured.

In a block several texts stand one behind the other, and a long one goes on in the next; nothing is padded, and every
step has the same shape. A place sees the places before it of its own text only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from desktop_llm.nets.head_loss import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from desktop_llm.nets.learner import Report

CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Documents:
    """Texts as token ids, none of them special.

    `ids` uint16 or int32 [tokens], `starts` int64 [n + 1]; `before` is the token that stands before a text, `after` the
    one that ends it (often the same); `size` is how many tokens the model reads at once.
    """

    ids: np.ndarray
    starts: np.ndarray
    before: int
    after: int
    size: int

    @property
    def lengths(self) -> np.ndarray:
        """Tokens to be foretold of each text, its end included; int64 [n]."""
        return np.diff(self.starts) + 1

    @property
    def strata(self) -> np.ndarray | None:
        """A text has no class."""
        return None

    def __len__(self) -> int:
        """The number of texts."""
        return len(self.starts) - 1

    def blocks(self) -> Blocks:
        """All texts in a row, each between `before` and `after` (once where they are the same), cut into blocks."""
        apart = self.before != self.after
        lengths = self.lengths + int(apart)
        ends = np.cumsum(lengths) + int(not apart)
        row = np.full(int(lengths.sum()) + int(not apart), self.after, dtype=self.ids.dtype)
        inside = np.ones(len(row), dtype=bool)
        inside[ends - 1] = False
        first = np.concatenate([[0], ends[:-1]]).astype(np.int64) if apart else np.zeros(1, dtype=np.int64)
        inside[first] = False
        row[first] = self.before
        row[inside] = self.ids
        # a text begins with the token before it, also where that ended the one before
        begins = first if apart else np.concatenate([[0], ends[:-1] - 1]).astype(np.int64)
        return Blocks(row, begins, self.size)


@dataclass(frozen=True, slots=True)
class Blocks:
    """`row` holds all tokens, `begins` int64 [texts] where each text begins in it; a block has `size` tokens.

    The last block ends where the row does, and so may repeat some tokens of the one before it.
    """

    row: np.ndarray
    begins: np.ndarray
    size: int

    @property
    def width(self) -> int:
        """Tokens that a block has: `size`, or all there are."""
        return max(1, min(self.size, len(self.row) - 1))

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each block, int64 [n]; all the same."""
        return np.full(len(self), self.width, dtype=np.int64)

    @property
    def strata(self) -> np.ndarray | None:
        """A block has no class."""
        return None

    @property
    def cut(self) -> bool:
        """Whether any block holds more than one text."""
        starts = np.minimum(np.arange(len(self)) * self.width, len(self.row) - 1 - self.width)
        return not bool(np.isin(self.begins, starts).all())

    @property
    def most(self) -> int:
        """How many texts, or parts of one, a block holds at most."""
        starts = np.minimum(np.arange(len(self)) * self.width, len(self.row) - 1 - self.width)
        first = np.searchsorted(self.begins, starts, side="right")
        last = np.searchsorted(self.begins, starts + self.width - 1, side="right")
        return int((last - first).max(initial=0)) + 1

    def __len__(self) -> int:
        """The number of blocks; every token is foretold in one of them."""
        return -(-(len(self.row) - 1) // self.width) if len(self.row) > 1 else 0

    def batch(self, indices: Sequence[int], *, apart: bool) -> dict[str, torch.Tensor]:
        """`input_ids` and `labels`, the tokens behind them, int64 [b, width].

        `apart`: also `documents`, the number of each place's text, and `position_ids`, counted from its beginning.
        """
        width = self.width
        starts = np.minimum(np.asarray(indices, dtype=np.int64) * width, len(self.row) - 1 - width)
        places = starts[:, None] + np.arange(width)
        told = {"input_ids": self.row[places], "labels": self.row[places + 1]}
        if apart:
            told["documents"] = np.searchsorted(self.begins, places, side="right") - 1
            told["position_ids"] = places - np.maximum(self.begins[told["documents"]], starts[:, None])
        return {name: torch.from_numpy(value.astype(np.int64)) for name, value in told.items()}


def texts_batch(documents: Documents, indices: Sequence[int]) -> dict[str, torch.Tensor]:
    """The chosen texts to be measured, long ones in windows of `size` tokens.

    `input_ids`, `labels` (IGNORED where padded) int64 [windows, longest]; `owner` [windows]: the text of each;
    `ends` [b]: where in the flattened ids its last token is.
    """
    lines: list[np.ndarray] = []
    owner: list[int] = []
    last: list[tuple[int, int]] = []
    for place, index in enumerate(indices):
        own = documents.ids[documents.starts[index] : documents.starts[index + 1]].astype(np.int64)
        whole = np.concatenate([[documents.before], own, [documents.after]])
        for start in range(0, len(whole) - 1, documents.size):
            lines.append(whole[start : start + documents.size + 1])
            owner.append(place)
        last.append((len(lines) - 1, len(lines[-1]) - 2))
    width = max(len(line) for line in lines) - 1
    ids = np.full((len(lines), width), documents.after, dtype=np.int64)
    labels = np.full((len(lines), width), IGNORED, dtype=np.int64)
    for number, line in enumerate(lines):
        ids[number, : len(line) - 1] = line[:-1]
        labels[number, : len(line) - 1] = line[1:]
    return {
        "input_ids": torch.from_numpy(ids),
        "labels": torch.from_numpy(labels),
        "owner": torch.tensor(owner),
        "ends": torch.tensor([line * width + column for line, column in last]),
    }


def encode(
    tokenizer: PreTrainedTokenizerBase, texts: Iterable[str], *, before: int, after: int, size: int, report: Report
) -> Documents:
    """Texts to tokens, a thousand at a time; what looks like a special token in a text is text."""
    kind = np.uint16 if len(tokenizer) <= 2**16 else np.int32
    pieces: list[np.ndarray] = []
    waiting: list[str] = []

    def flush() -> None:
        if waiting:
            pieces.extend(np.asarray(ids, dtype=kind) for ids in _ids(tokenizer, waiting))
            waiting.clear()
            report("Reading the texts", len(pieces), 0)

    for text in texts:
        waiting.append(text)
        if len(waiting) == CHUNK:
            flush()
    flush()
    starts = np.zeros(len(pieces) + 1, dtype=np.int64)
    np.cumsum([len(piece) for piece in pieces], out=starts[1:])
    ids = np.concatenate(pieces) if pieces else np.zeros(0, dtype=kind)
    return Documents(ids, starts, before, after, size)


def _ids(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[list[int]]:
    if not tokenizer.is_fast:
        told = tokenizer(texts, add_special_tokens=False, return_attention_mask=False)["input_ids"]
        return [list(ids) for ids in told]
    backend = tokenizer.backend_tokenizer
    backend.encode_special_tokens = True
    backend.no_truncation()
    backend.no_padding()
    return [encoding.ids for encoding in backend.encode_batch_fast(texts, add_special_tokens=False)]
