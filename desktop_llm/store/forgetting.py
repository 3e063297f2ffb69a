"""Forget what texts were before operations changed them: out of the history, the search index, and off the disk.

An operation keeps what its rows were, so that it can be undone. Where that must not be kept, as it was personal data,
its originals go, and with them whatever earlier operations keep of the same cells: these held the same words. What
later operations keep stays, as it began with the words that the forgotten one left.

Labels that are written may hold such words, too. Then what was said of the row before goes from its history, and the
label that the operation gave stands for good; it still names what it replaced, so that no copy brings that back.

SQLite leaves what it deletes in its files until it needs the room; so the files are written anew in the end. What a
text was known by (eight bytes of a hash) stays, so that its file does not bring it back.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.store import evaluations
from desktop_llm.store.connection import Connections
from desktop_llm.store.editing import EXTRA, LABEL, TEXT
from desktop_llm.store.operations import DONE, FINAL, FORGOTTEN
from desktop_llm.store.schema import BULK, SETTLED
from desktop_llm.store.search import Search

UNDER_WAY = "forgetting"
ROWS_A_PIECE = 500
STEPS_A_QUESTION = 100_000
"""Instructions of SQLite between two questions whether to stop."""
READERS_SECONDS = 30.0
"""How long to wait for those who read from the log."""
KEPT = f"field IN ('{TEXT}', '{EXTRA}')"


class Forgetting:
    """Forgets the originals of all operations of a kind."""

    def __init__(self, connections: Connections, search: Search) -> None:
        """`connections` of the project, and its full-text index."""
        self._connections, self._search = connections, search

    def waiting(self, kind: str) -> tuple[int, int]:
        """Operations of a kind that were done and keep originals, and rows that they keep them of."""
        mine = "operation IN (SELECT id FROM operations WHERE kind = ?1 AND state = ?2)"
        row = self._connections.row(
            "SELECT COUNT(DISTINCT operation), COUNT(DISTINCT item) FROM ("
            f"SELECT operation, item FROM edits WHERE {mine} AND {KEPT} UNION"
            " SELECT operation, item FROM label_history INDEXED BY history_by_operation"
            f" WHERE {mine} AND operation IS NOT NULL)",
            (kind, DONE),
        )
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def unfinished(self) -> bool:
        """Whether it was begun and broken off: the files may hold still what the history has forgotten."""
        return self._connections.row("SELECT 1 FROM meta WHERE key = ?", (UNDER_WAY,)) is not None

    def forget(
        self,
        kind: str,
        *,
        labels: bool = False,
        on_progress: Callable[[float, str], None] = lambda fraction, words: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> int:
        """Do it; of how many rows. Raises UserError, Cancelled: what is forgotten by then stays so.

        `labels`: they are written, so that what they were is forgotten as well.
        `on_progress` is told the part of the rows that is done, and what is done now.
        """

        def stop() -> bool:
            return should_stop() or self._connections.closed

        _, rows = self.waiting(kind)
        with self._connections.bulk_turn(stop):
            with self._connections.writing() as connection:
                connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, '1')", (UNDER_WAY,))
                told = connection.execute("SELECT id FROM operations WHERE kind = ? AND state = ?", (kind, DONE))
                numbers = [row[0] for row in told]
                evaluations.forget_texts(connection, labels=labels)
            done = 0
            for number in numbers:
                while part := self._next(number):
                    _ask(stop)
                    self._forget(part, numbers, labels=labels)
                    done += len(part)
                    on_progress(done / max(1, rows), "")
                self._close(number)
            on_progress(1.0, "search")
            self._search.forget(stop)
            on_progress(1.0, "files")
            self._rewrite(stop)
            with self._connections.writing() as connection:
                connection.execute("DELETE FROM meta WHERE key = ?", (UNDER_WAY,))
        return done

    def _next(self, number: int) -> list[int]:
        rows = self._connections.rows(
            f"SELECT item FROM (SELECT DISTINCT item FROM edits WHERE operation = ?1 AND {KEPT} ORDER BY item LIMIT ?2)"
            " UNION SELECT item FROM (SELECT DISTINCT item FROM label_history INDEXED BY history_by_operation"
            " WHERE operation = ?1 AND operation IS NOT NULL ORDER BY item LIMIT ?2) ORDER BY item LIMIT ?2",
            (number, ROWS_A_PIECE),
        )
        return [row[0] for row in rows]

    def _forget(self, items: list[int], numbers: list[int], *, labels: bool) -> None:
        lost: Counter[int] = Counter()
        with self._connections.piece() as connection:
            for item in items:
                gone = _forget_row(connection, item, set(numbers))
                lost.update(gone | _forget_labels(connection, item, numbers, gone, written=labels))
            for operation, count in lost.items():
                connection.execute(
                    "UPDATE operations SET details = json_set(details, ?1, COALESCE(json_extract(details, ?1), 0) + ?2)"
                    " WHERE id = ?3",
                    (f"$.{FORGOTTEN}", count, operation),
                )

    def _close(self, number: int) -> None:
        with self._connections.writing() as connection:
            connection.execute(
                "UPDATE operations SET details = json_set(details, ?, json('true')) WHERE id = ?",
                (f"$.{FINAL}", number),
            )

    def _rewrite(self, should_stop: Callable[[], bool]) -> None:
        """Write the project's file anew, without what was deleted, and empty its log."""
        _ask(should_stop)
        with self._connections.alone() as connection:
            connection.set_progress_handler(lambda: int(should_stop()), STEPS_A_QUESTION)
            # the copy may be larger than the memory
            connection.execute("PRAGMA temp_store = FILE")
            connection.execute("PRAGMA secure_delete = ON")
            try:
                connection.execute("VACUUM")
            except sqlite3.OperationalError as error:
                if should_stop() and "interrupt" in str(error):
                    raise Cancelled from error
                raise
            finally:
                connection.set_progress_handler(None, 0)
                connection.execute("PRAGMA secure_delete = OFF")
                connection.execute("PRAGMA temp_store = MEMORY")
            until = time.monotonic() + READERS_SECONDS
            while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                _ask(should_stop)
                if time.monotonic() > until:
                    raise UserError(
                        "Another program reads the project, so that its files cannot be written anew; "
                        "close the project there and do this again."
                    )


