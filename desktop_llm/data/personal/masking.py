"""Personal data blacked out, named by its kind, or replaced by pseudonyms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from desktop_llm.data.personal.find import Find, Kind
from desktop_llm.data.personal.pseudonyms import Pseudonyms

Mask = Literal["blocks", "kind"]
WORDS: dict[Kind, str] = {
    "url": "[URL]",
    "email": "[EMAIL]",
    "iban": "[IBAN]",
    "national_id": "[ID]",
    "card": "[CARD]",
    "ip": "[IP]",
    "phone": "[PHONE]",
}


def mask(text: str, finds: Iterable[Find], style: Mask = "kind") -> str:
    """The text with a word for each find ([EMAIL]), or with as many blocks (█) as it has characters."""
    if style == "blocks":
        return _with(text, finds, lambda one: "█" * (one.end - one.start))
    return _with(text, finds, lambda one: WORDS[one.kind])


def replace(text: str, finds: Iterable[Find], pseudonyms: Pseudonyms) -> str:
    """The text with a pseudonym for each find. Finding and replacing again changes nothing."""
    return _with(text, finds, pseudonyms.of)


def _with(text: str, finds: Iterable[Find], word: Callable[[Find], str]) -> str:
    """The text with other words at the finds. Raises ValueError when a find is not there or overlaps another."""
    pieces: list[str] = []
    at = 0
    for one in sorted(finds, key=lambda found: found.start):
        if one.start < at or text[one.start : one.end] != one.text:
            raise ValueError("the finds are not of this text")
        pieces += [text[at : one.start], word(one)]
        at = one.end
    return "".join([*pieces, text[at:]])
