"""Tokens hidden at random to be foretold, as BERT has it: eight of ten are replaced by [MASK], one by any token, one
stays (Devlin et al. 2019).

What is drawn comes from torch's random numbers on the processor, which a run seeds and its checkpoints keep: each step
hides other tokens, and a resumed run hides the same ones. Of every block equally many are hidden, so that all steps
have one shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from desktop_llm.nets.head_loss import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from desktop_llm.nets.packing import Documents

REPLACED, RANDOM = 0.8, 0.1
EVERY = 7
"""To measure, one token of so many is hidden, in even distances: about the share that BERT hides."""
WORDPIECE, SPACED = "##", "Ġ"


@dataclass(frozen=True, slots=True)
class Masking:
    """What is hidden: a `share` of the tokens that are not special, by the token `mask`.

    `special` bool [vocabulary]; `continues` bool [vocabulary]: tokens that go on with a word, hidden together with its
    beginning, or None where each is hidden alone; `plain` int64: the tokens that may stand in for another.
    """

    share: float
    mask: int
    special: torch.Tensor
    plain: torch.Tensor
    continues: torch.Tensor | None

    def hide(self, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        """`input_ids` int64 [b, t] with some hidden; `hidden` int64 [b, k] their places, `targets` what stood there.

        A target is IGNORED where a block has too few tokens to hide.
        """
        count = max(1, round(self.share * ids.shape[1]))
        order = torch.rand(ids.shape)
        if self.continues is not None:
            order = order.gather(1, _beginnings(self.continues[ids]))
        special = self.special[ids]
        hidden = torch.where(special, 2.0, order).argsort(dim=1, stable=True)[:, :count]
        told = ids.gather(1, hidden)
        chance = torch.rand(told.shape)
        other = self.plain[torch.randint(len(self.plain), told.shape)]
        shown = torch.where(chance < REPLACED, self.mask, torch.where(chance < REPLACED + RANDOM, other, told))
        none = special.gather(1, hidden)
        return {
            "input_ids": ids.scatter(1, hidden, torch.where(none, told, shown)),
            "hidden": hidden,
            "targets": torch.where(none, IGNORED, told),
        }


def masking(tokenizer: PreTrainedTokenizerBase, vocabulary: int, share: float, *, whole_words: bool) -> Masking:
    """What a recipe asks for, with a tokenizer and the size of the model's vocabulary."""
    known = tokenizer.get_vocab()
    special = torch.zeros(vocabulary, dtype=torch.bool)
    special[[one for one in tokenizer.all_special_ids if one < vocabulary]] = True
    continues = torch.zeros(vocabulary, dtype=torch.bool)
    by_bytes = any(token.startswith(SPACED) for token in known)
    for token, place in known.items():
        if by_bytes:  # letters of scripts that do not part words are bytes here, and each is hidden alone
            continues[place] = token[:1].isascii() and token[:1].isalpha()
        else:
            continues[place] = token.startswith(WORDPIECE)
    there = torch.zeros(vocabulary, dtype=torch.bool)
    there[list(known.values())] = True
    plain = torch.nonzero(there & ~special).flatten()
    mask = tokenizer.mask_token_id
    assert isinstance(mask, int), "a model that fills gaps has a token for them"
    return Masking(share, mask, special, plain, continues & ~special if whole_words else None)


def _beginnings(continues: torch.Tensor) -> torch.Tensor:
    """Where the word of each place begins; bool [b, t] to int64 [b, t]."""
    places = torch.arange(continues.shape[1]).expand(continues.shape)
    return torch.where(continues, 0, places).cummax(dim=1).values


def measured_batch(documents: Documents, indices: Sequence[int], mask: int) -> dict[str, torch.Tensor]:
    """The chosen texts in windows, every `EVERY`th token hidden, always the same ones of the same text.

    `input_ids`, `attention_mask` int64 [windows, longest]; `places` int64 [k] in the flattened ids, `targets` and
    `owner` (the text of each) int64 [k]; `texts` int64 [b], empty but for its length.
    """
    room = max(1, documents.size - 2)
    lines: list[np.ndarray] = []
    hidden: list[tuple[int, int, int]] = []
    for place, index in enumerate(indices):
        own = documents.whole(index)[1:-1].astype(np.int64)
        for start in range(0, max(1, len(own)), room):
            line = own[start : start + room]
            first = int(line.sum()) % min(EVERY, len(line)) if len(line) else 0
            hidden += [(len(lines), 1 + at, place) for at in range(first, len(line), EVERY)]
            lines.append(np.concatenate([[documents.before], line, [documents.after]]))
    width = max(map(len, lines))
    ids = np.full((len(lines), width), documents.after, dtype=np.int64)
    seen = np.zeros((len(lines), width), dtype=np.int64)
    for number, line in enumerate(lines):
        ids[number, : len(line)], seen[number, : len(line)] = line, 1
    places = np.asarray([line * width + at for line, at, _ in hidden], dtype=np.int64)
    targets = ids.reshape(-1)[places]
    ids.reshape(-1)[places] = mask
    told = {"input_ids": ids, "attention_mask": seen, "places": places, "targets": targets}
    told |= {"owner": np.asarray([place for _, _, place in hidden], dtype=np.int64)}
    return {name: torch.from_numpy(value) for name, value in told.items()} | {"texts": torch.zeros(len(indices))}
