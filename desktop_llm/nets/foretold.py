"""How a model foretells each token of a text that is there: its chance, and the likeliest ones in its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

import torch

from desktop_llm.jobs.generation import Piece
from desktop_llm.nets import encoding, token_words

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOP = 5
AT_ONCE = 256
"""Tokens whose chances exist at once."""


def cut(tokenizer: PreTrainedTokenizerBase, text: str) -> tuple[list[int], list[str]]:
    """The tokens that a run reads of a text, and the part of it that each stands for; together they are the text.

    Of tokens that make one character together the first has it and the others ''; of a tokenizer that does not say
    where its tokens are, the last.
    """
    if not tokenizer.is_fast:
        ids = list(tokenizer(text, add_special_tokens=False)["input_ids"])
        reader = token_words.Reader(tokenizer)
        return ids, [reader.read(one) for one in ids]
    backend = tokenizer.backend_tokenizer
    encoding.settle(backend)
    told = backend.encode(text, add_special_tokens=False)
    parts, at = [], 0
    for _, end in told.offsets:
        parts.append(text[at:end])
        at = max(at, end)
    if parts:
        parts[-1] += text[at:]
    return list(told.ids), parts


def pieces(
    tokenizer: PreTrainedTokenizerBase,
    ids: Sequence[int],
    parts: Sequence[str | None],
    logits: Iterable[torch.Tensor],
    after: int,
) -> Iterator[tuple[Piece, int]]:
    """The `parts` of a text with their chances, and how many tokens each is: those of one character are one piece.

    None is the end, a piece of no text. `logits` float32 [k, vocabulary] are what was said of the tokens `ids`, some at
    a time and in their order; `after` is the token that ends a text.
    """
    held: Piece | None = None
    size = 0
    for part, (chance, top) in zip(parts, _judged(tokenizer, ids, logits, after), strict=True):
        if held is not None and part == "":
            held, size = replace(held, probability=held.probability * chance), size + 1
            continue
        if held is not None:
            yield held, size
        held, size = Piece(text=part or "", probability=chance, top=top), 1
    if held is not None:
        yield held, size


def _judged(
    tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], logits: Iterable[torch.Tensor], after: int
) -> Iterator[tuple[float, tuple[tuple[str, float], ...]]]:
    """The chance of each token, and the likeliest ones in its place."""
    at = 0
    for some in chain.from_iterable(torch.split(one, AT_ONCE) for one in logits):
        with torch.inference_mode():
            chances = torch.softmax(some.float(), dim=-1)
            own = chances.gather(1, torch.tensor(ids[at : at + len(some)], device=some.device)[:, None])[:, 0].tolist()
            top = torch.topk(chances, min(TOP, chances.shape[1]), dim=-1)
            likeliest, values = top.indices.tolist(), top.values.tolist()
        at += len(some)
        words = token_words.words_of(tokenizer, {token for row in likeliest for token in row}, after)
        for chance, tokens, each in zip(own, likeliest, values, strict=True):
            yield chance, tuple((words[token], value) for token, value in zip(tokens, each, strict=True))
