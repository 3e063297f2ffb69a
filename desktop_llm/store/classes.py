"""The classes of a project's label schema: names, colours, keys, order."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from desktop_llm.errors import UserError
from desktop_llm.rows import Changes, Class
from desktop_llm.store.class_schema import CLASSES_OF
from desktop_llm.store.connection import Connections
from desktop_llm.store.events import later
from desktop_llm.store.schema import DROPPED, SETTLED, VISIBLE

COLORS = (
    "#3558e6", "#17845a", "#b3690b", "#c8372d", "#7a4fd0", "#0e7f93", "#b03a7a", "#5a7a1c", "#8a5a2b", "#4a6480",
)  # fmt: skip
KEYS = "123456789bcefhijklmnopqrtuvwxyz"
"""Keys given to classes in order; a, d, s and g are left for moving, skipping and the guideline."""
MERGE = "merge_class"
"""The kind of operation that gives all labels of a class to another one."""
OWN_KEYS = frozenset("0123456789")
"""Keys that a class gets which is called by them."""
USES = f"? IN ({CLASSES_OF.format('{0}')})"
"""Whether a stored label uses a class."""
NUMBER = re.compile(r"\s*([-+−]?\d+(?:[.,]\d+)?)(?!\d)")
"""The number with which a name begins."""


class Classes:
    """Reads and changes classes. Every change returns what it changed."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def all(self) -> list[Class]:
        """The classes in their order, with the number of labels that use each (each of a list counts)."""
        rows = self._connections.rows(
            "SELECT id, name, color, key, (SELECT COUNT(*) FROM class_items"
            f" WHERE class = classes.id AND item <= {VISIBLE}), description, archived, merged FROM classes"
            " WHERE position >= 0 ORDER BY position, id"
        )
        return [
            Class(
                id=row[0],
                name=row[1],
                color=row[2],
                key=row[3],
                count=row[4],
                description=row[5],
                archived=bool(row[6]),
                merged=row[7],
            )
            for row in rows
        ]

    def names(self) -> dict[int, str]:
        """The names by id."""
        return dict(self._connections.rows("SELECT id, name FROM classes WHERE position >= 0"))

    def ensure(self, names: Iterable[str]) -> dict[str, int]:
        """Ids by name of all classes, after adding those of `names` that are missing."""
        with self._connections.writing() as connection:
            return ensure(connection, names)

    def add(self, name: str) -> Changes:
        """Add a class at the end. Raises UserError when the name is empty or taken."""
        with self._connections.writing() as connection:
            name = _free_name(connection, name)
            ensure(connection, [name])
        return Changes(classes=True)

    def rename(self, class_id: int, name: str) -> Changes:
        """Give a class another name; its labels keep it. Raises UserError when the name is empty or taken."""
        with self._connections.writing() as connection:
            name = _free_name(connection, name, except_id=class_id)
            connection.execute("UPDATE classes SET name = ?, named_at = ? WHERE id = ?", (name, later(""), class_id))
        return Changes(classes=True)

    def recolor(self, class_id: int, color: str) -> Changes:
        """Give a class the colour '#rrggbb'."""
        with self._connections.writing() as connection:
            connection.execute("UPDATE classes SET color = ? WHERE id = ?", (color, class_id))
        return Changes(classes=True)

    def set_key(self, class_id: int, key: str) -> Changes:
        """Give a class a key of the keyboard; another class that had it loses it."""
        with self._connections.writing() as connection:
            if key:
                connection.execute("UPDATE classes SET key = '' WHERE key = ? AND id <> ?", (key, class_id))
            connection.execute("UPDATE classes SET key = ? WHERE id = ?", (key, class_id))
        return Changes(classes=True)

    def archive(self, class_id: int) -> Changes:
        """Offer a class no more: its labels and their history stay, its key becomes free."""
        with self._connections.writing() as connection:
            connection.execute("UPDATE classes SET archived = 1, key = '' WHERE id = ?", (class_id,))
        return Changes(classes=True)

    def restore(self, class_id: int) -> Changes:
        """Offer an archived class again, with a free key."""
        with self._connections.writing() as connection:
            restore(connection, class_id)
        return Changes(classes=True)

    def merges(self) -> dict[int, int]:
        """Ids of merged classes to those that have their labels now, however often these were merged again."""
        told = dict(self._connections.rows("SELECT id, merged FROM classes WHERE merged IS NOT NULL"))
        found = {}
        for number in told:
            into, seen = told[number], {number}
            while into in told and into not in seen:
                seen.add(into)
                into = told[into]
            found[number] = into
        return found

    def move(self, class_id: int, position: int) -> Changes:
        """Put a class at `position` (from 0) of the order."""
        with self._connections.writing() as connection:
            order = [
                row[0] for row in connection.execute("SELECT id FROM classes WHERE position >= 0 ORDER BY position, id")
            ]
            order.remove(class_id)
            order.insert(max(0, min(position, len(order))), class_id)
            connection.executemany("UPDATE classes SET position = ? WHERE id = ?", list(enumerate(order)))
        return Changes(classes=True)

    def order_by_number(self) -> Changes:
        """Put classes whose names all begin with another number (“1”, “2 stars”) into the order of these numbers."""
        with self._connections.writing() as connection:
            there = connection.execute(
                "SELECT id, name FROM classes WHERE position >= 0 ORDER BY position, id"
            ).fetchall()
            found = {number: match for number, name in there if (match := NUMBER.match(name))}
            worth = {number: float(one[1].replace("−", "-").replace(",", ".")) for number, one in found.items()}
            before = [number for number, _ in there]
            order = sorted(before, key=lambda number: worth.get(number, 0.0))
            if len(set(worth.values())) < len(there):
                return Changes()
            connection.executemany("UPDATE classes SET position = ? WHERE id = ?", list(enumerate(order)))
            _give_own_keys(connection, {number: one[1] for number, one in found.items() if one[1] in OWN_KEYS})
        return Changes(classes=True)

    def remove(self, class_id: int) -> Changes:
        """Remove a class that no label uses. Raises UserError while one does."""
        with self._connections.writing() as connection:
            used = connection.execute("SELECT COUNT(*) FROM class_items WHERE class = ?", (class_id,)).fetchone()[0]
            if used:
                raise UserError(f"{used:,} texts have this label; give them another one before removing it.")
            binned = connection.execute(
                f"SELECT COUNT(*) FROM bin WHERE {USES.format('bin.value')}", (class_id,)
            ).fetchone()[0]
            if binned:
                raise UserError(f"{binned:,} texts in the bin have this label; empty the bin before removing it.")
            # what once gave this label can neither be undone nor done again
            connection.execute(
                "UPDATE label_history SET undone = CASE WHEN undone IN (1, ?3) THEN ?3 ELSE ?1 END, settled_by = NULL"
                f" WHERE {USES.format('before').replace('?', '?2')} OR {USES.format('after').replace('?', '?2')}",
                (SETTLED, class_id, DROPPED),
            )
            connection.execute("UPDATE classes SET merged = NULL WHERE merged = ?", (class_id,))
            connection.execute("DELETE FROM classes WHERE id = ?", (class_id,))
        return Changes(classes=True)


