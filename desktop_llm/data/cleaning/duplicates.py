"""Rows that say the same as an earlier one, word for word.

The first of them stays. So give those rows first that you would rather keep, for instance the labeled ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import ClassVar

from desktop_llm.data.cleaning.step import Dropped, Row, Stage, Step, declared
from desktop_llm.data.cleaning.words import folded


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that say the same: the one that is kept, and the others in the order they came."""

    kept: int
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactDuplicates(Step):
    """Drops rows that repeat an earlier one."""

    name: ClassVar[str] = "exact_duplicates"
    title: ClassVar[str] = "Duplicates"
    does: ClassVar[str] = "Drops rows that repeat an earlier row; spaces never count as a difference."
    ignore_case: bool = declared(
        True, "Ignore case and width", "“HELLO” repeats “hello”, and full-width letters are letters."
    )

    def key(self, text: str) -> bytes:
        """Equal for texts that count as equal: 16 bytes."""
        same = " ".join((folded(text) if self.ignore_case else text).split())
        return blake2b(same.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def groups(self, rows: Iterable[Row]) -> tuple[Group, ...]:
        """All groups of two and more, in the order of the rows they keep."""
        stage = self.prepare(())()
        return grouped((id, outcome.kept) for id, text in rows if isinstance(outcome := stage(id, text), Dropped))

    def prepare(self, rows: Iterable[Row]) -> Callable[[], Stage]:
        """Needs no look ahead: each pass remembers what it has seen."""

        def start() -> Stage:
            seen: dict[bytes, int] = {}

            def stage(id: int, text: str) -> str | Dropped:
                first = seen.setdefault(self.key(text), id)
                return text if first == id else Dropped(reason="repeats an earlier row", kept=first)

            return stage

        return start


def grouped(drops: Iterable[tuple[int, int | None]]) -> tuple[Group, ...]:
    """Groups from pairs of a dropped row and the row kept for it; pairs without one are passed over."""
    others: dict[int, list[int]] = {}
    for id, kept in drops:
        if kept is not None:
            others.setdefault(kept, []).append(id)
    return tuple(Group(kept=kept, others=tuple(ids)) for kept, ids in others.items())
