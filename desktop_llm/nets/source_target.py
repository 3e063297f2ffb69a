"""Texts and what each of them becomes, as tokens: read by an encoder, written by a decoder."""

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
ASKED_TOKENS, OFTEN_TOKENS = 8192, 2048
"""So many tokens of known targets are written anew when a model is measured, and while it still learns: each costs as
much as many that are read."""
SOMETIMES, OFTEN = 1, 2
Pair = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class TextPairs:
    """`given` int32 [tokens], `given_starts` int64 [n + 1]: texts with their special tokens; `wanted` and
    `wanted_starts` what they become, no token where that is not known.

    `asked` int8 [n]: what a model is to write, too, when it is measured: SOMETIMES, or OFTEN, also while it learns.
    `begin` is what a target is begun with, `pad` what fills lines up; `cut` and `cut_wanted` are how many texts and
    targets were longer than the model reads.
    """

    given: np.ndarray
    given_starts: np.ndarray
    wanted: np.ndarray
    wanted_starts: np.ndarray
    asked: np.ndarray
    begin: int
    pad: int
    cut: int
    cut_wanted: int

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text and of what it becomes; int64 [n]."""
        return np.diff(self.given_starts) + np.diff(self.wanted_starts)

    @property
    def sizes(self) -> np.ndarray:
        """Tokens of each target; int64 [n]."""
        return np.diff(self.wanted_starts)

    @property
    def strata(self) -> np.ndarray | None:
        """A text has no class."""
        return None

    def __len__(self) -> int:
        """The number of texts."""
        return len(self.given_starts) - 1

    def batch(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """`input_ids` int64 [b, longest], `attention_mask` only where something is padded; `decoder_input_ids` and
        `labels`, the tokens behind them (IGNORED where there is none), int64 [b, longest target].

        `asked` int64: the lines that are to be written, where there are any; `often` bool: also while it learns.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        given, real = _lines(self.given, self.given_starts, chosen, self.pad)
        labels, known = _lines(self.wanted, self.wanted_starts, chosen, self.pad)
        begun = np.full_like(labels, self.begin)
        begun[:, 1:] = labels[:, :-1]
        told = {"input_ids": given, "decoder_input_ids": begun, "labels": np.where(known, labels, IGNORED)}
        if not real.all():
            told["attention_mask"] = real.astype(np.int64)
        if self.asked[chosen].any():
            told["asked"] = np.flatnonzero(self.asked[chosen])
            told["often"] = self.asked[chosen[told["asked"]]] == OFTEN
        return {name: torch.from_numpy(value) for name, value in told.items()}


def encode(
    tokenizer: PreTrainedTokenizerBase, rows: Iterable[Pair], *, size: int, begin: int, end: int, report: Report
) -> TextPairs:
    """Pairs to tokens, each side cut at `size`; a target ends with `end` also where the tokenizer would not say so."""
    made = _Making(tokenizer, size, end)
    waiting: list[Pair] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == CHUNK:
            made.add(waiting)
            waiting = []
            report("Reading the texts", made.count, 0)
    made.add(waiting)
    report("Reading the texts", made.count, 0)
    wanted_starts = _starts(made.wanted)
    pad = tokenizer.pad_token_id
    return TextPairs(
        _flat(made.given),
        _starts(made.given),
        _flat(made.wanted),
        wanted_starts,
        asked(np.diff(wanted_starts)),
        begin,
        int(pad) if isinstance(pad, int) else end,
        made.cut,
        made.cut_wanted,
    )


class _Making:
    """TextPairs in the making."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, size: int, end: int) -> None:
        self._tokenizer, self._size, self._end = tokenizer, size, end
        self._special = frozenset(tokenizer.all_special_ids)
        self.given: list[np.ndarray] = []
        self.wanted: list[np.ndarray] = []
        self.cut = self.cut_wanted = 0

    @property
    def count(self) -> int:
        return len(self.given)

    def add(self, told: Sequence[Pair]) -> None:
        if not told:
            return
        for ids in self._tokenizer([one for one, _ in told], return_attention_mask=False)["input_ids"]:
            self.cut += len(ids) > self._size
            self.given.append(self._fitted(ids))
        targets = [one for _, one in told if one]
        read = iter(self._tokenizer(text_target=targets, return_attention_mask=False)["input_ids"] if targets else [])
        for _, target in told:
            ids = list(next(read)) if target else []
            if ids and self._end not in ids[-2:]:  # behind it some models have a language
                ids.append(self._end)
            self.cut_wanted += len(ids) > self._size
            self.wanted.append(self._fitted(ids))

    def _fitted(self, ids: Sequence[int]) -> np.ndarray:
        """As many as are read; the special ones at the end stay."""
        if len(ids) <= self._size:
            return np.asarray(ids, dtype=np.int32)
        last = next((place for place in range(len(ids), 0, -1) if ids[place - 1] not in self._special), 0)
        behind = list(ids[last:])[: self._size]
        return np.asarray([*ids[: self._size - len(behind)], *behind], dtype=np.int32)


def asked(sizes: np.ndarray) -> np.ndarray:
    """What is to be written, see `TextPairs`, of targets of so many tokens: whatever has none, and of the others some,
    evenly taken."""
    told = np.full(len(sizes), OFTEN, dtype=np.int8)
    known = np.flatnonzero(sizes)
    told[known] = 0
    for most, when in ((ASKED_TOKENS, SOMETIMES), (OFTEN_TOKENS, OFTEN)):
        told[known[:: max(1, -(-int(sizes.sum()) // most))]] = when
    return told


def _lines(ids: np.ndarray, starts: np.ndarray, chosen: np.ndarray, pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Lines int64 [b, longest], at least one wide, filled up with `pad`, and where they are not."""
    begins, lengths = starts[chosen], starts[chosen + 1] - starts[chosen]
    columns = np.arange(max(1, int(lengths.max())))
    real = columns[None, :] < lengths[:, None]
    if not len(ids):
        return np.full(real.shape, pad, dtype=np.int64), real
    places = np.minimum(begins[:, None] + columns[None, :], len(ids) - 1)
    return np.where(real, ids[places], pad).astype(np.int64), real


def _flat(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)


def _starts(parts: list[np.ndarray]) -> np.ndarray:
    told = np.zeros(len(parts) + 1, dtype=np.int64)
    np.cumsum([len(one) for one in parts], out=told[1:])
    return told
