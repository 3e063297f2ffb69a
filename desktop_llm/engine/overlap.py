"""Texts that a run is to be measured on and learns from as well: such figures are too good."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from desktop_llm.engine.watching import Advice

LEAST_ROWS, LEAST_SHARE = 3, 0.01
"""A few repeats are in every collection, and change no figure by much."""


def advice(splits: Mapping[str, Iterable[Mapping[str, Any]]]) -> Advice | None:
    """Compare held-out rows with `train` but for case and spaces; None where there is nothing to say."""
    keys = Counter(_key(row) for name, rows in splits.items() if name != "train" for row in rows)
    # what is held out is less than what is learned from, which need not be in memory
    found = {key for row in splits.get("train", ()) if (key := _key(row)) in keys} if keys else set()
    held, shared = keys.total(), sum(keys[key] for key in found)
    if shared < max(LEAST_ROWS, LEAST_SHARE * held):
        return None
    message = (
        f"{shared:,} of the {held:,} held-out texts are among the training texts, too, but for case and spaces: the "
        "figures will be too good."
    )
    return Advice(about="leakage", message=message, action="leakage")


def _key(row: Mapping[str, Any]) -> bytes:
    """What a row says, without its id and label."""
    said = "\0".join(" ".join(str(row[name]).casefold().split()) for name in sorted(row) if name not in ("id", "label"))
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest()
