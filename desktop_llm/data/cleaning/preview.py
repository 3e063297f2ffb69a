"""Cleaning shown on real rows: before and after with the places that differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice

from desktop_llm.data.cleaning.pipeline import Change, Drop, plan
from desktop_llm.data.cleaning.step import Row, Step

_LONGEST_COMPARED = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where two texts differ: characters `start` to `end` of the one stand for those of the other; code points."""

    start: int
    end: int
    after_start: int
    after_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A row before and after, the places that differ, and the steps at work.

    A row that goes has `dropped`, a clause after “the row”, and no places; `kept` is the row that stays for it.
    """

    id: int
    before: str
    after: str
    places: tuple[Place, ...]
    steps: tuple[str, ...]
    dropped: str = ""
    kept: int | None = None


def preview(
    rows: Iterable[Row], steps: Sequence[Step], limit: int = 50, *, structured: bool = False
) -> tuple[Sample, ...]:
    """The first `limit` rows that the steps would change or drop.

    Steps that count and compare see only the rows given here: give as many as can be waited for.
    """
    listed = list(rows)
    texts = dict(listed)
    return tuple(_sample(outcome, texts) for outcome in islice(plan(listed, steps, structured=structured), limit))


def places(before: str, after: str) -> tuple[Place, ...]:
    """Where two texts differ, from left to right. Long stretches that differ are told as one place."""
    start = 0
    shorter = min(len(before), len(after))
    while start < shorter and before[start] == after[start]:
        start += 1
    tail = 0
    while tail < shorter - start and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    middle, other = before[start : len(before) - tail], after[start : len(after) - tail]
    if not middle and not other:
        return ()
    if max(len(middle), len(other)) > _LONGEST_COMPARED or not middle or not other:
        return (Place(start=start, end=start + len(middle), after_start=start, after_end=start + len(other)),)
    return tuple(
        Place(start=start + a, end=start + b, after_start=start + c, after_end=start + d)
        for kind, a, b, c, d in SequenceMatcher(None, middle, other, autojunk=False).get_opcodes()
        if kind != "equal"
    )


def _sample(outcome: Change | Drop, texts: dict[int, str]) -> Sample:
    if isinstance(outcome, Drop):
        text = texts[outcome.id]
        return Sample(
            id=outcome.id,
            before=text,
            after="",
            places=(),
            steps=(outcome.step,),
            dropped=outcome.reason,
            kept=outcome.kept,
        )
    return Sample(
        id=outcome.id,
        before=outcome.before,
        after=outcome.after,
        places=places(outcome.before, outcome.after),
        steps=outcome.steps,
    )
