"""Texts to token ids, as fast as the tokenizer's own library makes them: in chunks, on all processors.

While one chunk is encoded, the texts of the next are read and the ids of the one before it put into place.
"""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHUNK = 1000
CHUNK_CHARACTERS = 1_000_000
"""A chunk has at most so many texts, and ends with the one by which it has so many characters."""
PARALLEL = "TOKENIZERS_PARALLELISM"

Ids = list[list[int]]


def pieces(
    tokenizer: PreTrainedTokenizerBase,
    texts: Iterable[str],
    kind: Any,
    before: int,
    after: int,
    on_chunk: Callable[[int], None],
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The row of `nets.packing` piece by piece: ids of `kind`, and where texts begin in the whole, int64.

    `on_chunk` is told how many texts are done. Put together the pieces have all texts, and as the last of the
    beginnings the end.
    """
    apart = before != after
    length = 0 if apart else 1
    done = 0
    yield np.full(length, after, dtype=kind), np.zeros(1, dtype=np.int64)
    for told in _encoded(tokenizer, texts):
        row = array("q")
        for ids in told:
            if apart:
                row.append(before)
            row.fromlist(ids)
            row.append(after)
        sizes = np.fromiter(map(len, told), dtype=np.int64, count=len(told)) + 1 + int(apart)
        begins = np.cumsum(sizes) + length - int(not apart)
        length += len(row)
        done += len(told)
        yield np.frombuffer(row, dtype=np.int64).astype(kind), begins
        on_chunk(done)


def name_of(tokenizer: PreTrainedTokenizerBase) -> str:
    """A hash of all that decides what ids a text becomes; '' for one that cannot tell."""
    if not tokenizer.is_fast:
        return ""
    backend = tokenizer.backend_tokenizer
    settle(backend)
    return hashlib.sha256(backend.to_str().encode()).hexdigest()


def _encoded(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]) -> Iterator[Ids]:
    """The ids of each chunk of texts."""
    if not tokenizer.is_fast:
        for chunk in _chunks(texts):
            told = tokenizer(chunk, add_special_tokens=False, return_attention_mask=False)["input_ids"]
            yield [list(ids) for ids in told]
        return
    backend = tokenizer.backend_tokenizer
    settle(backend)
    with on_all_processors(), ThreadPoolExecutor(1) as pool:  # the library lets go of Python while it works
        waiting = None
        chunks: Iterable[list[str] | None] = chain(_chunks(texts), (None,))
        for texts_now in chunks:
            coming = None
            if texts_now is not None:
                coming = pool.submit(backend.encode_batch_fast, texts_now, add_special_tokens=False)
            if waiting is not None:
                yield [encoding.ids for encoding in waiting.result()]
            waiting = coming


def settle(backend: Any) -> None:
    """Let it read all of a text, and what looks like a special token as text."""
    backend.encode_special_tokens = True
    backend.no_truncation()
    backend.no_padding()


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for text in texts:
        chunk.append(text)
        size += len(text)
        if len(chunk) == CHUNK or size >= CHUNK_CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


@contextmanager
def on_all_processors() -> Iterator[None]:
    """Else the library works in one thread, as it is told at the start for what is small."""
    was = os.environ.get(PARALLEL)
    os.environ[PARALLEL] = "true"
    try:
        yield
    finally:
        if was is None:
            del os.environ[PARALLEL]
        else:
            os.environ[PARALLEL] = was
