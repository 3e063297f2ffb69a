"""Find personal data in a text: where it is and of which kind.

Where finds overlap, the more certain kind wins (the order of `KINDS`: what a form or a check digit proves comes
before what is merely a possible number), then the longer find, then the earlier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from desktop_llm.data.personal.context import Span

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
    """
    if not _WORTH_A_LOOK.search(text):
        return ()
    found = [
        Find(kind=kind, start=start, end=end, text=text[start:end])
        for kind in KINDS
        for start, end in _finder(kind, regions)(text)
    ]
    found.sort(key=lambda one: (KINDS.index(one.kind), one.start - one.end, one.start))
    taken: list[Find] = []
    for one in found:
        if all(one.end <= other.start or other.end <= one.start for other in taken):
            taken.append(one)
    return tuple(sorted((one for one in taken if one.kind in kinds), key=lambda one: one.start))


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
