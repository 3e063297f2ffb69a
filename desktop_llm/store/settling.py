"""The end of an import: what must be sorted to be quick is sorted here, and texts that came twice are taken out."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_llm.columns import Coded
from desktop_llm.errors import Cancelled
from desktop_llm.store import hidden, labels
from desktop_llm.store.connection import Connections
from desktop_llm.store.keys import Keys, Sorted
from desktop_llm.store.listed import Listed
from desktop_llm.store.log import Log
from desktop_llm.store.many import insert_many

if TYPE_CHECKING:
    from desktop_llm.store.keys import Integers

ROWS_A_PIECE = 16_000
"""Pairs of one transaction at most, some 32 pages; less when somebody waits to write."""
ROWS_AT_ONCE = 500
TAKEN_OUT_AT_ONCE = 500
CLASSES_AT_ONCE = 100_000
"""Rows whose classes are gathered before they are written, in their order: while the next rows are read, not after."""
NO_CLASS = -1
FEW_CLASSES = (1 << 15) - 1


@dataclass(frozen=True, slots=True)
class Repeated:
    """Texts that came more than once in one file: `rows` went, with `labels_gone` labels that are counted elsewhere.

    `conflicts` of them had another label than the first.
    """

    rows: int
    labels_gone: int
    conflicts: int


class Settling:
    """Gathers keys and classes of the new rows, which follow one another; `close` it in the end."""

    def __init__(self, connections: Connections, log: Log, first: int, stop: Callable[[], bool]) -> None:
        """`first` is the id of the first new row; the import's `log` is told what is written."""
        self._connections, self._log, self._stop = connections, log, stop
        self._keys = Keys(connections.path.parent, first)
        self._first = first
        self._classes = array("i")
        self._class_of: dict[str | None, int] = {None: NO_CLASS}
        self._listed = Listed()

    def add(self, keys: Integers, values: Sequence[str | None]) -> None:
        """The next rows' keys and stored labels. Raises Cancelled, UserError, sqlite3.Error."""
        self._keys.add(keys)
        known = self._class_of
        for value in set(values.names if isinstance(values, Coded) else values).difference(known):
            known[value] = int(value) if value is not None and value.isdecimal() else NO_CLASS
            self._listed.notice(value)
        self._listed.add(self._first + len(self._classes), values)
        if isinstance(values, Coded):
            self._classes.frombytes(values.numbers([known[value] for value in values.names]))
        else:
            self._classes.extend(map(known.__getitem__, values))
        if len(known) > CLASSES_AT_ONCE:
            self._class_of = {None: NO_CLASS}
        if len(self._classes) >= CLASSES_AT_ONCE:
            self._write_classes()

    def finish(self, at: str) -> Repeated:
        """Write what was gathered; `at` is the import's time. Raises Cancelled, UserError, sqlite3.Error."""
        self._write_classes()
        hidden.note_keys(self._connections)
        rows = gone = conflicts = 0
        for part in self._keys.sorted():
            doomed = self._write_keys(part)
            for start in range(0, len(doomed), TAKEN_OUT_AT_ONCE):
                self._ask()
                with self._connections.piece() as connection:
                    for item, first in doomed[start : start + TAKEN_OUT_AT_ONCE]:
                        less, other = _take_out(connection, item, first, at)
                        gone += less
                        conflicts += other
                self._log.grew(TAKEN_OUT_AT_ONCE)
            rows += len(doomed)
        return Repeated(rows, gone, conflicts)

    def close(self) -> None:
        """Give back what was needed."""
        self._keys.close()

    def _write_classes(self) -> None:
        """The rows by class, in that order."""
        import numpy as np

        found = np.frombuffer(self._classes, np.int32)
        few = len(found) and found.max() <= FEW_CLASSES  # numbers of 16 bits are sorted in a tenth of the time
        order = np.argsort(found.astype(np.int16) if few else found, kind="stable")
        order = order[np.searchsorted(found[order], 0) :]
        self._write("class_items (class, item)", found[order].astype(np.int64), order + self._first)
        self._write("class_items (class, item)", *self._listed.taken())
        self._first += len(found)
        del found  # else the array cannot be emptied
        self._classes = array("i")

    def _write_keys(self, told: Sorted) -> list[tuple[int, int]]:
        """Each key once; the rows whose text came before, with the row that has it."""
        import numpy as np

        again = np.concatenate(([False], told.keys[1:] == told.keys[:-1]))
        places = np.arange(len(again))
        firsts = np.maximum.accumulate(np.where(again, 0, places))[again]
        doomed = list(zip(told.items[again].tolist(), told.items[firsts].tolist(), strict=True))
        return doomed + self._write("keys (key, item)", told.keys[~again], told.items[~again], new_only=True)

    def _write(self, into: str, firsts: Integers, items: Integers, *, new_only: bool = False) -> list[tuple[int, int]]:
        """Insert pairs in their order, in short pieces. Raises Cancelled, UserError, sqlite3.Error.

        With `new_only`, of keys that are there already: the row that would have got one, and the row that has it.
        """
        there: list[tuple[int, int]] = []
        done = 0
        while done < len(items):
            self._ask()
            begun = done
            with self._connections.piece() as connection:
                while done < min(len(items), begun + ROWS_A_PIECE) and not (done > begun and self._connections.wanted):
                    part = slice(done, done + ROWS_AT_ONCE)
                    pairs = firsts[part].tolist(), items[part].tolist()
                    count = insert_many(connection, into, "(?,?)", pairs, new_only=new_only)
                    if new_only and count < len(pairs[0]):
                        there += _taken(connection, dict(zip(*pairs, strict=True)))
                    done += len(pairs[0])
            self._log.grew(done - begun)
        return there

    def _ask(self) -> None:
        if self._stop():
            raise Cancelled


def _taken(connection: sqlite3.Connection, items: Mapping[int, int]) -> list[tuple[int, int]]:
    """Of rows by their keys those whose key another row has, which somebody edited meanwhile; with that row."""
    marks = ",".join("?" * len(items))
    found = connection.execute(f"SELECT key, item FROM keys WHERE key IN ({marks})", list(items)).fetchall()
    return [(items[key], item) for key, item in found if items[key] != item]


def _take_out(connection: sqlite3.Connection, item: int, first: int, at: str) -> tuple[int, int]:
    """Inside a transaction: drop the row `item`, whose text row `first` has; its label goes there if that has none.

    How many labels are less (0 or 1), and how many said another one.
    """
    label = "SELECT value FROM labels WHERE item = ?"
    row = connection.execute(label, (item,)).fetchone()
    value = row[0] if row else None
    for table in ("labels", "unlabeled"):
        connection.execute(f"DELETE FROM {table} WHERE item = ?", (item,))
    connection.execute("DELETE FROM items WHERE id = ?", (item,))
    if value is None:
        return 0, 0
    row = connection.execute(label, (first,)).fetchone()
    if row is not None:
        return 1, int(row[0] != value)
    connection.execute("DELETE FROM unlabeled WHERE item = ?", (first,))
    if connection.execute("SELECT 1 FROM items WHERE id = ?", (first,)).fetchone() is not None:
        labels.write(connection, first, value, 0, "", at)
    return 0, 0
