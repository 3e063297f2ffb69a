"""What one copy of a project tells another: classes, rows and entries of the label history, out and in.

Classes and entries have names that hold in all copies (uids), rows are known by their hash; so copies may be brought
together in any order and as often as one likes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from desktop_llm.store import classes, events, labels
from desktop_llm.store.connection import Connections
from desktop_llm.store.hashing import HASH_BYTES, key_of, packed_hash
from desktop_llm.store.schema import DROPPED, SETTLED

AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCopy:
    """A class: its uids (several where two were found to be one), and when it was last renamed ('': never)."""

    uids: tuple[str, ...]
    name: str
    color: str
    key: str
    named_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCopy:
    """A row: its hash (hexadecimal), those that it had before its text was changed, its fields.

    `label` is the one that came with it, in the names that `ClassCopy`s have.
    """

    hash: str
    content: Mapping[str, str]
    formerly: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    split: str = ""
    source: str = ""
    label: Any | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCopy:
    """An entry of the history of the row with this hash; `turned_at` is when it was last undone or done again."""

    hash: str
    uid: str
    over: tuple[str, ...] = ()
    label: Any | None = None
    skipped: bool = False
    labeler: str = ""
    origin: str = "person"
    at: str
    active: bool = True
    turned_at: str = ""
    seconds: float | None = None

    @property
    def sound(self) -> bool:
        """Whether its hash and times are what they should be, whoever wrote them."""
        try:
            times = [datetime.fromisoformat(one) for one in (self.at, self.turned_at or self.at)]
            return len(bytes.fromhex(self.hash)) == HASH_BYTES and all(one.tzinfo is not None for one in times)
        except ValueError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What came in: entries that are `new`, others that were `turned` (undone or done again), and those `left` out.

    Left out are entries of rows that the project does not have, or has in its bin.
    """

    new: int
    turned: int
    left: int


class Joining:
    """Reads what another copy is to know, and takes in what it told."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def classes(self) -> list[ClassCopy]:
        """All classes, in their order."""
        uids: dict[int, list[str]] = {}
        for uid, number in self._connections.rows("SELECT uid, class FROM class_uids ORDER BY uid"):
            uids.setdefault(number, []).append(uid)
        return [
            ClassCopy(uids=tuple(uids.get(row[0], ())), name=row[1], color=row[2], key=row[3], named_at=row[4])
            for row in self._connections.rows(
                "SELECT id, name, color, key, named_at FROM classes WHERE position >= 0 ORDER BY position, id"
            )
        ]

    def hashes(self, items: Sequence[int]) -> dict[int, str]:
        """The hashes of rows, hexadecimal."""
        marks = ",".join("?" * len(items))
        return {row[0]: row[1].hex() for row in self._connections.rows(_HASHES.format(marks), items)}

    def bases(self, items: Sequence[int]) -> dict[int, Any]:
        """The stored labels that came with rows, of those that brought one."""
        with self._connections.reading() as connection:
            told = {item: events.base(connection, item) for item in items}
        return {item: json.loads(value) for item, value in told.items() if value is not None}

    def formerly(self, item: int) -> tuple[str, ...]:
        """The hashes that a row had before its text was changed, hexadecimal."""
        main = self._connections.row("SELECT value FROM meta WHERE key = 'main_field'")
        told = self._connections.rows(
            "SELECT before FROM edits INDEXED BY edits_by_item WHERE item = ? AND field = 'text'", (item,)
        )
        return tuple(packed_hash(main[0] if main else "text", row[0]).hex() for row in told if row[0])

    def unknown(self, rows: Sequence[RowCopy]) -> list[RowCopy]:
        """Those that the project does not have; a row it has under a former text is known by the new one, too."""
        fresh = []
        with self._connections.writing() as connection:
            for row in rows:
                keys = [key_of(bytes.fromhex(one)) for one in (row.hash, *row.formerly)]
                found = [connection.execute("SELECT item FROM keys WHERE key = ?", (key,)).fetchone() for key in keys]
                there = next((one for one in found if one is not None), None)
                if there is None:
                    fresh.append(row)
                elif found[0] is None:
                    connection.execute("INSERT INTO keys (key, item) VALUES (?, ?)", (keys[0], there[0]))
        return fresh

    def events(self, items: Sequence[int]) -> Iterator[tuple[EventCopy, Any | None]]:
        """All entries of rows, each with its stored value, as the copy's `label` is for the caller to name."""
        told = self.hashes(items)
        for item in items:
            for row in self._connections.rows(_EVENTS, (item,)):
                copy = EventCopy(
                    hash=told[item],
                    uid=row[0],
                    over=tuple(row[1].split()),
                    skipped=bool(row[3]),
                    labeler=row[4],
                    origin=row[5],
                    at=row[6],
                    active=row[7] in events.ACTIVE,
                    turned_at=row[8],
                    seconds=row[9],
                )
                yield copy, None if row[2] is None else json.loads(row[2])

    def take_classes(self, copies: Iterable[ClassCopy]) -> dict[str, str]:
        """Bring another copy's classes in: what each of its names is called here from now on. Raises UserError."""
        with self._connections.writing() as connection:
            found = {copy.name: _take_class(connection, copy) for copy in copies}
            names = dict(connection.execute("SELECT id, name FROM classes"))
        return {name: names[number] for name, number in found.items()}

    def take_bases(self, told: Iterable[tuple[str, Any]], at: str) -> None:
        """Labels (hash, stored value) that came with rows elsewhere, for rows that have neither label nor history."""
        waiting = iter(told)
        while part := list(islice(waiting, AT_ONCE)):
            with self._connections.writing() as connection:
                for digest, value in part:
                    item = _item_of(connection, digest)
                    if item is not None and events.base(connection, item) is None and not events.of(connection, item):
                        labels.put(connection, item, labels.stored(value), 0, "", at)

    def take_events(self, copies: Iterable[tuple[EventCopy, Any | None]]) -> Joined:
        """Bring another copy's entries in, each with its stored value, in pieces; to be called again if broken off.

        Entries of one row follow one another. Raises UserError.
        """
        new = turned = left = 0
        waiting = iter(copies)
        while part := list(islice(waiting, AT_ONCE)):
            with self._connections.writing() as connection:
                touched = set[int]()
                for copy, value in part:
                    item = _item_of(connection, copy.hash)
                    if item is None:
                        left += 1
                        continue
                    added, changed = _take_event(connection, item, copy, value)
                    new, turned = new + added, turned + changed
                    if added or changed:
                        touched.add(item)
                for item in touched:
                    labels.stand(connection, item)
        return Joined(new=new, turned=turned, left=left)


