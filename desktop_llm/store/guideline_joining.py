"""Another copy's versions of the guideline, brought together with the project's.

Every version says what it changed, so that two people who wrote at the same time lose nothing: of the project's text,
and of each label's description, the last one counts. Where the newest version is not what all of them come to, one is
added behind it that is: the same one in every copy that knows the same versions.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, datetime, timedelta

from desktop_llm.store.events import UID_BYTES

TEXT = ""
"""What a version says it changed, where that is the project's text; a class is told by its uid."""
LONGEST = 100_000
"""Characters of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidelineCopy:
    """A version of the guideline: all that it said, descriptions by a uid of their class, and what of it was new.

    `changed` is empty in one that only brings others together.
    """

    uid: str
    text: str
    descriptions: Mapping[str, str] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    at: str
    labeler: str = ""

    @property
    def sound(self) -> bool:
        """Whether it can be what somebody wrote: it has a name, a time as we write them, and no endless text."""
        return bool(self.uid) and _is_time(self.at) and all(len(one) <= LONGEST for one in self._texts())

    def _texts(self) -> Iterable[str]:
        return self.text, *self.descriptions.values()


def copies(connection: sqlite3.Connection) -> list[GuidelineCopy]:
    """All versions, in the order of their times."""
    return [
        GuidelineCopy(
            uid=row[0],
            text=row[1],
            descriptions=json.loads(row[2]),
            changed=tuple(json.loads(row[3])),
            at=row[4],
            labeler=row[5],
        )
        for row in connection.execute(
            "SELECT uid, text, descriptions, changed, at, labeler FROM guidelines ORDER BY at, uid"
        )
    ]


def take_guidelines(connection: sqlite3.Connection, told: Iterable[GuidelineCopy]) -> int:
    """Inside a transaction, after the classes: bring another copy's versions in; how many are new."""
    new = sum(add(connection, one) for one in told)
    _bring_together(connection)
    return new


def add(connection: sqlite3.Connection, one: GuidelineCopy) -> bool:
    """Inside a transaction: keep a version; whether it is new."""
    cursor = connection.execute(
        "INSERT INTO guidelines (uid, text, descriptions, changed, at, labeler) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (uid) DO NOTHING",
        (one.uid, one.text, _stored(dict(one.descriptions)), _stored(one.changed), one.at, one.labeler),
    )
    return cursor.rowcount > 0


def described(connection: sqlite3.Connection) -> dict[str, str]:
    """What the classes mean now, by the first uid of each."""
    return dict(
        connection.execute(
            "SELECT (SELECT MIN(uid) FROM class_uids WHERE class = classes.id) AS uid, description FROM classes"
            " WHERE description <> '' ORDER BY uid"
        )
    )


def by_class(descriptions: Mapping[str, str], numbers: Mapping[str, int]) -> dict[int, str]:
    """Descriptions by uid as descriptions by class, in their order, without classes that the project does not have."""
    told = {numbers[uid]: text for uid, text in sorted(descriptions.items()) if text and uid in numbers}
    return dict(sorted(told.items()))


def class_numbers(connection: sqlite3.Connection) -> dict[str, int]:
    """The classes by all of their uids."""
    return dict(connection.execute("SELECT uid, class FROM class_uids"))


def _bring_together(connection: sqlite3.Connection) -> None:
    """Make what all versions come to the newest one, and what the classes mean."""
    versions = copies(connection)
    if not versions:
        return
    numbers = class_numbers(connection)
    text, meanings = "", dict[int, str]()
    for one in versions:
        for what in one.changed:
            if what == TEXT:
                text = one.text
            elif what in numbers:
                meanings[numbers[what]] = one.descriptions.get(what, "")
    connection.execute("UPDATE classes SET description = '' WHERE description <> ''")
    connection.executemany(
        "UPDATE classes SET description = ? WHERE id = ?", [(meaning, number) for number, meaning in meanings.items()]
    )
    newest = versions[-1]
    meanings = {number: meaning for number, meaning in meanings.items() if meaning}
    if (newest.text, by_class(newest.descriptions, numbers)) != (text, meanings):
        add(connection, _behind(newest, text, described(connection)))


def _behind(newest: GuidelineCopy, text: str, descriptions: Mapping[str, str]) -> GuidelineCopy:
    """A version that only brings others together; its name follows from what it says, so that no two copies differ."""
    said = _stored([newest.uid, text, sorted(descriptions.items())])
    at = datetime.fromisoformat(newest.at) + timedelta(microseconds=1)
    return GuidelineCopy(
        uid=hashlib.sha256(said.encode()).hexdigest()[: 2 * UID_BYTES],
        text=text,
        descriptions=descriptions,
        at=at.isoformat(timespec="microseconds"),
    )


def _is_time(at: str) -> bool:
    """Whether it is written as `events.later` and older versions do: such ones are in order as texts, too."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return False
    ways = (moment.isoformat(timespec=one) for one in ("milliseconds", "microseconds"))
    return at in ways and moment.utcoffset() == timedelta(0) and moment.year < MAXYEAR


def _stored(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
