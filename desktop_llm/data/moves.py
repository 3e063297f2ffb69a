"""Where the places of a text are after the text has changed, so that spans move with it.

A span keeps what is left of it: what was taken off its ends or changed inside is no harm. One that an unlike piece
replaces in part is cut, and has no place any more.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from difflib import SequenceMatcher
from functools import partial
from typing import NamedTuple

from desktop_llm.errors import UserError

CRLF = re.compile("\r\n")
FORMS: tuple[Callable[[str], str], ...] = (
    partial(unicodedata.normalize, "NFC"),
    partial(unicodedata.normalize, "NFKC"),
    partial(unicodedata.normalize, "NFD"),
    html.unescape,
)
"""What usually turns a piece into one of another length; tried on both sides of a span's end."""

ANCHOR, LONG_ANCHOR = 4, 12
"""Characters that must be the same again behind a small difference, and behind a large one."""
LONGEST_PARTED = 300
"""Characters of a change in which more is looked for that is the same."""
NEAR, FAR = 48, 4000
"""How far behind a difference is looked, in both texts together, for a short and for a long anchor."""


class Change(NamedTuple):
    """Characters `start` to `end` of a text that became those of another text; code points, ends exclusive."""

    start: int
    end: int
    after_start: int
    after_end: int


class Moves:
    """The places of one text, `before`, in what it has become."""

    def __init__(self, before: str, after: str, changes: Iterable[Change]) -> None:
        """`changes` from left to right, none overlapping another; all else is equal."""
        self._before, self._after = before, after
        self._changes = tuple(changes)
        self._ends = [one.end for one in self._changes]

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """Where the span is now; None when it was cut or nothing of it is left. Raises UserError if it never was."""
        if not 0 <= start < end <= len(self._before):
            raise UserError(f"the span {start}–{end} does not lie in the text of {len(self._before)} characters")
        first, last = self._place(start, at_start=True), self._place(end, at_start=False)
        return (first, last) if first is not None and last is not None and first < last else None

    def _place(self, point: int, *, at_start: bool) -> int | None:
        """A span's edge; what was put in just there stays outside of the span."""
        at = bisect_right(self._ends, point)
        while not at_start and at and self._changes[at - 1].start == point:
            at -= 1
        if at < len(self._changes) and self._changes[at].start < point:
            return self._inside(self._changes[at], point)
        return point + (self._changes[at - 1].after_end - self._changes[at - 1].end if at else 0)

    def _inside(self, one: Change, point: int) -> int | None:
        if one.after_start == one.after_end:
            return one.after_start  # taken away: the span shrinks
        before, after = self._before[one.start : one.end], self._after[one.after_start : one.after_end]
        cut = point - one.start
        if len(before) == len(after):
            return one.after_start + cut
        for form in FORMS:
            left, right = form(before[:cut]), form(before[cut:])
            if left + right == after:
                return one.after_start + len(left)
        return None


def between(before: str, after: str) -> Moves:
    """The moves from one text to another, found by comparing them."""
    return Moves(before, after, _changes(before, after))


def _changes(before: str, after: str) -> list[Change]:
    """What changed, from left to right: at a difference, the nearest place where both go on alike.

    Takes time in proportion to the texts, as cleaning changes many places by a little each.
    """
    found: list[Change] = []
    at, other = 0, 0
    while True:
        same = _alike(before, after, at, other)
        at, other = at + same, other + same
        if at == len(before) and other == len(after):
            return found
        left, right = _next_alike(before, after, at, other)
        found += _parted(before, after, Change(at, left, other, right))
        at, other = left, right


def _parted(before: str, after: str, one: Change) -> Iterator[Change]:
    """A change in parts, where words inside of it are the same."""
    start, other = one.start, one.after_start
    if 1 < max(one.end - start, one.after_end - other) <= LONGEST_PARTED:
        told = SequenceMatcher(None, before[start : one.end], after[other : one.after_end], autojunk=False)
        for first, second, size in told.get_matching_blocks():
            piece = before[one.start + first : one.start + first + size]
            if size > 1 and any(sign.isalnum() for sign in piece):
                yield Change(start, one.start + first, other, one.after_start + second)
                start, other = one.start + first + size, one.after_start + second + size
    if start < one.end or other < one.after_end:
        yield Change(start, one.end, other, one.after_end)


def _alike(before: str, after: str, at: int, other: int) -> int:
    """How many characters from there on are the same."""
    count, step = 0, 1024
    while step:
        piece = before[at + count : at + count + step]
        if len(piece) == step and after.startswith(piece, other + count):
            count += step
        else:
            step //= 2
    return count


def _next_alike(before: str, after: str, at: int, other: int) -> tuple[int, int]:
    """The nearest places behind a difference from which both go on alike, for a while or to their ends."""
    for far in range(1, NEAR):
        for left in range(far + 1):
            here, there = at + left, other + far - left
            piece = before[here : here + ANCHOR]
            if here > len(before) or there > len(after) or not after.startswith(piece, there):
                continue
            if len(piece) == ANCHOR or len(after) - there == len(piece):
                return here, there
    known: dict[str, int] = {}
    for there in range(other, min(other + FAR, len(after) - LONG_ANCHOR + 1)):
        known.setdefault(after[there : there + LONG_ANCHOR], there)
    for here in range(at, min(at + FAR, len(before) - LONG_ANCHOR + 1)):
        if (place := known.get(before[here : here + LONG_ANCHOR])) is not None:
            return here, place
    return len(before), len(after)


def tidied(raw: str) -> str:
    """A cell as the text of a row: the same text saved on two systems differs in its line ends only; it is one text."""
    return raw.replace("\r\n", "\n").strip()


def tidying(raw: str) -> Moves:
    """The moves from a cell to the row's text."""
    body = raw.strip()
    if not body:
        return Moves(raw, "", [Change(0, len(raw), 0, 0)])
    lead = len(raw) - len(raw.lstrip())
    tail = lead + len(body)
    changes = [Change(0, lead, 0, 0)] if lead else []
    gone = lead
    for found in CRLF.finditer(raw, lead, tail):
        at = found.start() - gone
        changes.append(Change(found.start(), found.start() + 1, at, at))
        gone += 1
    if tail < len(raw):
        changes.append(Change(tail, len(raw), tail - gone, tail - gone))
    return Moves(raw, tidied(raw), changes)