_HASHES = "SELECT id, hash FROM items WHERE id IN ({})"
_EVENTS = (
    "SELECT uid, over, after, after_skipped, labeler, origin, at, undone, turned_at, seconds FROM label_history"
    " INDEXED BY history_by_item WHERE item = ? ORDER BY id"
)


def _item_of(connection: sqlite3.Connection, digest: str) -> int | None:
    """The row that is, or was, what this hash says; None where there is none outside the bin."""
    row = connection.execute(
        "SELECT item FROM keys WHERE key = ? AND EXISTS (SELECT 1 FROM items WHERE id = keys.item)",
        (key_of(bytes.fromhex(digest)),),
    ).fetchone()
    return int(row[0]) if row else None


def _take_event(connection: sqlite3.Connection, item: int, copy: EventCopy, value: Any | None) -> tuple[bool, bool]:
    """Whether the entry is new, and whether one that was known is now undone or done again."""
    row = connection.execute("SELECT id, turned_at, undone FROM label_history WHERE uid = ?", (copy.uid,)).fetchone()
    undone = SETTLED if copy.active else DROPPED
    if row is not None:
        # the later word counts, and an undo where two were said at the same moment
        if (copy.turned_at, not copy.active) <= (row[1], row[2] not in events.ACTIVE):
            return False, False
        connection.execute(
            "UPDATE label_history SET undone = ?, turned_at = ? WHERE id = ?", (undone, copy.turned_at, row[0])
        )
        return False, True
    before = connection.execute("SELECT value, skipped FROM labels WHERE item = ?", (item,)).fetchone()
    old, old_skipped = before or (None, 0)
    connection.execute(
        "INSERT INTO label_history (item, before, before_skipped, after, after_skipped, labeler, origin, at, undone,"
        " uid, over, turned_at, seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            item,
            old,
            old_skipped,
            None if value is None else labels.stored(value),
            int(copy.skipped),
            copy.labeler,
            copy.origin,
            copy.at,
            undone,
            copy.uid,
            " ".join(copy.over),
            copy.turned_at,
            copy.seconds,
        ),
    )
    return True, False


def _take_class(connection: sqlite3.Connection, copy: ClassCopy) -> int:
    """The class that is meant: by its uid, by its name, or made anew; it takes the later of two names."""
    marks = ",".join("?" * len(copy.uids))
    row = connection.execute(
        f"SELECT class FROM class_uids WHERE uid IN ({marks}) ORDER BY class LIMIT 1", copy.uids
    ).fetchone()
    named = connection.execute("SELECT id FROM classes WHERE name = ?", (copy.name,)).fetchone()
    number = int(row[0]) if row else classes.ensure(connection, [copy.name])[copy.name]
    connection.executemany(
        "INSERT OR IGNORE INTO class_uids (uid, class) VALUES (?, ?)", [(uid, number) for uid in copy.uids]
    )
    then = connection.execute("SELECT named_at FROM classes WHERE id = ?", (number,)).fetchone()[0]
    if row and named is None and copy.named_at > then:
        connection.execute("UPDATE classes SET name = ?, named_at = ? WHERE id = ?", (copy.name, copy.named_at, number))
    elif not row and named is None:
        connection.execute(
            "UPDATE classes SET color = ?, named_at = ? WHERE id = ?", (copy.color, copy.named_at, number)
        )
    return number
