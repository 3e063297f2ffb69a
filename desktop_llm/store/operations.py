"""Operations on many rows at once: applied together, listed, undone and done again together.

Each is written in short pieces, between which labels are written as ever, and is marked as under way until its last
piece: one that was broken off, even by a power cut, is taken back before the project is next used. Undoing leaves
alone what was changed since.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Changes, Edit, Operation
from desktop_llm.store import classes, editing, labels
from desktop_llm.store.connection import Connections

EDITS_A_PIECE = 500
DONE, UNDONE, APPLYING, UNDOING, REDOING = "done", "undone", "applying", "undoing", "redoing"
IN_LINE = ("label", "merge", classes.MERGE)
"""Kinds that give labels: they are undone and done again in one line with single labels (`store.undoing`)."""
FINAL, FORGOTTEN = "final", "forgotten"
"""In an operation's details: whether it can never be undone, and of how many rows the originals are gone."""
FOLLOW = "follow"
"""In an operation's details: labels speak of places in the texts, so that a text and its label are turned together."""
CHANGED = Changes(items=True, labels=True, classes=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What applying, undoing or redoing an operation did: rows `changed`, and rows `left` as they are.

    When applied, those are left that have already what they were to get, or are gone; when undone or done again, those
    that were changed since, or whose originals were forgotten. `cut` parts of labels had no place in the new texts,
    and were taken away.
    """

    operation: int
    changed: int
    left: int
    changes: Changes
    cut: int = 0


class Operations:
    """Applies, lists and undoes operations. One at a time, and none beside an import."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def apply(
        self,
        kind: str,
        title: str,
        edits: Iterable[Edit],
        *,
        details: Mapping[str, Any] | None = None,
        labeler: str = "",
        retitle: Callable[[], str] | None = None,
        on_progress: Callable[[int], None] = lambda done: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Do `edits` as one operation. Raises UserError or Cancelled, and then nothing has changed.

        `kind` is for programs ("clean", "move", "label", "delete" …), `title` a phrase for people. `edits` are taken
        as they come, and may be read from the project meanwhile. When no row changes, nothing is listed.
        `retitle` is asked for another title when all edits were taken, where only these tell what there was to do.
        """
        with self._turn(should_stop):
            with self._connections.writing() as connection:
                cursor = connection.execute(
                    "INSERT INTO operations (kind, title, details, labeler, at, state) VALUES (?, ?, ?, ?, ?, ?)",
                    (kind, title, json.dumps(dict(details or {}), ensure_ascii=False), labeler, _now(), APPLYING),
                )
                number = int(cursor.lastrowid or 0)
            try:
                changed, left = self._apply(number, labeler, edits, on_progress, should_stop)
                listed = self._close(number, changed, kind, retitle() if retitle is not None else title)
            except BaseException:  # whatever ended it, the rows are put back as they were; then the reason goes on up
                with suppress(UserError):  # what cannot be put back now is put back when the project is next opened
                    self._take_back(number)
                raise
            self._connections.settle_log()
        return Outcome(operation=number, changed=changed, left=left, changes=CHANGED if listed else Changes())

    def undo(
        self,
        number: int,
        *,
        on_progress: Callable[[int], None] = lambda done: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Take an operation back. Raises UserError; Cancelled, and then it counts as done as before."""
        return self._turn_round(number, DONE, UNDOING, on_progress, should_stop)

    def redo(
        self,
        number: int,
        *,
        on_progress: Callable[[int], None] = lambda done: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Do an undone operation again. Raises UserError; Cancelled, and then it counts as undone as before."""
        return self._turn_round(number, UNDONE, REDOING, on_progress, should_stop)

    def all(self) -> list[Operation]:
        """All that were done, the newest first."""
        return [
            _operation(row)
            for row in self._connections.rows(
                "SELECT id, kind, title, details, labeler, at, state, count FROM operations WHERE state IN (?, ?)"
                " ORDER BY id DESC",
                (DONE, UNDONE),
            )
        ]

    def repair(self) -> None:
        """Bring what was broken off to an end: half-done operations back, half-undone ones all the way. At opening."""
        for number, state in self._connections.rows(
            "SELECT id, state FROM operations WHERE state NOT IN (?, ?) ORDER BY id DESC", (DONE, UNDONE)
        ):
            if state == APPLYING:
                self._take_back(number)
            else:
                forward = state == REDOING
                self._walk(number, forward=forward, on_progress=lambda done: None, stop=lambda: False)
                self._mark(number, DONE if forward else UNDONE)

    def _apply(
        self,
        number: int,
        labeler: str,
        edits: Iterable[Edit],
        on_progress: Callable[[int], None],
        should_stop: Callable[[], bool],
    ) -> tuple[int, int]:
        changed = seen = 0
        waiting = iter(edits)
        main, follow = self._main_field(), self._follows(number)
        while part := list(islice(waiting, EDITS_A_PIECE)):
            self._ask(should_stop)
            with self._connections.piece() as connection:
                write = editing.Writer(connection, number, labeler, _now(), main, follow=follow)
                changed += sum(write.apply(edit) for edit in part)
            seen += len(part)
            on_progress(seen)
        self._ask(should_stop)
        return changed, seen - changed

    def _close(self, number: int, changed: int, kind: str, title: str) -> bool:
        """The operation is done to its end; whether it is listed."""
        with self._connections.writing() as connection:
            if not changed and kind != classes.MERGE:
                connection.execute("DELETE FROM operations WHERE id = ?", (number,))
                return False
            if kind in IN_LINE:
                labels.end_line(connection)
            connection.execute("UPDATE operations SET count = ?, title = ? WHERE id = ?", (changed, title, number))
            _mark(connection, number, DONE)
        return True

    def _take_back(self, number: int) -> None:
        """Undo and forget what was not applied to its end."""
        self._walk(number, forward=False, on_progress=lambda done: None, stop=lambda: False)
        follow = self._follows(number)
        with self._connections.writing() as connection:
            _drop_entries(connection, number, wake=not follow)
            connection.execute("DELETE FROM edits WHERE operation = ?", (number,))
            connection.execute("DELETE FROM operations WHERE id = ?", (number,))

    def _turn_round(
        self,
        number: int,
        wanted: str,
        under_way: str,
        on_progress: Callable[[int], None],
        should_stop: Callable[[], bool],
    ) -> Outcome:
        forward = under_way == REDOING
        with self._turn(should_stop):
            row = self._connections.row("SELECT state, details FROM operations WHERE id = ?", (number,))
            if row is None or row[0] != wanted:
                raise UserError("This was undone or thrown away already; there is nothing to do.")
            details = json.loads(row[1])
            if details.get(FINAL):
                raise UserError("The originals of this were forgotten, so it cannot be undone.")
            self._mark(number, under_way)
            try:
                changed, left = self._walk(number, forward=forward, on_progress=on_progress, stop=should_stop)
            except BaseException:  # back to where it was; then the reason goes on up
                with suppress(UserError):
                    self._walk(number, forward=not forward, on_progress=lambda done: None, stop=lambda: False)
                    self._mark(number, wanted)
                raise
            self._mark(number, DONE if forward else UNDONE)
            self._connections.settle_log()
        left += int(details.get(FORGOTTEN, 0))
        return Outcome(operation=number, changed=changed, left=left, changes=CHANGED)

    def _walk(
        self, number: int, *, forward: bool, on_progress: Callable[[int], None], stop: Callable[[], bool]
    ) -> tuple[int, int]:
        """Over all rows of an operation, undoing or redoing each; how many changed, and how many were left alone."""
        changed = seen = after = 0
        main, follow = self._main_field(), self._follows(number)
        while part := self._touched(number, after):
            self._ask(stop)
            with self._connections.piece() as connection:
                write = editing.Writer(connection, number, "", _now(), main, follow=follow)
                changed += sum(write.turn(item, forward=forward) for item in part)
            seen += len(part)
            after = part[-1]
            on_progress(seen)
        return changed, seen - changed

    def _touched(self, number: int, after: int) -> list[int]:
        """The next rows that an operation was about."""
        rows = self._connections.rows(
            "SELECT item FROM (SELECT DISTINCT item FROM (SELECT item FROM edits WHERE operation = ?1 AND item > ?2"
            " ORDER BY item LIMIT ?4)"
            " UNION SELECT item FROM (SELECT item FROM label_history INDEXED BY history_by_operation"
            " WHERE operation = ?1 AND operation IS NOT NULL AND item > ?2 ORDER BY item LIMIT ?4))"
            " ORDER BY item LIMIT ?3",
            (number, after, EDITS_A_PIECE, EDITS_A_PIECE * editing.MOST_FIELDS),
        )
        return [row[0] for row in rows]

    def _mark(self, number: int, state: str) -> None:
        with self._connections.writing() as connection:
            _mark(connection, number, state)

    def _main_field(self) -> str:
        row = self._connections.row("SELECT value FROM meta WHERE key = 'main_field'")
        return str(row[0]) if row else "text"

    def _follows(self, number: int) -> bool:
        row = self._connections.row("SELECT details FROM operations WHERE id = ?", (number,))
        return row is not None and bool(json.loads(row[0]).get(FOLLOW))

    def _ask(self, should_stop: Callable[[], bool]) -> None:
        if should_stop() or self._connections.closed:
            raise Cancelled

    @contextmanager
    def _turn(self, should_stop: Callable[[], bool]) -> Iterator[None]:
        with self._connections.bulk_turn(lambda: should_stop() or self._connections.closed):
            yield


def _mark(connection: sqlite3.Connection, number: int, state: str) -> None:
    """Inside a transaction: what is done gets its place in line, and its class goes or comes with it."""
    connection.execute("UPDATE operations SET state = ? WHERE id = ?", (state, number))
    if state not in (DONE, UNDONE):
        return
    kind, details = connection.execute("SELECT kind, details FROM operations WHERE id = ?", (number,)).fetchone()
    if kind in IN_LINE and state == DONE:
        connection.execute(
            "UPDATE operations SET place = COALESCE(place, (SELECT COALESCE(MAX(id), 0) FROM label_history))"
            " WHERE id = ?",
            (number,),
        )
    if kind == classes.MERGE:
        classes.follow_merge(connection, json.loads(details), done=state == DONE)


def _drop_entries(connection: sqlite3.Connection, number: int, *, wake: bool) -> None:
    """Inside a transaction: take an operation out of the history as if it had never been.

    What came to its rows meanwhile then follows what was there before it. What rested because of it can be undone
    again, if `wake`: where its text had to stay, too, earlier labels do not fit it.
    """
    followed = connection.execute(
        "SELECT id, item, uid FROM label_history AS gone WHERE operation = ? AND EXISTS"
        " (SELECT 1 FROM label_history AS later WHERE later.item = gone.item AND later.id > gone.id) ORDER BY id DESC",
        (number,),
    ).fetchall()
    for entry, item, uid in followed:
        before, skipped, over = connection.execute(
            "SELECT before, before_skipped, over FROM label_history WHERE id = ?", (entry,)
        ).fetchone()
        connection.execute(
            "UPDATE label_history SET before = ?, before_skipped = ? WHERE id = (SELECT MIN(id) FROM label_history"
            " WHERE item = ? AND id > ? AND operation IS NOT ?)",
            (before, skipped, item, entry, number),
        )
        for later, told in connection.execute(
            "SELECT id, over FROM label_history WHERE item = ? AND id > ?", (item, entry)
        ).fetchall():
            names = told.split()
            if uid in names:
                kept = dict.fromkeys([name for name in names if name != uid] + over.split())
                connection.execute("UPDATE label_history SET over = ? WHERE id = ?", (" ".join(kept), later))
    connection.execute("DELETE FROM label_history WHERE operation = ?", (number,))
    for item in {item for _, item, _ in followed}:
        if wake:
            editing.wake(connection, item, number)
        labels.stand(connection, item)


def _operation(row: tuple[Any, ...]) -> Operation:
    details = json.loads(row[3])
    return Operation(
        id=row[0],
        kind=row[1],
        title=row[2],
        details=details,
        labeler=row[4],
        at=row[5],
        undone=row[6] == UNDONE,
        count=row[7],
        final=bool(details.get(FINAL)),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
