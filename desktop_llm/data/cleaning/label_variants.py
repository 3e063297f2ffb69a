"""Labels that are probably one, spelled in several ways. Only proposed: which of them are one, a person decides."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from desktop_llm.data.cleaning.words import folded

# Signs that people put between or around words. Not + and #: C, C++ and C# are three labels.
_SEPARATORS = re.compile(r"[\s_\-–—‐‑.,:;/\\|&'’\"“”()\[\]*!?·、，。：；]+")
_NUMBERS = re.compile(r"(?:(?<!\w)[-−])?\d+(?:[.,:/-]\d+)*")
_RARE = 0.1
_LEAST_LETTERS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Merger:
    """A proposal: `others` become `keep`. `kind` 'spelling' (the same letters) or 'typing' (one letter apart)."""

    keep: str
    others: tuple[str, ...]
    kind: Literal["spelling", "typing"]


def variants(counts: Mapping[str, int]) -> tuple[Merger, ...]:
    """Proposals from how often each label is used, the most used labels first; a label stands in one of them at most.

    Kept is the label used most, of equals the one without odd spaces, then the first in the alphabet.
    """
    alike: dict[str, list[str]] = {}
    for label in counts:
        alike.setdefault(_bare(label), []).append(label)
    kept = {bare: min(labels, key=lambda label: _rank(label, counts)) for bare, labels in alike.items()}
    totals = {bare: sum(counts[label] for label in labels) for bare, labels in alike.items()}
    typed = _mistyped(totals)
    found: list[Merger] = []
    for bare, labels in alike.items():
        others = tuple(sorted(label for label in labels if label != kept[bare]))
        if others:
            found.append(Merger(keep=kept[bare], others=others, kind="spelling"))
    joined = {label for merger in found for label in (merger.keep, *merger.others)}
    for wrong, right in typed.items():
        if kept[wrong] not in joined:
            found.append(Merger(keep=kept[right], others=(kept[wrong],), kind="typing"))
    return tuple(sorted(found, key=lambda merger: (-counts[merger.keep], merger.keep, merger.others)))


def _bare(label: str) -> str:
    """The letters and digits of a label; numbers keep what makes them numbers, so that 1.0 is not 10."""
    text = folded(unicodedata.normalize("NFKC", label)).strip()
    pieces: list[str] = []
    at = 0
    for number in _NUMBERS.finditer(text):
        pieces += [_SEPARATORS.sub("", text[at : number.start()]), f"<{number.group()}>"]
        at = number.end()
    pieces.append(_SEPARATORS.sub("", text[at:]))
    return "".join(pieces) or text


def _rank(label: str, counts: Mapping[str, int]) -> tuple[int, bool, str]:
    return -counts[label], label != " ".join(label.split()), label


def _mistyped(totals: Mapping[str, int]) -> dict[str, str]:
    """Rare labels that are one letter away from a far more common one: wrong to right."""
    # All texts that lack one letter: two labels share one when they are a letter (or a swap) apart.
    lacking: dict[str, list[str]] = {}
    letters = [bare for bare in totals if len(bare) >= _LEAST_LETTERS and not any(map(str.isdigit, bare))]
    for bare in letters:
        for short in {bare, *(bare[:at] + bare[at + 1 :] for at in range(len(bare)))}:
            lacking.setdefault(short, []).append(bare)
    right: dict[str, str] = {}
    for near in lacking.values():
        most = max(near, key=lambda bare: (totals[bare], bare))
        for bare in near:
            if totals[bare] <= _RARE * totals[most] and totals[most] > totals.get(right.get(bare, ""), 0):
                right[bare] = most
    return {wrong: to for wrong, to in right.items() if to not in right}
