"""What one copy of a project tells another: classes, guideline, rows and entries of the label history, out and in.

Classes, versions of the guideline and entries have names that hold in all copies (uids), rows are known by their hash;
so copies may be brought together in any order and as often as one likes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from desktop_llm.store import events, labels
from desktop_llm.store.class_joining import ClassCopy, take_classes
from desktop_llm.store.connection import Connections
from desktop_llm.store.guideline_joining import GuidelineCopy, copies, take_guidelines
from desktop_llm.store.hashing import HASH_BYTES, key_of
from desktop_llm.store.schema import DROPPED, SETTLED

AT_ONCE = 500
KEY_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCopy:
    """A row: its hash (hexadecimal), keys or hashes that it had before its text was changed, its fields.

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
    """An entry of the history of the row with this hash; `turned_at` is when it was last undone or done again.

    `guideline` is the uid of the version by which the label was given, '' where there was none.
    """

    hash: str
    uid: str
    formerly: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    label: Any | None = None
    skipped: bool = False
    labeler: str = ""
    origin: str = "person"
    at: str
    active: bool = True
    turned_at: str = ""
    seconds: float | None = None
    guideline: str = ""

    @property
    def sound(self) -> bool:
        """Whether its hash and times are what they should be, whoever wrote them."""
        try:
            times = [datetime.fromisoformat(one) for one in (self.at, self.turned_at or self.at)]
            keys = all(len(bytes.fromhex(one)) >= KEY_BYTES for one in self.formerly)
            return keys and len(bytes.fromhex(self.hash)) == HASH_BYTES and all(one.tzinfo is not None for one in times)
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

    def guidelines(self) -> list[GuidelineCopy]:
        """All versions of the guideline."""
        with self._connections.reading() as connection:
            return copies(connection)

    def hashes(self, items: Sequence[int]) -> dict[int, str]:
        """The hashes of rows, hexadecimal."""
        marks = ",".join("?" * len(items))
        return {row[0]: row[1].hex() for row in self._connections.rows(_HASHES.format(marks), items)}

    def bases(self, items: Sequence[int]) -> dict[int, Any]:
        """The stored labels that came with rows, of those that brought one."""
        with self._connections.reading() as connection:
            told = {item: events.base(connection, item) for item in items}
        return {item: json.loads(value) for item, value in told.items() if value is not None}

    def former(self) -> dict[int, tuple[str, ...]]:
        """Keys (8 bytes, hexadecimal) by which rows are known beside that of their present text, by row."""
        if self._connections.row("SELECT 1 FROM operations LIMIT 1") is None:
            return {}
        told: dict[int, list[str]] = {}
        for item, key in self._connections.rows(
            "SELECT keys.item, key FROM keys JOIN items ON items.id = keys.item WHERE key <> key_of(hash) ORDER BY key"
        ):
            told.setdefault(item, []).append(key.to_bytes(KEY_BYTES, "little", signed=True).hex())
        return {item: tuple(keys) for item, keys in told.items()}

    def unknown(self, rows: Sequence[RowCopy]) -> list[RowCopy]:
        """Those that the project does not have, under no text that they ever had."""
        fresh = []
        with self._connections.reading() as connection:
            for row in rows:
                if _known(connection, row.hash, row.formerly) is None:
                    fresh.append(row)
        return fresh

    def texts(self, rows: Sequence[RowCopy]) -> dict[str, str]:
        """The main texts here of those that are another text here, by their hash there."""
        told = {}
        with self._connections.reading() as connection:
            for row in rows:
                item = _item_of(connection, row.hash, row.formerly)
                here = connection.execute("SELECT text, hash FROM items WHERE id = ?", (item,)).fetchone()
                if here is not None and here[1].hex() != row.hash:
                    told[row.hash] = here[0]
        return told

    def known(self, uids: Sequence[str]) -> set[str]:
        """Those of some entries that are here."""
        told = set[str]()
        for start in range(0, len(uids), AT_ONCE):
            part = uids[start : start + AT_ONCE]
            marks = ",".join("?" * len(part))
            told.update(row[0] for row in self._connections.rows(_UIDS.format(marks), part))
        return told

    def know(self, rows: Iterable[RowCopy]) -> None:
        """Let rows that are here be found by all texts that they ever had elsewhere, too."""
        waiting = iter(row for row in rows if row.formerly)
        while part := list(islice(waiting, AT_ONCE)):
            with self._connections.writing() as connection:
                for row in part:
                    item = _known(connection, row.hash, row.formerly)
                    told = [(_key(one), item) for one in (row.hash, *row.formerly)]
                    if item is not None:
                        connection.executemany("INSERT OR IGNORE INTO keys (key, item) VALUES (?, ?)", told)

    def events(
        self, items: Sequence[int], former: Mapping[int, tuple[str, ...]] | None = None
    ) -> Iterator[tuple[EventCopy, Any | None]]:
        """All entries of rows, each with its stored value, as the copy's `label` is for the caller to name."""
        told = self.hashes(items)
        for item in items:
            for row in self._connections.rows(_EVENTS, (item,)):
                copy = EventCopy(
                    hash=told[item],
                    formerly=(former or {}).get(item, ()),
                    uid=row[0],
                    over=tuple(row[1].split()),
                    skipped=bool(row[3]),
                    labeler=row[4],
                    origin=row[5],
                    at=row[6],
                    active=row[7] in events.ACTIVE,
                    turned_at=row[8],
                    seconds=row[9],
                    guideline=row[10] or "",
                )
                yield copy, None if row[2] is None else json.loads(row[2])

    def take_classes(self, copies: Iterable[ClassCopy]) -> dict[str, str]:
        """Bring another copy's classes in: what each of its names is called here from now on. Raises UserError."""
        with self._connections.writing() as connection:
            found = take_classes(connection, list(copies))
            names = dict(connection.execute("SELECT id, name FROM classes"))
        return {name: names[number] for name, number in found.items()}

    def take_guidelines(self, told: Iterable[GuidelineCopy]) -> int:
        """Bring another copy's versions of the guideline in, after its classes; how many are new. Raises UserError."""
        with self._connections.writing() as connection:
            return take_guidelines(connection, told)

    def take_bases(self, told: Iterable[tuple[RowCopy, Any]], at: str) -> None:
        """Stored labels that came with rows elsewhere, for rows that have neither label nor history here."""
        waiting = iter(told)
        while part := list(islice(waiting, AT_ONCE)):
            with self._connections.writing() as connection:
                for row, value in part:
                    item = _item_of(connection, row.hash, row.formerly)
                    if item is not None and events.base(connection, item) is None and not events.of(connection, item):
                        labels.put(connection, item, labels.stored(value), 0, "", at)

    def take_events(self, told: Iterable[tuple[EventCopy, Any | None]]) -> Joined:
        """Bring another copy's entries in, each with its stored value, in pieces; to be called again if broken off.

        Entries of one row follow one another. Raises UserError.
        """
        new = turned = left = 0
        waiting = iter(told)
        while part := list(islice(waiting, AT_ONCE)):
            with self._connections.writing() as connection:
                touched = set[int]()
                for copy, value in part:
                    item = _item_of(connection, copy.hash, copy.formerly)
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
_UIDS = "SELECT uid FROM label_history WHERE uid IN ({})"
_EVENTS = (
    "SELECT uid, over, after, after_skipped, labeler, origin, at, undone, turned_at, seconds,"
    " (SELECT uid FROM guidelines WHERE version = label_history.guideline) FROM label_history"
    " INDEXED BY history_by_item WHERE item = ? ORDER BY id"
)
_GUIDELINE = "COALESCE((SELECT version FROM guidelines WHERE uid = ?), 0)"