def ensure(connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, int]:
    """Inside a transaction: add the missing ones of `names` with a colour and a free key; ids of all by name."""
    there = connection.execute("SELECT id, name, key, position FROM classes").fetchall()
    numbers = {name: number for number, name, _, _ in there}
    hidden = {name for _, name, _, position in there if position < 0}
    taken = {key for _, _, key, _ in there}
    place = max((position for *_, position in there), default=-1)
    for name in names:
        if name in numbers and name not in hidden:
            continue
        place += 1
        number = NUMBER.match(name)
        own = number[1] if number else ""  # what is called “1”, or “3 stars”, is best found on that key
        key = own if own in OWN_KEYS and own not in taken else next((one for one in KEYS if one not in taken), "")
        taken.add(key)
        if name in hidden:
            hidden.remove(name)
            connection.execute(
                "UPDATE classes SET color = ?, key = ?, position = ? WHERE id = ?",
                (COLORS[place % len(COLORS)], key, place, numbers[name]),
            )
            continue
        cursor = connection.execute(
            "INSERT INTO classes (name, color, key, position) VALUES (?, ?, ?, ?)",
            (name, COLORS[place % len(COLORS)], key, place),
        )
        numbers[name] = int(cursor.lastrowid or 0)
    return numbers


def restore(connection: sqlite3.Connection, class_id: int, wanted: str = "") -> None:
    """Inside a transaction: offer an archived class again, by the key `wanted` if that is free, else by the next."""
    taken = {row[0] for row in connection.execute("SELECT key FROM classes")}
    key = next((one for one in (wanted, *KEYS) if one and one not in taken), "")
    connection.execute("UPDATE classes SET archived = 0, merged = NULL, key = ? WHERE id = ?", (key, class_id))


