"""Texts as tokens with the words that they make, each with its place in the text: what models that tag work with.

A word is what a tag is given to: the tokens of a letter word together, and each token by itself where scripts do not
part words. Long texts are read in windows that overlap; a word is judged where it has the most around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from desktop_llm.errors import UserError
from desktop_llm.nets import seams
from desktop_llm.nets.tokens import rarest
from desktop_llm.nets.word_places import Place, words_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from desktop_llm.nets.learner import Report

CHUNK = 500
OVERLAP = 4
"""A window shares this part of itself (a fourth) with the next."""


class Window(NamedTuple):
    """Tokens `start` to `end` of a text, of which it judges those from `first` to `last`."""

    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class WordRows:
    """Texts as tokens without special ones, and their words.

    `ids` int32 [tokens], `starts` int64 [n + 1]; `heads` int32 [words]: the first token of each word, counted from the
    text's first; `places` int32 [words, 2]: its beginning and end in code points; `targets` int16 [words], −1 where
    nobody knows; `word_starts` int64 [n + 1]. `room` is how many tokens a window has. `said` float16
    [words, 1 + classes]: a teacher's logits of no class and of each, NaN where it knows no such word. `seams` int32
    [words]: which of `kinds` the seam before each word is, see `nets.seams`.
    """

    ids: np.ndarray
    starts: np.ndarray
    heads: np.ndarray
    places: np.ndarray
    targets: np.ndarray
    word_starts: np.ndarray
    before: tuple[int, ...]
    after: tuple[int, ...]
    room: int
    seams: np.ndarray
    kinds: tuple[str, ...]
    said: np.ndarray | None = None

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text in all of its windows, int64 [n]."""
        special = len(self.before) + len(self.after)
        sizes = np.diff(self.starts)
        long = sizes > self.room
        told: np.ndarray = sizes + special
        for place in np.flatnonzero(long):
            told[place] = sum(one.end - one.start + special for one in windows(int(sizes[place]), self.room))
        return told

    @property
    def classes(self) -> np.ndarray:
        """The class of each word, int64 [words], −1 for none and where nobody knows."""
        return np.where(self.targets > 0, (self.targets.astype(np.int64) - 1) // 2, -1)

    @property
    def strata(self) -> np.ndarray:
        """The label of each text, int64 [n]: the rarest that it has, by texts; one more where it has none."""
        text, kinds = np.repeat(np.arange(len(self)), np.diff(self.word_starts)), self.classes
        marked = kinds >= 0
        has = np.zeros((len(self), int(kinds.max(initial=-1)) + 1), dtype=bool)
        has[text[marked], kinds[marked]] = True
        return rarest(has)

    @property
    def firsts(self) -> np.ndarray:
        """The first word of each text that has any, int64."""
        told: np.ndarray = self.word_starts[:-1][np.diff(self.word_starts) > 0]
        return told

    @property
    def mean_words(self) -> float:
        """Words a text has on average, at least one."""
        return max(1.0, len(self.heads) / max(1, len(self)))

    def __len__(self) -> int:
        """The number of texts."""
        return len(self.starts) - 1


def windows(size: int, room: int) -> list[Window]:
    """The windows over a text of `size` tokens, each of at most `room`; together they judge every token once."""
    if size <= room:
        return [Window(0, size, 0, size)]
    step = max(1, room - room // OVERLAP)
    starts = [*range(0, size - room, step), size - room]
    edges = [0, *(((one + room) + other) // 2 for one, other in pairwise(starts)), size]
    return [Window(start, start + room, edges[at], edges[at + 1]) for at, start in enumerate(starts)]


def encode(
    tokenizer: PreTrainedTokenizerBase,
    rows: Iterable[tuple[str, Sequence[tuple[int, int, int]] | None]],
    max_length: int,
    report: Report,
) -> WordRows:
    """Encode (text, spans [start, end, class] without overlap, or None): targets are 0, 1 + 2 × class, 2 + 2 × class.

    That is outside, beginning, inside. Raises UserError for a tokenizer that does not say where its tokens are.
    """
    if not tokenizer.is_fast:
        raise UserError("The model's tokenizer does not say where in the text its tokens are; choose another model.")
    before, after = _specials(tokenizer)
    made = _Making()
    texts: list[str] = []
    labels: list[Sequence[tuple[int, int, int]] | None] = []

    def flush() -> None:
        if texts:
            told = tokenizer(
                texts,
                add_special_tokens=False,
                return_offsets_mapping=True,
                return_attention_mask=False,
                return_token_type_ids=False,
            )
            for text, spans, ids, offsets in zip(texts, labels, told["input_ids"], told["offset_mapping"], strict=True):
                made.add(text, spans, ids, offsets)
            texts.clear()
            labels.clear()
            report("Reading the texts", made.count, 0)

    for text, spans in rows:
        texts.append(text)
        labels.append(spans)
        if len(texts) == CHUNK:
            flush()
    flush()
    return made.rows(before, after, max(1, max_length - len(before) - len(after)))


class _Making:
    """Rows in the making."""

    def __init__(self) -> None:
        self.count = 0
        self._ids: list[np.ndarray] = []
        self._heads: list[np.ndarray] = []
        self._places: list[np.ndarray] = []
        self._targets: list[np.ndarray] = []
        self._seams: list[np.ndarray] = []
        self._kinds = {"": 0}

    def add(
        self,
        text: str,
        spans: Sequence[tuple[int, int, int]] | None,
        ids: Sequence[int],
        offsets: Sequence[Place],
    ) -> None:
        heads, places = words_of(text, offsets)
        targets = [-1] * len(places) if spans is None else tagged(places, spans)
        self._ids.append(np.asarray(ids, dtype=np.int32))
        self._heads.append(np.asarray(heads, dtype=np.int32))
        self._places.append(np.asarray(places, dtype=np.int32).reshape(-1, 2))
        self._targets.append(np.asarray(targets, dtype=np.int16))
        told = [self._kinds.setdefault(kind, len(self._kinds)) for kind in seams.kinds(text, places)]
        self._seams.append(np.asarray(told, dtype=np.int32))
        self.count += 1

    def rows(self, before: tuple[int, ...], after: tuple[int, ...], room: int) -> WordRows:
        return WordRows(
            ids=_joined(self._ids, np.zeros(0, np.int32)),
            starts=_starts(self._ids),
            heads=_joined(self._heads, np.zeros(0, np.int32)),
            places=_joined(self._places, np.zeros((0, 2), np.int32)),
            targets=_joined(self._targets, np.zeros(0, np.int16)),
            word_starts=_starts(self._heads),
            before=before,
            after=after,
            room=room,
            seams=_joined(self._seams, np.zeros(0, np.int32)),
            kinds=tuple(self._kinds),
        )


def tagged(places: Sequence[Place], spans: Sequence[tuple[int, int, int]]) -> list[int]:
    """The target of each word; a word that a span only touches is part of it, of two spans the first counts."""
    targets = [0] * len(places)
    at = 0
    for start, end, number in sorted(spans):
        while at < len(places) and places[at][1] <= start:
            at += 1
        first = True
        while at < len(places) and places[at][0] < end:
            targets[at] = (1 if first else 2) + 2 * number
            first = False
            at += 1
    return targets


def touching(rows: WordRows) -> set[int]:
    """The classes of which a span begins right behind the last word of another one, in rows whose targets are known."""
    kinds, anew = _anew(rows)
    return set(kinds[anew].tolist())


def mostly_inside(rows: WordRows, classes: set[int]) -> WordRows:
    """The rows with the words that begin a span told as inside of it, but for those right behind another of `classes`.

    That is IOB1 (Ramshaw and Marcus, 1995) instead of IOB2: a beginning is told apart only where it tells anything.
    """
    kinds, anew = _anew(rows)
    begins = (rows.targets > 0) & (rows.targets % 2 == 1) & ~(anew & np.isin(kinds, sorted(classes)))
    return replace(rows, targets=np.where(begins, rows.targets + 1, rows.targets).astype(rows.targets.dtype))


def _anew(rows: WordRows) -> tuple[np.ndarray, np.ndarray]:
    """The class of each word, −1 for none, and where a span begins right behind another one of its class."""
    kinds = rows.classes
    anew = (rows.targets > 0) & (rows.targets % 2 == 1)
    anew[1:] &= kinds[1:] == kinds[:-1]
    anew[rows.firsts] = False  # at the beginning of a text nothing goes before
    return kinds, anew


def collate(rows: WordRows, indices: Sequence[int], pad_id: int) -> dict[str, torch.Tensor]:
    """A batch of the windows of the chosen texts, one below the other.

    `input_ids` int64 [windows, longest], `attention_mask` only where something is padded; for each word in order
    `at` int64 [words] (its first token in the flattened ids), `labels`, `places` [words, 2]; `sizes` [b] words a text.
    """
    lines: list[np.ndarray] = []
    words: list[tuple[int, np.ndarray]] = []  # the window, and the columns of the words that it judges
    sizes: list[int] = []
    picked: list[np.ndarray] = []
    for index in indices:
        ids = rows.ids[rows.starts[index] : rows.starts[index + 1]]
        own = slice(int(rows.word_starts[index]), int(rows.word_starts[index + 1]))
        heads = rows.heads[own]
        for window in windows(len(ids), rows.room):
            lines.append(np.concatenate([rows.before, ids[window.start : window.end], rows.after]).astype(np.int64))
            here = heads[(heads >= window.first) & (heads < window.last)]
            words.append((len(lines) - 1, here.astype(np.int64) - window.start + len(rows.before)))
        sizes.append(len(heads))
        picked.append(np.arange(own.start, own.stop))
    width = max(len(line) for line in lines)
    ids = np.full((len(lines), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(lines), width), dtype=np.int64)
    for number, line in enumerate(lines):
        ids[number, : len(line)] = line
        mask[number, : len(line)] = 1
    order = np.concatenate(picked)
    batch = {
        "input_ids": torch.from_numpy(ids),
        "at": torch.from_numpy(np.concatenate([number * width + columns for number, columns in words])),
        "labels": torch.from_numpy(rows.targets[order].astype(np.int64)),
        "places": torch.from_numpy(rows.places[order].astype(np.int64)),
        "sizes": torch.tensor(sizes),
    }
    if rows.said is not None:
        batch["said"] = torch.from_numpy(rows.said[order].astype(np.float32))
    return batch if mask.all() else {**batch, "attention_mask": torch.from_numpy(mask)}


def _specials(tokenizer: PreTrainedTokenizerBase) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The special tokens before and behind a text."""
    told = tokenizer("a", return_special_tokens_mask=True)
    ids, mask = told["input_ids"], told["special_tokens_mask"]
    inside = [place for place, special in enumerate(mask) if not special]
    if not inside:
        return tuple(ids), ()
    return tuple(ids[: inside[0]]), tuple(ids[inside[-1] + 1 :])


def _joined(parts: Sequence[np.ndarray], empty: np.ndarray) -> np.ndarray:
    return np.concatenate(parts) if parts else empty


def _starts(parts: Sequence[np.ndarray]) -> np.ndarray:
    starts = np.zeros(len(parts) + 1, dtype=np.int64)
    np.cumsum([len(part) for part in parts], out=starts[1:])
    return starts
