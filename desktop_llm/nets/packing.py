"""Texts as one long row of tokens: cut into blocks of one size to learn from, or read text by text to be measured.

In a block several texts stand one behind the other, and a long one goes on in the next; nothing is padded, and every
step has the same shape. A place sees the places before it of its own text only. The row may lie on the disk, mapped
into memory: however long it is, only what is just learned from is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from desktop_llm.nets import encoding, token_shelf
from desktop_llm.nets.head_loss import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from desktop_llm.nets.learner import Report
    from desktop_llm.nets.token_shelf import Shelf


@dataclass(frozen=True, slots=True)
class Documents:
    """Texts as token ids, none of them special, in a row: each stands between `before`, which may be the token that
    ended the one before it, and `after`.

    `row` uint16 or uint32 [tokens], `begins` int64 [n + 1]: where the token before each text is, and the end: that of
    the row, or its last token where that would be the one before a further text. `size` is how many tokens the model
    reads at once.
    """

    row: np.ndarray
    begins: np.ndarray
    before: int
    after: int
    size: int

    @property
    def lengths(self) -> np.ndarray:
        """Tokens to be foretold of each text, its end included; int64 [n]."""
        return np.diff(self.begins) - int(self.before != self.after)

    @property
    def strata(self) -> np.ndarray | None:
        """A text has no class."""
        return None

    def __len__(self) -> int:
        """The number of texts."""
        return len(self.begins) - 1

    def whole(self, place: int) -> np.ndarray:
        """The tokens of a text with those before and after it."""
        end = int(self.begins[place + 1]) + int(self.before == self.after)
        told: np.ndarray = self.row[int(self.begins[place]) : end]
        return told

    def blocks(self) -> Blocks:
        """The row, cut into blocks."""
        return Blocks(self.row, self.begins[:-1], self.size)


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
        """Tokens of each block, int64 [n]; all the same, and so held only once."""
        return np.broadcast_to(np.int64(self.width), len(self))

    @property
    def strata(self) -> np.ndarray | None:
        """A block has no class."""
        return None

    @property
    def cut(self) -> bool:
        """Whether any block holds more than one text."""
        last = len(self.row) - 1 - self.width
        at_start = (self.begins % self.width == 0) & (self.begins <= last)
        return not bool((at_start | (self.begins == last)).all())

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
        whole = documents.whole(index).astype(np.int64)
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
    tokenizer: PreTrainedTokenizerBase,
    texts: Iterable[str],
    *,
    before: int,
    after: int,
    size: int,
    report: Report,
    total: int = 0,
    shelf: Shelf | None = None,
) -> Documents:
    """Texts to tokens; what looks like a special token in a text is text. `total` is how many there are, if known.

    On a `shelf` they are kept, and taken from there by whoever asks again. Raises UserError where the disk refuses.
    """
    # not by how many there are: some numbers may be left out
    kind = np.uint16 if max(tokenizer.get_vocab().values(), default=0) < 2**16 else np.uint32

    def on_chunk(done: int) -> None:
        report("Reading the texts", done, total)

    pieces = encoding.pieces(tokenizer, texts, kind, before, after, on_chunk)
    made_by = encoding.name_of(tokenizer)
    if shelf is None or not made_by:
        rows, begins = zip(*pieces, strict=True)  # the first piece is there even where there is no text
        return Documents(np.concatenate(rows), np.concatenate(begins), before, after, size)
    place = shelf.place(f"{made_by} {before} {after}")
    there = token_shelf.kept(place)
    if there is None:
        with token_shelf.filling(place, kind) as (ids, begun):
            for row, begins_here in pieces:
                ids.add(row)
                begun.add(begins_here)
        there = token_shelf.kept(place)
    assert there is not None, "what was just written is there"
    return Documents(*there, before, after, size)
