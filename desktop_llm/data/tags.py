"""Tags of tokens and the spans that they stand for: IO, IOB1, IOB2 (BIO), BIOES and BILOU.

One reading serves all of them (after Tjong Kim Sang and Veenstra, 1999, and seqeval's rules): B, S and U always open
a span; I, E and L go on with an open span of the same label and open one where there is none; S, U, E and L close it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

Scheme = Literal["iob2", "bioes"]
OUTSIDE = "O"
TAG = re.compile(r"O|[BIESLU]-\S.*")


class Stretch(NamedTuple):
    """A span counted in tokens, the end exclusive."""

    start: int
    end: int
    label: str


def stretches(tags: Sequence[str]) -> list[Stretch]:
    """The spans that a sentence's tags stand for."""
    found: list[Stretch] = []
    start, label = -1, ""
    for place, tag in enumerate([*tags, OUTSIDE]):
        prefix, name = parted(tag)
        if label and (prefix not in ("I", "E", "L") or name != label):
            found.append(Stretch(start, place, label))
            label = ""
        if name and not label:
            start, label = place, name
        if label and prefix in ("E", "L", "S", "U"):
            found.append(Stretch(start, place + 1, label))
            label = ""
    return found


def tags(count: int, spans: Sequence[Stretch], scheme: Scheme) -> list[str]:
    """The tags of `count` tokens with these spans, which must not overlap."""
    told = [OUTSIDE] * count
    for start, end, label in spans:
        for place in range(start, end):
            told[place] = f"{'B' if place == start else 'I'}-{label}"
        if scheme == "bioes":
            told[end - 1] = f"{'S' if end - start == 1 else 'E'}-{label}"
    return told


def parted(tag: str) -> tuple[str, str]:
    """Prefix and label of a tag; a tag that is a bare label counts as inside of it."""
    if tag in (OUTSIDE, "", "_"):
        return "", ""
    if len(tag) > 2 and tag[1] == "-" and tag[0] in "BIESLU":
        return tag[0], tag[2:]
    return "I", tag