def _key(digest: str) -> int:
    return key_of(bytes.fromhex(digest))


def _known(connection: sqlite3.Connection, digest: str, formerly: Sequence[str]) -> int | None:
    """The row that is, was, or in the bin would be what this hash or a former one says.

    The former ones count first: what was cleaned or masked may be equal to other rows by now.
    """
    for one in (*formerly, digest):
        row = connection.execute("SELECT item FROM keys WHERE key = ?", (_key(one),)).fetchone()
        if row is not None:
            return int(row[0])
    return None


def _item_of(connection: sqlite3.Connection, digest: str, formerly: Sequence[str] = ()) -> int | None:
    """The same, None for what lies in the bin."""
    item = _known(connection, digest, formerly)
    there = item is not None and connection.execute("SELECT 1 FROM items WHERE id = ?", (item,)).fetchone() is not None
    return item if there else None


def _take_event(connection: sqlite3.Connection, item: int, copy: EventCopy, value: Any | None) -> tuple[bool, bool]:
    """Whether the entry is new, and whether one that was known is now undone or done again."""
    row = connection.execute("SELECT id, turned_at, undone FROM label_history WHERE uid = ?", (copy.uid,)).fetchone()
    undone = SETTLED if copy.active else DROPPED
    if row is not None:
        if copy.guideline:  # which an older program, through which it came first, left out
            connection.execute(
                f"UPDATE label_history SET guideline = {_GUIDELINE} WHERE id = ? AND guideline = 0",
                (copy.guideline, row[0]),
            )
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
        f" uid, over, turned_at, seconds, guideline) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {_GUIDELINE})",
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
            copy.guideline,
        ),
    )
    return True, False
