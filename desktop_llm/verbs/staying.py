"""Personal data that may stay: a decision of a person, which History lists and can undo.

It is remembered by keyed hashes of the values, so that the same value is known again wherever it comes up, and the
project holds no list of them.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_llm.data.personal.find import TITLES, Find, Kind
from desktop_llm.errors import UserError

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project

OPERATION = "personal_keep"
EARLIER = "personal.kept"
"""The note of projects from before this could be undone."""
HASH_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Different values by kind, and in how many rows they are."""

    rows: int
    of: Mapping[Kind, Collection[str]]


class Kept:
    """Knows the values that may stay."""

    def __init__(self, project: Project) -> None:
        """Those of the project now."""
        self._known: dict[str, set[str]] = {}
        for told in (project.notes.get(EARLIER, default={}), *project.decisions.standing(OPERATION)):
            for kind, text in told.items():
                self._known.setdefault(kind, set()).update(_parts(text))
        self._secret = project.notes.secret() if self._known or not project.read_only else b""

    def __contains__(self, one: Find) -> bool:
        """Whether this find may stay."""
        known = self._known.get(one.kind)
        return known is not None and self.hash(one.kind, one.text) in known

    def hash(self, kind: str, value: str) -> str:
        """What a value is known by."""
        whole = hmac.digest(self._secret, f"kept\0{kind}\0{value}".encode("utf-8", "surrogatepass"), "sha256")
        return whole[:HASH_BYTES].hex()

    def new(self, kind: str, hashes: Collection[str]) -> bool:
        """Whether one of these is not known yet."""
        return not self._known.get(kind, set()).issuperset(hashes)


def keep(project: Project, values: Values, *, labeler: str = "") -> Outcome:
    """Let these values stay, as one operation; none where all of them may already. Raises UserError."""
    from desktop_llm.store.decisions import NOTHING

    if project.read_only:
        raise UserError(f"“{project.path}” can only be read now: {project.holder}")
    may_stay = Kept(project)
    told = {kind: sorted({may_stay.hash(kind, one) for one in some}) for kind, some in values.of.items() if some}
    if not any(may_stay.new(kind, hashes) for kind, hashes in told.items()):
        return NOTHING
    named = ", ".join(TITLES[kind].lower() for kind, some in values.of.items() if some)
    return project.decisions.add(
        OPERATION,
        f"Personal data: {named} may stay",
        {kind: "".join(hashes) for kind, hashes in told.items()},
        rows=values.rows,
        details={"values": {kind: len(hashes) for kind, hashes in told.items()}},
        labeler=labeler,
    )


def _parts(text: str) -> list[str]:
    size = 2 * HASH_BYTES
    return [text[start : start + size] for start in range(0, len(text), size)]
