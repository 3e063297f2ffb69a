"""Labels and their history: every operation is one durable transaction, and can be undone after any restart."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from desktop_llm.errors import UserError
from desktop_llm.rows import Changes
from desktop_llm.store import events
from desktop_llm.store.connection import Connections
from desktop_llm.store.schema import DROPPED, GENERATION, UNDONE
from desktop_llm.store.standing import heads, standing

CHANGED = Changes(labels=True)
PATIENCE_SECONDS = 3.0
"""Labels are written in the window's thread, which may not stand still while an import is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One entry of a row's history; values as stored, None for no label."""

    id: int
    item: int
    before: Any | None
    after: Any | None
    skipped: bool
    labeler: str
    origin: str
    at: str
    undone: bool
    seconds: float | None = None
    """How long the row was looked at before, pauses left out; None where nobody measured."""
    guideline: int = 0
    """The version of the guideline then, by its number here; 0 where there was none, or nobody can tell."""


class Labels:
    """Writes labels. When a method returns, its change is on disk."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def set(
        self, item: int, value: Any, labeler: str = "", origin: str = "person", *, seconds: float | None = None
    ) -> Changes:
        """Give a row the stored label value `value`, after `seconds` of looking at it. Raises UserError."""
        self._operate(item, stored(value), 0, labeler, origin, seconds)
        return CHANGED

    def keep(
        self, item: int, value: Any | None, labeler: str = "", *, again: str = "", seconds: float | None = None
    ) -> str:
        """Give a row a label that is still being written (None: none); its entry's uid. Raises UserError.

        `again` is the uid that this gave before: while nothing came after it, that entry becomes this one, so that all
        that is written in one go is one entry, and one step to undo.
        """
        text = None if value is None else stored(value)
        with self._connections.writing(patience=PATIENCE_SECONDS) as connection:
            _must_be_there(connection, item)
            told = events.rewrite(connection, item, again, text, labeler, seconds) if again else None
            if told is None:
                end_line(connection)
                at = events.enter(connection, item, text, skipped=0, labeler=labeler, origin="person", seconds=seconds)
                uid = events.newest(connection, item)
            else:
                uid, at = told
            put(connection, item, text, 0, labeler, at)
            events.note(connection, item, sole=True)
        return uid

    def answer(self, item: int, value: Any | None, labeler: str, *, seconds: float | None = None) -> Changes:
        """A labeler's own word on a row, who has not seen what others said; None: skipped. Raises UserError.

        Where it differs from the others', the row is disputed, and the first label stands until it is decided. Whoever
        alone labeled the row has no second opinion on it.
        """
        text = None if value is None else stored(value)
        self._operate(item, text, int(value is None), labeler, events.BLIND, seconds, blind=True)
        return CHANGED

    def decide(self, item: int, value: Any, labeler: str, *, seconds: float | None = None) -> Changes:
        """End a dispute: this is the label, whatever was said before. Raises UserError."""
        self._operate(item, stored(value), 0, labeler, "decision", seconds)
        return CHANGED

    def skip(self, item: int, labeler: str = "", *, seconds: float | None = None) -> Changes:
        """Put a row aside without a label."""
        self._operate(item, None, 1, labeler, "person", seconds)
        return CHANGED

    def clear(self, item: int, labeler: str = "", *, seconds: float | None = None) -> Changes:
        """Take a row's label away."""
        self._operate(item, None, 0, labeler, "person", seconds)
        return CHANGED

    def undo(self) -> int | None:
        """Take the newest operation back; the row it was about, None when there is none."""
        return self._turn(
            "SELECT id, item FROM label_history INDEXED BY history_to_undo"
            " WHERE undone = 0 AND origin <> 'import' ORDER BY id DESC LIMIT 1",
            undone=1,
        )

    def redo(self) -> int | None:
        """Do the operation that was undone last again; the row it was about."""
        return self._turn(
            "SELECT id, item FROM label_history INDEXED BY history_to_redo WHERE undone = 1 ORDER BY id LIMIT 1",
            undone=0,
        )

    def can_undo(self) -> bool:
        """Whether there is an operation to take back."""
        sql = (
            "SELECT 1 FROM label_history INDEXED BY history_to_undo WHERE undone = 0 AND origin <> 'import'"
            " ORDER BY id DESC LIMIT 1"
        )
        return self._connections.row(sql) is not None

    def history(self, item: int) -> list[Operation]:
        """All operations on a row, oldest first; first of all the import, where a label came with the text."""
        rows = self._connections.rows(
            "SELECT id, item, before, after, after_skipped, labeler, origin, at, undone, seconds, guideline"
            " FROM label_history WHERE item = ? ORDER BY id",
            (item,),
        )
        return [*self._imported(item, rows)] + [
            Operation(
                id=row[0],
                item=row[1],
                before=None if row[2] is None else json.loads(row[2]),
                after=None if row[3] is None else json.loads(row[3]),
                skipped=bool(row[4]),
                labeler=row[5],
                origin=row[6],
                at=row[7],
                undone=row[8] in (UNDONE, DROPPED),
                seconds=row[9],
                guideline=row[10],
            )
            for row in rows
        ]

    def _imported(self, item: int, rows: Sequence[tuple[Any, ...]]) -> Iterator[Operation]:
        """The label that came with the text: nothing is written of it, as it follows from what came after."""
        row = self._connections.row(
            "SELECT labels.value, sources.at FROM items JOIN sources ON sources.id = items.source"
            " LEFT JOIN labels ON labels.item = items.id WHERE items.id = ?",
            (item,),
        )
        first = (rows[0][2] if rows else row[0]) if row is not None else None
        if row is not None and first is not None:
            yield Operation(
                id=0,
                item=item,
                before=None,
                after=json.loads(first),
                skipped=False,
                labeler="",
                origin="import",
                at=row[1],
                undone=False,
            )

    def _operate(
        self,
        item: int,
        value: str | None,
        skipped: int,
        labeler: str,
        origin: str,
        seconds: float | None,
        *,
        blind: bool = False,
    ) -> None:
        with self._connections.writing(patience=PATIENCE_SECONDS) as connection:
            _must_be_there(connection, item)
            if blind:
                _must_be_second(connection, item, labeler)
            end_line(connection)
            at = events.enter(
                connection,
                item,
                value,
                skipped=skipped,
                labeler=labeler,
                origin=origin,
                seconds=seconds,
                blind=blind,
            )
            if blind:
                stand(connection, item)
            else:
                put(connection, item, value, skipped, labeler, at)
                events.note(connection, item, sole=True)

    def _turn(self, sql: str, *, undone: int) -> int | None:
        with self._connections.writing(patience=PATIENCE_SECONDS) as connection:
            row = connection.execute(sql).fetchone()
            if row is None:
                return None
            number, item = row
            events.turn(connection, number, undone)
            stand(connection, item)
            return int(item)


