"""Encoded texts as flat arrays: made once, then sliced into padded batches without touching Python strings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from desktop_llm.errors import UserError
from desktop_llm.nets.learner import Pieces

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from desktop_llm.nets.learner import Report

CHUNK = 1000
Target = int | np.ndarray
"""What is to be answered of a text: a class, or int8 [classes]: whether each applies. −1 where nobody knows."""


@dataclass(frozen=True, slots=True)
class TokenRows:
    """Texts as token ids and, where known, class indices.

    `ids` int32 [total tokens], `starts` int64 [n + 1], `targets` int64 [n] (−1 where there is no label), or int8
    [n, classes] where several may apply. `said` float16 [n, classes]: a teacher's logits, None where there is none.
    """

    ids: np.ndarray
    starts: np.ndarray
    targets: np.ndarray
    said: np.ndarray | None = None

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, int64 [n]."""
        return np.diff(self.starts)

    @property
    def strata(self) -> np.ndarray:
        """The class of each text, int64 [n]: its target; where several apply, the rarest; where none does, one more."""
        if self.targets.ndim == 1:
            return self.targets
        return rarest(self.targets > 0)

    def __len__(self) -> int:
        """The number of texts."""
        return len(self.targets)


def rarest(applies: np.ndarray) -> np.ndarray:
    """The rarest class that applies to each example, of bool [n, classes], as int64 [n]; one more where none does."""
    if not applies.shape[1]:
        return np.zeros(len(applies), dtype=np.int64)
    order = np.argsort(applies.sum(axis=0), kind="stable")
    found: np.ndarray = np.where(applies.any(axis=1), order[applies[:, order].argmax(axis=1)], applies.shape[1])
    return found


def encode(
    tokenizer: PreTrainedTokenizerBase,
    rows: Iterable[tuple[str, Target]],
    max_length: int,
    report: Report,
) -> TokenRows:
    """Encode (text, target) pairs with special tokens, cut at `max_length` tokens.

    Uses the tokenizer's own Rust batch call on a thousand texts at a time, without padding.
    """
    pieces: list[np.ndarray] = []
    lengths: list[int] = []
    targets: list[Target] = []
    texts: list[str] = []

    def flush() -> None:
        if not texts:
            return
        for encoding in tokenizer(
            texts, truncation=True, max_length=max_length, return_attention_mask=False, return_token_type_ids=False
        )["input_ids"]:
            pieces.append(np.asarray(encoding, dtype=np.int32))
            lengths.append(len(encoding))
        texts.clear()
        report("Reading the texts", len(lengths), 0)

    for text, target in rows:
        texts.append(text)
        targets.append(target)
        if len(texts) == CHUNK:
            flush()
    flush()
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    ids = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int32)
    kind = np.int64 if not targets or isinstance(targets[0], int) else np.int8
    return TokenRows(ids, starts, np.asarray(targets, dtype=kind))


def pieces(tokenizer: PreTrainedTokenizerBase, text: str, max_length: int) -> Pieces:
    """A text as `encode` has it, with the places of its tokens. Raises UserError where these are not known."""
    if not tokenizer.is_fast:
        raise UserError("The model's tokenizer does not say where in the text its tokens are; choose another model.")
    told = tokenizer(
        text, truncation=True, max_length=max_length, return_offsets_mapping=True, return_special_tokens_mask=True
    )
    return Pieces(told["input_ids"], told["offset_mapping"], [bool(one) for one in told["special_tokens_mask"]])


def pad(rows: TokenRows, indices: Sequence[int], pad_id: int, steps: int = 1) -> dict[str, torch.Tensor]:
    """A batch: `input_ids` int64 [b, longest]; `labels` [b] or [b, classes].

    `attention_mask` int64 [b, longest] is there only where something is padded. With `steps` above 1 the length is a
    multiple of it, and the mask always there: batches then have few shapes. `said` float32 [b, classes] where a teacher
    was asked.
    """
    chosen = np.asarray(indices, dtype=np.int64)
    starts, ends = rows.starts[chosen], rows.starts[chosen + 1]
    lengths = ends - starts
    width = -(-int(lengths.max()) // steps) * steps
    columns = np.arange(width)
    real = columns[None, :] < lengths[:, None]
    places = np.minimum(starts[:, None] + columns[None, :], len(rows.ids) - 1)
    ids = np.where(real, rows.ids[places], pad_id).astype(np.int64)
    batch = {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(rows.targets[chosen])}
    if steps > 1 or not real.all():
        batch["attention_mask"] = torch.from_numpy(real.astype(np.int64))
    if rows.said is not None:
        batch["said"] = torch.from_numpy(rows.said[chosen].astype(np.float32))
    return batch
