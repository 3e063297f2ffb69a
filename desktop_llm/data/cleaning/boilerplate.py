"""Lines and sentences that come back in many rows: signatures, disclaimers, menus; found by counting.

Counting is done in a table of fixed size (a count-min sketch, Cormode and Muthukrishnan 2005), so that memory does
not grow with the rows. It can only count too much, and by its size hardly ever does.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import ClassVar

from desktop_llm.data.cleaning.step import Row, Stage, Step, declared

_MOST = 65_535
_WIDTH = 1 << 22
# A sentence ends at its mark and the space behind it; Chinese and Japanese marks need no space.
_SENTENCE_END = re.compile(r"(?<=[.!?…])(?=\s)|(?<=[。！？])(?!$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Boilerplate(Step):
    """Takes out lines and sentences that many rows share."""

    name: ClassVar[str] = "boilerplate"
    title: ClassVar[str] = "Boilerplate"
    does: ClassVar[str] = "Takes out lines and sentences that come back in many rows beside other text."
    learns: ClassVar[bool] = True
    rows: int = declared(50, "In at least … rows", "Rarer lines stay.", minimum=2, maximum=60_000)
    characters: int = declared(
        20, "With at least … characters", "Shorter ones stay: “Thanks!” is no boilerplate.", minimum=4, maximum=10_000
    )
    sentences: bool = declared(True, "Sentences too", "Off: whole lines only.")

    def phrases(self, rows: Iterable[Row]) -> frozenset[str]:
        """The lines and sentences that at least so many rows hold beside something else."""
        counts = _Counts()
        found: set[str] = set()
        for _, text in rows:
            parts = {part for part in map(str.strip, self._parts(text)) if part}
            if len(parts) < 2:
                continue
            for part in parts:
                if len(part) >= self.characters and counts.add(part) >= self.rows:
                    found.add(part)
        return frozenset(found)

    def without(self, text: str, phrases: frozenset[str]) -> str:
        """The text without the phrases; as it is when nothing else is in it."""
        if not phrases:
            return text
        parts = list(self._parts(text))
        kept = [part for part in parts if part.strip() not in phrases]
        if len(kept) == len(parts) or not any(map(str.strip, kept)):
            return text
        return re.sub(r"\n{3,}", "\n\n", re.sub(r" +(?=\n|$)|(?<=\n) +", "", "".join(kept))).strip()

    def prepare(self, rows: Iterable[Row]) -> Callable[[], Stage]:
        """Counts all rows, then takes out what came back often."""
        phrases = self.phrases(rows)

        def stage(_id: int, text: str) -> str:
            return self.without(text, phrases)

        return lambda: stage

    def _parts(self, text: str) -> Iterator[str]:
        """The text in pieces that together are the text: sentences and the line ends between."""
        for line in text.splitlines(keepends=True):
            bare = line.rstrip("\r\n")
            if self.sentences:
                yield from _SENTENCE_END.split(bare)
            else:
                yield bare
            if len(bare) < len(line):
                yield line[len(bare) :]


class _Counts:
    """How often each phrase came, in 16 MB whatever comes."""

    def __init__(self) -> None:
        self._tables = (array("H", bytes(2 * _WIDTH)), array("H", bytes(2 * _WIDTH)))

    def add(self, phrase: str) -> int:
        """Count one more and tell how often it came (at least)."""
        number = int.from_bytes(blake2b(phrase.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
        least = _MOST
        for table in self._tables:
            place = number % _WIDTH
            number >>= 32
            count = min(table[place] + 1, _MOST)
            table[place] = count
            least = min(least, count)
        return least
