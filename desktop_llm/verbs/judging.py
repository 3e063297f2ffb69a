"""Whether a bundle holds what it should, found out before the project is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from desktop_llm.data import bundle
from desktop_llm.data.bundle import CLASSES, EVENTS, GUIDELINES, ROWS
from desktop_llm.errors import UserError
from desktop_llm.jobs.snapshot import SPLITS
from desktop_llm.store.class_joining import ClassCopy
from desktop_llm.store.guideline_joining import GuidelineCopy
from desktop_llm.store.hashing import content_hash
from desktop_llm.store.joining import EventCopy, RowCopy

if TYPE_CHECKING:
    from desktop_llm.tasks.task import Labels


def judge(packed: bundle.Unpacking, name: str, rules: Labels) -> None:
    """Judge every record before the project is touched. Raises UserError."""
    names: dict[int, str] = {}
    for place, one in enumerate(packed.take(CLASSES, ClassCopy), 1):
        if not one.name.strip() or not one.uids:
            raise UserError(f"“{name}” is damaged: a label has no name; ask for the bundle again.")
        names[place] = one.name
    numbers = {one: number for number, one in names.items()}
    for row in packed.take(ROWS, RowCopy):
        sound = content_hash(row.content).hex() == row.hash and row.split in ("", *SPLITS)
        if not sound or not _is_label(row.label, rules, names, numbers):
            raise UserError(f"“{name}” is damaged: a row is not what it was written as; ask for the bundle again.")
    versions = _checked_versions(packed, name)
    for event in packed.take(EVENTS, EventCopy):
        if event.guideline not in versions:
            raise UserError(f"“{name}” is damaged: it lacks a version of the guideline; ask for the bundle again.")
        if not (event.sound and event.uid):
            raise UserError(f"“{name}” is damaged: a label's time or place is no such; ask for the bundle again.")
        if not _is_label(event.label, rules, names, numbers):
            raise UserError(f"“{name}” is damaged: it holds a label that is none; ask for the bundle again.")


def _checked_versions(packed: bundle.Unpacking, name: str) -> set[str]:
    """The uids of the guideline's versions, with '' for none. Raises UserError."""
    uids = {""}
    for one in packed.take(GUIDELINES, GuidelineCopy, needed=False):
        if not one.sound:
            raise UserError(f"“{name}” is damaged: a version of the guideline is none; ask for the bundle again.")
        uids.add(one.uid)
    return uids


def _is_label(named: Any | None, rules: Labels, names: Mapping[int, str], numbers: Mapping[str, int]) -> bool:
    """Whether it is a label in names of the bundle's own classes, or none."""
    if named is None:
        return True
    try:
        return bool(rules.to_named(rules.to_value(named, numbers), names) == named)
    except (UserError, TypeError, KeyError, ValueError, AttributeError, IndexError):
        return False  # whatever it is, no rule reads it