def _must_be_there(connection: sqlite3.Connection, item: int) -> None:
    if connection.execute("SELECT 1 FROM items WHERE id = ?", (item,)).fetchone() is None:
        raise UserError(f"The project has no row number {item}, or it lies in the bin.")


def _must_be_second(connection: sqlite3.Connection, item: int, labeler: str) -> None:
    """A blind answer may be given anew by whoever gave it; nobody answers blind to a label of his own."""
    said = [one for one in heads(events.of(connection, item, values=False)) if one.value is not None]
    if said and all(one.labeler == labeler and one.origin != events.BLIND for one in said):
        raise UserError(
            f"The label of row {item} is your own; a second opinion is for somebody else to give."
            " Show “All” to change it."
        )


def end_line(connection: sqlite3.Connection) -> None:
    """Inside a transaction: something new was done, so that what was undone before it cannot be done again by key."""
    connection.execute("UPDATE label_history SET undone = ? WHERE undone = ?", (DROPPED, UNDONE))
    connection.execute(
        "UPDATE operations SET place = NULL WHERE place IS NOT NULL AND state = 'undone'",
    )


def stored(value: Any) -> str:
    """A label value as the table keeps it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def stand(connection: sqlite3.Connection, item: int) -> None:
    """Inside a transaction: make a row's label what its entries come to, and note disputes."""
    told = standing(events.that_stand(connection, item), events.base(connection, item))
    put(connection, item, told.value, int(told.skipped), told.labeler, told.at or events.later(""))
    events.note(connection, item)


def write(connection: sqlite3.Connection, item: int, value: str | None, skipped: int, labeler: str, at: str) -> None:
    """Inside a transaction: write a row of `labels`. Triggers see to its classes when the value changes only."""
    connection.execute(
        "INSERT INTO labels (item, labeler, at) VALUES (?, '', '') ON CONFLICT (item) DO NOTHING", (item,)
    )
    connection.execute(
        "UPDATE labels SET value = ?, skipped = ?, labeler = ?, at = ? WHERE item = ?",
        (value, skipped, labeler, at, item),
    )


def put(connection: sqlite3.Connection, item: int, value: str | None, skipped: int, labeler: str, at: str) -> None:
    """Inside a transaction: make a row's present state: label, the narrow table of what waits, uncertainty."""
    if value is None and not skipped:
        connection.execute("DELETE FROM labels WHERE item = ?", (item,))
    else:
        write(connection, item, value, skipped, labeler, at)
    if value is not None:
        connection.execute("DELETE FROM unlabeled WHERE item = ?", (item,))
        connection.execute("DELETE FROM uncertainty WHERE item = ?", (item,))
        return
    connection.execute(
        "INSERT INTO unlabeled (item, skipped) VALUES (?, ?)"
        " ON CONFLICT (item) DO UPDATE SET skipped = excluded.skipped",
        (item, skipped),
    )
    if skipped:
        connection.execute("DELETE FROM uncertainty WHERE item = ?", (item,))
    else:
        connection.execute(
            # in the generation that counts and in one that may be built just now
            f"INSERT OR REPLACE INTO uncertainty (item, generation, value) SELECT ?1, {GENERATION} + step.value,"
            " told.value FROM (SELECT COALESCE((SELECT uncertainty FROM suggestions WHERE item = ?1),"
            " (SELECT uncertainty FROM predictions INDEXED BY predictions_by_item WHERE item = ?1"
            " ORDER BY run DESC LIMIT 1)) AS value) AS told JOIN (SELECT 0 AS value UNION ALL SELECT 1) AS step"
            " WHERE told.value IS NOT NULL",
            (item,),
        )
