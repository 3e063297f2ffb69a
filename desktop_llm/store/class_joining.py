"""Another copy's classes, brought together with the project's: known by their uids, then by their names.

Copies that have exchanged their classes call them the same: the later of two names counts, and where two classes want
one name, the one with the lower uid has it. What a class means comes with the guideline (`guideline_joining`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from desktop_llm.store import classes

UID_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCopy:
    """A class: its uids (several where two were found to be one), and when it was last renamed ('': never)."""

    uids: tuple[str, ...]
    name: str
    color: str
    key: str
    named_at: str


def take_classes(connection: sqlite3.Connection, copies: Sequence[ClassCopy]) -> dict[str, int]:
    """Inside a transaction: the class that each name of the copies means here, made anew where there was none."""
    found = {copy.name: number for copy in copies if (number := _by_uid(connection, copy)) is not None}
    _rename(connection, [(found[copy.name], copy) for copy in copies if copy.name in found])
    claimed = set(found.values())
    for copy in copies:
        if copy.name not in found:
            number = found[copy.name] = _by_name(connection, copy, claimed)
            claimed.add(number)
        connection.executemany(
            "INSERT OR IGNORE INTO class_uids (uid, class) VALUES (?, ?)",
            [(uid, found[copy.name]) for uid in copy.uids],
        )
    return found


def _by_uid(connection: sqlite3.Connection, copy: ClassCopy) -> int | None:
    marks = ",".join("?" * len(copy.uids))
    row = connection.execute(
        f"SELECT class FROM class_uids WHERE uid IN ({marks}) ORDER BY class LIMIT 1", copy.uids
    ).fetchone()
    return int(row[0]) if row else None


def _rename(connection: sqlite3.Connection, told: Sequence[tuple[int, ClassCopy]]) -> None:
    """Give classes the names that were given elsewhere later than here; all at once, as names may have been swapped."""
    later = []
    for number, copy in told:
        name, at = connection.execute("SELECT name, named_at FROM classes WHERE id = ?", (number,)).fetchone()
        if copy.named_at > at and copy.name != name:
            later.append((number, copy))
            connection.execute("UPDATE classes SET name = ? WHERE id = ?", (f"\0{number}", number))
    for number, copy in later:
        _call(connection, number, copy.name, copy.named_at)


def _by_name(connection: sqlite3.Connection, copy: ClassCopy, claimed: set[int]) -> int:
    """The class of this name, unless it is another one of the copies; then, and without any, a new one."""
    row = connection.execute("SELECT id FROM classes WHERE name = ?", (copy.name,)).fetchone()
    if row is not None and row[0] not in claimed:
        return int(row[0])
    number = classes.ensure(connection, [f"\0{copy.uids[0]}"])[f"\0{copy.uids[0]}"]
    connection.execute("DELETE FROM class_uids WHERE class = ?", (number,))
    connection.executemany("INSERT INTO class_uids (uid, class) VALUES (?, ?)", [(uid, number) for uid in copy.uids])
    connection.execute("UPDATE classes SET color = ? WHERE id = ?", (copy.color, number))
    _call(connection, number, copy.name, copy.named_at)
    return number


def _call(connection: sqlite3.Connection, number: int, name: str, at: str) -> None:
    """Give a class a name; where another one has it, that one or this gets its uid behind it."""
    other = connection.execute("SELECT id, named_at FROM classes WHERE name = ? AND id <> ?", (name, number)).fetchone()
    if other is None:
        connection.execute("UPDATE classes SET name = ?, named_at = ? WHERE id = ?", (name, at, number))
        return
    last = max(at, other[1])
    uids = {one: _uid(connection, one) for one in (number, int(other[0]))}
    loser = max(uids, key=lambda one: uids[one])
    called = f"{name} ({uids[loser][:UID_SHOWN]})"
    connection.execute("UPDATE classes SET name = ?, named_at = ? WHERE id = ?", (called, last, loser))
    if loser != number:
        connection.execute("UPDATE classes SET name = ?, named_at = ? WHERE id = ?", (name, at, number))


def _uid(connection: sqlite3.Connection, number: int) -> str:
    return str(connection.execute("SELECT MIN(uid) FROM class_uids WHERE class = ?", (number,)).fetchone()[0])
