"""Conversations as tokens of which only the answers are learned, and blocks in which several stand, none of them cut.

Blocks are filled by the best fit, the longest first (Ding et al. 2024, arXiv:2404.10830): what is left of a block at
its end is empty, and no answer loses its question.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from desktop_llm.nets.head_loss import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from desktop_llm.nets.learner import Report

CHUNK = 500
EMPTY = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A conversation as text: where in it answers are; `after`: the token that ends a text is to be put behind it.

    `asked` is the text up to the last answer where that is to be written, '' where not.
    """

    text: str
    answers: tuple[tuple[int, int], ...]
    after: bool
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Conversations:
    """Tokens of conversations: `ids` int32 [tokens], `learned` bool [tokens], `starts` int64 [n + 1].

    `openings` int32, `opening_starts` int64 [n + 1]: what a model is given that is to write the last answer, nothing
    where it is not. `size` is how many tokens the model learns from at once, `after` the token that ends a text.
    `often` bool [n]: which of those that are written are so also while the model learns; None: all.
    """

    ids: np.ndarray
    learned: np.ndarray
    starts: np.ndarray
    openings: np.ndarray
    opening_starts: np.ndarray
    size: int
    after: int
    often: np.ndarray | None = None

    @property
    def lengths(self) -> np.ndarray:
        """Tokens to be foretold of each, as far as they are read; int64 [n]."""
        told: np.ndarray = np.clip(np.diff(self.starts) - 1, 1, self.size)
        return told

    @property
    def strata(self) -> np.ndarray | None:
        """A conversation has no class."""
        return None

    def __len__(self) -> int:
        """The number of conversations."""
        return len(self.starts) - 1

    @property
    def counted(self) -> np.ndarray:
        """How many tokens of each are learned; int64 [n]."""
        sums = np.concatenate([[0], np.cumsum(self.learned)])
        ends = np.minimum(self.starts[1:], self.starts[:-1] + self.size + 1)
        first = np.minimum(self.starts[:-1] + 1, self.starts[1:])  # nothing foretells the first one
        told: np.ndarray = sums[np.maximum(ends, first)] - sums[first]
        return told

    def one(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """The tokens of a conversation and those that are to be foretold, IGNORED where nothing is; int64."""
        start = int(self.starts[place])
        end = min(int(self.starts[place + 1]), start + self.size + 1)
        ids = self.ids[start:end].astype(np.int64)
        if len(ids) < 2:
            return np.full(1, self.after, dtype=np.int64), np.full(1, IGNORED, dtype=np.int64)
        return ids[:-1], np.where(self.learned[start + 1 : end], ids[1:], IGNORED)

    def opening(self, place: int) -> np.ndarray:
        """What a model is given that is to answer; empty where it is not."""
        told: np.ndarray = self.openings[self.opening_starts[place] : self.opening_starts[place + 1]]
        return told

    def blocks(self, *, joined: bool) -> AnswerBlocks:
        """All conversations that have something to learn, in blocks; not `joined`, each in one of its own."""
        places = np.flatnonzero(self.counted)
        lengths = self.lengths
        longest = int(lengths[places].max()) if len(places) else 1
        if not joined:
            return AnswerBlocks(self, [[int(place)] for place in places], longest)
        width = min(self.size, max(longest, int(lengths[places].sum()))) if len(places) else 1
        return AnswerBlocks(self, _filled(places, lengths, width), width)


@dataclass(frozen=True, slots=True)
class AnswerBlocks:
    """`groups` are the places of the conversations of each block, which has `width` tokens."""

    conversations: Conversations
    groups: list[list[int]]
    width: int

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each block; all the same."""
        return np.full(len(self), self.width, dtype=np.int64)

    @property
    def strata(self) -> np.ndarray | None:
        """A block has no class."""
        return None

    @property
    def joined(self) -> bool:
        """Whether any block holds more than one conversation."""
        return any(len(group) > 1 for group in self.groups)

    @property
    def most(self) -> int:
        """How many conversations a block holds at most, what is empty behind them counted as one."""
        return max(map(len, self.groups), default=0) + 1

    def __len__(self) -> int:
        """The number of blocks."""
        return len(self.groups)

    def batch(self, indices: Sequence[int], *, apart: bool) -> dict[str, torch.Tensor]:
        """`input_ids` and `labels` int64 [b, width].

        `apart`: also `documents`, the number of each place's conversation in its block (EMPTY where there is none),
        and `position_ids`, counted from its beginning.
        """
        shape = (len(indices), self.width)
        ids = np.full(shape, self.conversations.after, dtype=np.int64)
        labels = np.full(shape, IGNORED, dtype=np.int64)
        documents = np.full(shape, EMPTY, dtype=np.int64)
        positions = np.zeros(shape, dtype=np.int64)
        for line, index in enumerate(indices):
            at = 0
            for number, place in enumerate(self.groups[index]):
                given, wanted = self.conversations.one(place)
                here = slice(at, at + len(given))
                ids[line, here], labels[line, here] = given, wanted
                documents[line, here], positions[line, here] = number, np.arange(len(given))
                at += len(given)
            positions[line, at:] = np.arange(self.width - at)
        told = {"input_ids": ids, "labels": labels}
        if apart:
            told |= {"documents": documents, "position_ids": positions}
        return {name: torch.from_numpy(value) for name, value in told.items()}


def measured_batch(told: Conversations, indices: Sequence[int]) -> dict[str, torch.Tensor]:
    """The chosen conversations as they are: `input_ids`, `labels` int64 [b, longest].

    Where any is to be answered, also `asked`, which lines of the batch, and `openings` with `seen` [asked, longest]:
    what is given, at the right, and where there is anything; and `often` bool [asked] where that is told.
    """
    lines = [told.one(index) for index in indices]
    width = max(len(ids) for ids, _ in lines)
    ids = np.full((len(lines), width), told.after, dtype=np.int64)
    labels = np.full((len(lines), width), IGNORED, dtype=np.int64)
    for number, (given, wanted) in enumerate(lines):
        ids[number, : len(given)], labels[number, : len(given)] = given, wanted
    made = {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}
    asked = [number for number, index in enumerate(indices) if len(told.opening(index))]
    if asked:
        openings = [told.opening(indices[number]) for number in asked]
        longest = max(map(len, openings))
        given = np.full((len(asked), longest), told.after, dtype=np.int64)
        seen = np.zeros((len(asked), longest), dtype=np.int64)
        for number, one in enumerate(openings):
            given[number, longest - len(one) :], seen[number, longest - len(one) :] = one, 1
        made |= {
            "asked": torch.tensor(asked),
            "openings": torch.from_numpy(given),
            "seen": torch.from_numpy(seen),
        }
        if told.often is not None:
            made["often"] = torch.from_numpy(told.often[np.asarray(indices)[asked]])
    return made


def gathered(
    lines: Sequence[tuple[Sequence[int], int]], openings: Sequence[Sequence[int]], *, after: int, size: int
) -> Conversations:
    """Conversations of tokens: the lines, in each of which what comes from a place on is learned, and openings."""
    ids = [np.asarray(line, dtype=np.int32) for line, _ in lines]
    learned = [np.arange(len(line)) >= place for line, place in lines]
    asked = [np.asarray(one, dtype=np.int32) for one in openings]
    return Conversations(
        _flat(ids, np.int32),
        _flat(learned, np.bool_),
        _starts(ids),
        _flat(asked, np.int32),
        _starts(asked),
        size,
        after,
    )


def encode(
    tokenizer: PreTrainedTokenizerBase, conversations: Iterable[Told], *, after: int, size: int, report: Report
) -> Conversations:
    """Texts to tokens: a token is learned that begins in an answer. A special token in a text is one."""
    made = _Making(tokenizer, after, size)
    waiting: list[Told] = []
    for one in conversations:
        waiting.append(one)
        if len(waiting) == CHUNK:
            made.add(waiting)
            waiting = []
            report("Reading the conversations", made.count, 0)
    made.add(waiting)
    report("Reading the conversations", made.count, 0)
    return made.made()


class _Making:
    """Conversations in the making."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, after: int, size: int) -> None:
        self._tokenizer, self._after, self._size = tokenizer, after, size
        self._ids: list[np.ndarray] = []
        self._learned: list[np.ndarray] = []
        self._openings: list[np.ndarray] = []

    @property
    def count(self) -> int:
        return len(self._ids)

    def add(self, told: Sequence[Told]) -> None:
        if not told:
            return
        read = self._tokenizer([one.text for one in told], add_special_tokens=False, return_offsets_mapping=True)
        for one, ids, offsets in zip(told, read["input_ids"], read["offset_mapping"], strict=True):
            begins = np.asarray([begin for begin, _ in offsets], dtype=np.int64)
            learned = np.zeros(len(ids), dtype=bool)
            for start, end in one.answers:
                learned |= (begins >= start) & (begins < end)
            more = [self._after] if one.after else []
            self._ids.append(np.asarray([*ids, *more], dtype=np.int32))
            self._learned.append(np.concatenate([learned, np.ones(len(more), dtype=bool)]))
        asked = [one.asked for one in told if one.asked]
        given = iter(self._tokenizer(asked, add_special_tokens=False)["input_ids"] if asked else [])
        self._openings.extend(np.asarray(next(given) if one.asked else [], dtype=np.int32) for one in told)

    def made(self) -> Conversations:
        return Conversations(
            _flat(self._ids, np.int32),
            _flat(self._learned, np.bool_),
            _starts(self._ids),
            _flat(self._openings, np.int32),
            _starts(self._openings),
            self._size,
            self._after,
        )


def _flat(parts: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=kind)


def _starts(parts: list[np.ndarray]) -> np.ndarray:
    told = np.zeros(len(parts) + 1, dtype=np.int64)
    np.cumsum([len(one) for one in parts], out=told[1:])
    return told


def _filled(places: np.ndarray, lengths: np.ndarray, width: int) -> list[list[int]]:
    """Each conversation into the fullest block that has room for it, the longest first."""
    groups: list[list[int]] = []
    rooms: list[tuple[int, int]] = []
    """What room blocks have, the least first, and their numbers."""
    for place in places[np.argsort(-lengths[places], kind="stable")].tolist():
        size = int(lengths[place])
        at = bisect_left(rooms, (size, -1))
        if at < len(rooms):
            room, number = rooms.pop(at)
        else:
            room, number = width, len(groups)
            groups.append([])
        groups[number].append(place)
        if room > size:
            insort(rooms, (room - size, number))
    return groups