def _forget_row(connection: sqlite3.Connection, item: int, numbers: set[int]) -> set[int]:
    """Take what was kept of one row's cells before the last of these operations; the operations that lose it."""
    lost: set[int] = set()
    told: dict[str, list[tuple[int, str | None, str | None]]] = {TEXT: [], EXTRA: []}
    for operation, field, before, after in connection.execute(
        f"SELECT operation, field, before, after FROM edits INDEXED BY edits_by_item WHERE item = ? AND {KEPT}"
        " ORDER BY operation",
        (item,),
    ):
        told[field].append((operation, before, after))
    for field, entries in told.items():
        last = max((operation for operation, _, _ in entries if operation in numbers), default=None)
        if last is None:
            continue
        clean: set[str | None] = {after for operation, _, after in entries if operation == last}
        for operation, before, after in entries:
            if operation > last and before in clean:
                clean.add(after)
                continue
            connection.execute(
                "DELETE FROM edits WHERE operation = ? AND item = ? AND field IN (?, ?)",
                (operation, item, field, LABEL if field == TEXT else field),
            )
            lost.add(operation)
    return lost


def _forget_labels(
    connection: sqlite3.Connection, item: int, numbers: list[int], gone: set[int], *, written: bool
) -> set[int]:
    """Let the labels stand that these operations gave a row; where they are `written`, forget what was before.

    `gone` are operations that have lost the row's text, with which they would have turned its label. The operations
    that lose a label.
    """
    entries = connection.execute(
        "SELECT id, operation, uid, over, undone FROM label_history INDEXED BY history_by_item"
        " WHERE item = ? ORDER BY id",
        (item,),
    ).fetchall()
    lost: set[int] = set()
    mine = [place for place, entry in enumerate(entries) if entry[1] in numbers and entry[4] == BULK]
    if written and mine:
        number, _, _, over, _ = entries[mine[-1]]
        before = entries[: mine[-1]]
        names = dict.fromkeys([*over.split(), *(entry[2] for entry in before)])
        connection.execute("DELETE FROM label_history WHERE item = ? AND id < ?", (item, number))
        connection.execute(
            "UPDATE label_history SET before = NULL, before_skipped = 0, over = ? WHERE id = ?",
            (" ".join(names), number),
        )
        lost.update(entry[1] for entry in before if entry[1] is not None)
    for number, operation, *_ in entries:
        if operation in gone or operation in numbers:
            lost.add(operation)
            connection.execute(
                "UPDATE label_history SET operation = NULL, undone = CASE undone WHEN ? THEN ? ELSE undone END"
                " WHERE id = ?",
                (BULK, SETTLED, number),
            )
    return lost


def _ask(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise Cancelled
