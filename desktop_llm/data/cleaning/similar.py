"""Rows that say nearly the same as an earlier one: MinHash signatures, compared where they share a band.

A row goes when it is similar to an earlier row *that stays*. So every row that goes has its like among those that
stay, no chain of small differences joins what is different, and a second look finds nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from desktop_llm.data.cleaning.duplicates import Group, grouped
from desktop_llm.data.cleaning.step import Dropped, Row, Stage, Step, declared

_MOST_COMPARED = 200
"""Rows of one bucket that a row is compared with, the earliest: keeps data of one template from taking for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDuplicates(Step):
    """Drops rows that are nearly the same as an earlier one."""

    name: ClassVar[str] = "near_duplicates"
    title: ClassVar[str] = "Near duplicates"
    does: ClassVar[str] = "Drops rows that share most of their word sequences with an earlier row; a good estimate."
    learns: ClassVar[bool] = True
    threshold: float = declared(
        0.8,
        "Similar from",
        "Share of word sequences in common; 0.8 is about one word in twenty that differs.",
        minimum=0.5,
        maximum=1.0,
        decimals=2,
    )
    words: int = declared(2, "Words in a sequence", "More is stricter.", minimum=1, maximum=10)
    characters: int = declared(
        2, "Characters in a sequence", "The same for Chinese, Japanese and Thai.", minimum=1, maximum=20
    )

    def likes(self, rows: Iterable[Row]) -> dict[int, tuple[int, float]]:
        """For each row that is nearly the same as an earlier one: the row that stays, and how similar they are."""
        from desktop_llm.data.cleaning import signatures as minhash

        ids, signatures = minhash.collected(rows, self.words, self.characters)
        lies_in = minhash.buckets(minhash.bands(signatures, self.threshold))
        staying: dict[int, list[int]] = {}
        found: dict[int, tuple[int, float]] = {}
        for place in sorted(lies_in):
            own = lies_in.pop(place)
            others = sorted({other for bucket in own for other in staying.get(bucket, ())})
            if others:
                best, similarity = minhash.most_similar(signatures, signatures[place], others)
                if similarity >= self.threshold:
                    found[ids[place]] = (ids[best], similarity)
                    continue
            for bucket in own:
                members = staying.setdefault(bucket, [])
                if len(members) < _MOST_COMPARED:
                    members.append(place)
        return found

    def groups(self, rows: Iterable[Row]) -> tuple[Group, ...]:
        """All groups of two and more; the row that stays is the first read."""
        return grouped((id, kept) for id, (kept, _) in self.likes(rows).items())

    def prepare(self, rows: Iterable[Row]) -> Callable[[], Stage]:
        """Looks at all rows, then drops those that have their like."""
        found = self.likes(rows)

        def stage(id: int, text: str) -> str | Dropped:
            if id not in found:
                return text
            kept, similarity = found[id]
            return Dropped(reason=f"is {similarity:.0%} like an earlier row", kept=kept)

        return lambda: stage
