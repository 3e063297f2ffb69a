"""What a row's label is when several people gave it one: what nobody has replaced stands.

Each entry of a row's history tells which entries its author saw and replaced (`over`). What an active entry has
replaced, at first or second hand, stands no longer; what is left are the heads. One head, or heads that say the same,
are the label; heads that differ are a dispute, which an entry over all of them ends. As this follows from the entries
alone, and not from the order in which they came, copies of a project that have exchanged them agree (a multi-value
register; Shapiro et al., "A comprehensive study of Convergent and Commutative Replicated Data Types", 2011).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An entry of a row's history. `value` as stored (JSON text) or None; `at` and `uid` give the order of all;
    `seconds` is how long the row was looked at, where that was measured."""

    uid: str
    over: tuple[str, ...]
    value: str | None
    skipped: bool
    labeler: str
    origin: str
    at: str
    active: bool
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The label that stands, whose it is, and whether others differ."""

    value: str | None
    skipped: bool
    labeler: str
    at: str
    disputed: bool


def heads(events: Sequence[Event]) -> list[Event]:
    """The active entries that no other active one has replaced, the earliest first."""
    replaced = _replaced(events)
    return sorted((one for one in events if one.active and one.uid not in replaced), key=order)


def standing(events: Sequence[Event], base: str | None) -> Standing:
    """What stands; `base` is the label that came with the row, if any.

    Who skipped or cleared a row does not disagree with those who labeled it. In a dispute the earliest stands.
    """
    found = heads(events)
    labels = [one for one in found if one.value is not None]
    if labels:
        first = labels[0]
        disputed = any(one.value != first.value for one in labels)
        return Standing(value=first.value, skipped=False, labeler=first.labeler, at=first.at, disputed=disputed)
    if found:
        last = found[-1]
        return Standing(
            value=None,
            skipped=any(one.skipped for one in found),
            labeler=last.labeler,
            at=last.at,
            disputed=False,
        )
    return Standing(value=base, skipped=False, labeler="", at="", disputed=False)


def opinions(events: Sequence[Event]) -> dict[str, Event]:
    """What each labeler said by himself, not having seen another's label: his last active such entry, by labeler."""
    by_uid = {one.uid: one for one in events}
    told: dict[str, Event] = {}
    for one in sorted(events, key=order):
        if one.active and one.origin not in ("import", "bulk", "decision") and _alone(one, by_uid):
            told[one.labeler] = one
    return told


def order(event: Event) -> tuple[str, str]:
    """By time, and by name where the time is the same."""
    return event.at, event.uid


def _alone(event: Event, by_uid: Mapping[str, Event]) -> bool:
    """Whether no other labeler's label is behind an entry; who skipped a row or cleared it has told nothing of it."""
    behind = (by_uid[uid] for uid in _behind(event.over, by_uid))
    return all(one.labeler == event.labeler or one.value is None for one in behind)


def _replaced(events: Sequence[Event]) -> set[str]:
    by_uid = {one.uid: one for one in events}
    return _behind((uid for one in events if one.active for uid in one.over), by_uid)


def _behind(begin: Iterable[str], by_uid: Mapping[str, Event]) -> set[str]:
    """These entries and all that they replaced, as far as they are known."""
    waiting, seen = list(begin), set[str]()
    while waiting:
        uid = waiting.pop()
        if uid in by_uid and uid not in seen:
            seen.add(uid)
            waiting.extend(by_uid[uid].over)
    return seen
