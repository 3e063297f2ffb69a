"""The highest number that a tokenizer.json gives to a token, found without the tokenizer."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import msgspec

FILE = "tokenizer.json"


class _Added(msgspec.Struct):
    id: int = -1


class _Model(msgspec.Struct):
    vocab: dict[str, int] | list[tuple[str, float]] = {}


class _Tokenizer(msgspec.Struct):
    model: _Model
    added_tokens: list[_Added] = []


def highest(folder: Path) -> int:
    """The highest number; −1 where there is none to be seen, or the file cannot be read (who loads it says why)."""
    try:
        there = (folder / FILE).stat()
    except OSError:
        return -1
    return _highest(folder / FILE, there.st_mtime_ns, there.st_size)


@lru_cache(maxsize=64)
def _highest(path: Path, changed: int, size: int) -> int:
    """`changed` and `size`: of which state of the file the answer is."""
    try:
        read = msgspec.json.decode(path.read_bytes(), type=_Tokenizer)
    except (OSError, msgspec.MsgspecError):
        return -1
    vocab = read.model.vocab
    own = max(vocab.values(), default=-1) if isinstance(vocab, dict) else len(vocab) - 1
    return max([own, *(one.id for one in read.added_tokens)])