def follow_merge(connection: sqlite3.Connection, details: Mapping[str, Any], *, done: bool) -> None:
    """Inside a transaction: a merge (`details`: class, into, key) was done or undone: its class goes or comes back."""
    if done:
        connection.execute(
            "UPDATE classes SET archived = 1, merged = ?, key = '' WHERE id = ?", (details["into"], details["class"])
        )
    else:
        restore(connection, details["class"], str(details.get("key", "")))


def numbers(connection: sqlite3.Connection) -> dict[str, int]:
    """Ids by name of all classes, hidden ones included."""
    return dict(connection.execute("SELECT name, id FROM classes"))


def hide(connection: sqlite3.Connection, name: str) -> int:
    """Inside a transaction: add a class that nobody sees before it is ensured; its id."""
    cursor = connection.execute("INSERT INTO classes (name, color, key, position) VALUES (?, '', '', -1)", (name,))
    return int(cursor.lastrowid or 0)


def show_hidden(connection: sqlite3.Connection) -> bool:
    """Inside a transaction: let all hidden classes be seen, in the order in which they came; whether there were any."""
    names = [row[0] for row in connection.execute("SELECT name FROM classes WHERE position < 0 ORDER BY id")]
    ensure(connection, names)
    return bool(names)


def forget_hidden(connection: sqlite3.Connection) -> None:
    """Inside a transaction: take away the classes that nobody has seen."""
    connection.execute("DELETE FROM classes WHERE position < 0")


def _give_own_keys(connection: sqlite3.Connection, own: Mapping[int, str]) -> None:
    """Inside a transaction: give classes the keys that they are called by; who had one gets another that is free."""
    keys = dict(connection.execute("SELECT id, key FROM classes ORDER BY position, id"))
    wanted = {number: own.get(number, "" if key in own.values() else key) for number, key in keys.items()}
    free = iter([key for key in KEYS if key not in wanted.values()])
    for number, key in wanted.items():
        lost = bool(keys[number]) and not key
        told = next(free, "") if lost else key
        connection.execute("UPDATE classes SET key = ? WHERE id = ?", (told, number))


def _free_name(connection: sqlite3.Connection, name: str, except_id: int = 0) -> str:
    name = " ".join(name.split())
    if not name:
        raise UserError("A label needs a name.")
    # a class that an import is about to bring may be added before it, but no other may take its name
    which = "" if except_id else " AND position >= 0"
    row = connection.execute(f"SELECT id FROM classes WHERE name = ?{which}", (name,)).fetchone()
    if row is not None and row[0] != except_id:
        raise UserError(f"There is a label “{name}” already; choose another name.")
    return name
