"""What a split is decided by: a row's hash, stratum, group and time; and the places that hashes have under a seed."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRow:
    """A labelled row: `hash` of its content, `stratum` to spread evenly, `split` '' when it has none yet.

    `group` is what must stay together ('' stands alone), `time` when the row came to be (any unit; None unknown).
    """

    id: int
    hash: str | bytes
    stratum: str
    split: str
    group: str = ""
    time: float | None = None


def place(content: str | bytes, seed: int) -> bytes:
    """Sixteen bytes that depend on the content and the seed alone."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    return blake2b(data, key=str(seed).encode(), digest_size=16).digest()
