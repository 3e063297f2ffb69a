"""Find personal data in a text: where it is and of which kind.

Where finds overlap, the more certain kind wins (the order of `KINDS`: what a form or a check digit proves comes
before what is merely a possible number), then the longer find, then the earlier.
"""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from desktop_llm.data.personal.context import Span, is_free

Kind = Literal["url", "email", "iban", "national_id", "card", "ip", "phone"]
KINDS: tuple[Kind, ...] = ("url", "email", "iban", "national_id", "card", "ip", "phone")
TITLES: dict[Kind, str] = {
    "url": "Web addresses",
    "email": "E-mail addresses",
    "iban": "Bank accounts (IBAN)",
    "national_id": "Identity numbers",
    "card": "Bank cards",
    "ip": "IP addresses",
    "phone": "Telephone numbers",
}
REGIONS = ("CN", "DE", "US")

# What `pseudonyms` writes in a form of its own: it belongs to nobody.
_PSEUDONYM = re.compile(
    r"person\.[a-z2-7]{12}@example\.org|https://example\.org/[a-z2-7]{12}\b|\b000-\d\d-\d{4}\b|\b12\d \d{4} \d{4}\b"
    r"|\+(?:1 \d{3} 555 01\d\d|49 30 23125\d{3}|33 1 99 \d\d \d\d \d\d|44 7700 900\d{3}|999 \d{3} \d{6})\b",
    re.ASCII,
)
_WORTH_A_LOOK = re.compile(r"\d|@|://|::|www\.|\bat\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """Personal data of a `kind` at `start` to `end` of a text (code points, end exclusive): `text` is what is there."""

    kind: Kind
    start: int
    end: int
    text: str


def find(text: str, kinds: Collection[Kind] = KINDS, regions: Collection[str] = REGIONS) -> tuple[Find, ...]:
    """All personal data of these kinds, from left to right, none overlapping another.

    `regions` (ISO country codes) tell whose telephone numbers may come without a country code. Pseudonyms that
    `masking.replace` has put in belong to nobody and are not found.

    Numbers with nothing but a space between them can be read in several ways; the leftmost reading counts.
    """
    if not _WORTH_A_LOOK.search(text):
        return ()
    found: list[Find] = []
    rest = _PSEUDONYM.sub(lambda ours: "\0" * len(ours.group()), text)
    for kind in KINDS:
        # What a more certain kind has taken is blanked, so that the others see its edges and not its digits.
        spans = _apart(_finder(kind, regions)(rest))
        for start, end in spans:
            found.append(Find(kind=kind, start=start, end=end, text=text[start:end]))
            rest = rest[:start] + "\0" * (end - start) + rest[end:]
    return tuple(sorted((one for one in found if one.kind in kinds), key=lambda one: one.start))


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Those that do not overlap: the longer one stays, of equals the first."""
    taken: list[Span] = []
    for start, end in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
        if is_free(start, end, taken):
            insort(taken, (start, end))
    return taken


def _finder(kind: Kind, regions: Collection[str]) -> Callable[[str], Iterator[Span]]:
    from desktop_llm.data.personal import accounts, identity, network, phones

    finders: dict[Kind, Callable[[str], Iterator[Span]]] = {
        "url": network.urls,
        "email": network.emails,
        "iban": accounts.ibans,
        "national_id": identity.numbers,
        "card": accounts.cards,
        "ip": network.addresses,
        "phone": lambda text: phones.phones(text, regions),
    }
    return finders[kind]
