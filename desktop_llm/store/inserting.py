"""Bring rows into a project: straight into its tables, above the watermark, and seen all at once when all are there.

While rows come in, `meta.visible` is the highest row that counts, and every reader looks no further. The rows are
written in short pieces, between which labels are written as ever; a killed or cancelled import leaves what nobody
sees and the next import sweeps away. Hashes go into their table at the end, in their order.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from desktop_llm.errors import Cancelled, from_os_error
from desktop_llm.rows import Batch, Changes
from desktop_llm.store import classes, hidden
from desktop_llm.store.connection import Connections, sentences
from desktop_llm.store.hashing import hashes_of
from desktop_llm.store.schema import SETTLED
from desktop_llm.store.staging import Staging, insert_many

LABELS_KEPT = 100_000
HASHES_A_PIECE = 5_000
LOG_ROWS = 20_000
"""Rows after which the log is brought into the file, so that it stays small."""
ASKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertCounts:
    """What an insert did; see `rows.ImportReport`. `unknown` texts were left out because only labels were wanted."""

    imported: int
    duplicates: int
    labeled: int
    conflicts: int
    unknown: int
    changes: Changes


def insert(
    connections: Connections,
    source: str,
    batches: Iterable[Batch],
    *,
    to_value: Callable[[Any, Mapping[str, int]], Any],
    class_names: Callable[[Any], tuple[str, ...]],
    on_progress: Callable[[int], None] = lambda done: None,
    should_stop: Callable[[], bool] = lambda: False,
    known_only: bool = False,
) -> InsertCounts:
    """Insert rows under the file name `source`. Raises UserError or Cancelled, and then nothing has changed.

    A text that is there already is counted and not inserted; a label that it lacks is taken. `known_only` inserts
    no text at all.
    """

    def stop() -> bool:
        return should_stop() or connections.closed

    with connections.bulk_turn(stop), sentences(connections.path):
        hidden.sweep(connections, stop)
        with _staging(connections, stop) as staging:
            load = _Load(connections, staging, source, to_value, class_names, known_only=known_only)
            for batch in batches:
                if stop():
                    raise Cancelled
                load.add(batch)
                on_progress(load.seen)
            if stop():
                raise Cancelled
            told = load.finish(stop)
        connections.settle_log()
    return told


@contextmanager
def _staging(connections: Connections, stop: Callable[[], bool]) -> Iterator[Staging]:
    try:
        staging = Staging(connections.path, stop)
    except OSError as error:
        raise from_os_error(error, "gather the hashes beside", connections.path) from error
    try:
        yield staging
    finally:
        staging.remove()


class _Load:
    """The rows of one import on their way in."""

    def __init__(
        self,
        connections: Connections,
        staging: Staging,
        source: str,
        to_value: Callable[[Any, Mapping[str, int]], Any],
        class_names: Callable[[Any], tuple[str, ...]],
        *,
        known_only: bool,
    ) -> None:
        self._connections, self._staging, self._source_name = connections, staging, source
        self._to_value, self._class_names, self._known_only = to_value, class_names, known_only
        self.seen = 0
        self._unknown = 0
        self._main = ""
        self._source = 0
        self._at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._values: dict[str, str] = {}
        self._unsettled = 0
        with connections.writing() as connection:  # a project that may not be changed says so before anything is read
            self._base = self._last = hidden.visible(connection)
            self._numbers = classes.numbers(connection)
            self._any_known = connection.execute("SELECT 1 FROM hashes LIMIT 1").fetchone() is not None

    def add(self, batch: Batch) -> None:
        """Write a batch, hidden. Raises UserError, sqlite3.Error."""
        hashes = hashes_of(batch)
        known = self._known(hashes)
        self.seen += len(hashes)
        self._main = self._main or batch.main
        with self._connections.piece() as connection:
            values = [None if label is None else self._value(connection, label) for label in batch.labels]
            again = [(known[one], value) for one, value in zip(hashes, values, strict=True) if one in known]
            places = [place for place, one in enumerate(hashes) if one not in known]
            if self._known_only:
                fresh: list[tuple[int, bytes, str | None]] = []
                self._unknown += len(places)
            else:
                fresh = self._put(connection, batch, hashes, values, places)
        self._staging.add_known(again)
        self._staging.add_fresh(fresh)
        self._unsettled += len(fresh)
        if self._unsettled >= LOG_ROWS:
            self._unsettled = 0
            self._connections.settle_log()

    def _put(
        self,
        connection: sqlite3.Connection,
        batch: Batch,
        hashes: Sequence[bytes],
        values: Sequence[str | None],
        places: Sequence[int],
    ) -> list[tuple[int, bytes, str | None]]:
        """Write the rows at `places` with their labels."""
        if places and not self._source:
            cursor = connection.execute("INSERT INTO sources (name, at) VALUES (?, ?)", (self._source_name, self._at))
            self._source = int(cursor.lastrowid or 0)
        first = self._last + 1
        self._last += len(places)
        contents = batch.contents
        items = [
            (
                number,
                hashes[place],
                batch.texts[place],
                _json(dict(contents[place])) if contents is not None and contents[place] else None,
                batch.extras[place],
                batch.splits[place],
                self._source,
            )
            for number, place in enumerate(places, first)
        ]
        insert_many(connection, "INSERT INTO items (id, hash, text, content, extra, split, source) VALUES ", items)
        fresh = [(number, hashes[place], values[place]) for number, place in enumerate(places, first)]
        labels = [(number, value, "", self._at) for number, _, value in fresh if value is not None]
        insert_many(connection, "INSERT INTO labels (item, value, labeler, at) VALUES ", labels)
        waiting = [(number,) for number, _, value in fresh if value is None]
        insert_many(connection, "INSERT INTO unlabeled (item) VALUES ", waiting)
        return fresh

    def _known(self, hashes: Sequence[bytes]) -> dict[bytes, int]:
        """The rows that have these hashes already."""
        found: dict[bytes, int] = {}
        if self._any_known:
            for start in range(0, len(hashes), ASKED_AT_ONCE):
                part = hashes[start : start + ASKED_AT_ONCE]
                marks = ",".join("?" * len(part))
                found.update(
                    self._connections.rows(f"SELECT hash, item FROM hashes WHERE hash IN ({marks})", tuple(part))
                )
        return found

    def _value(self, connection: sqlite3.Connection, label: Any) -> str:
        """A label as it is stored; classes that it is the first to name are made, hidden."""
        key = label if isinstance(label, str) else ""
        known = self._values.get(key) if key else None
        if known is not None:
            return known
        for name in self._class_names(label):
            if name not in self._numbers:
                self._numbers[name] = classes.hide(connection, name)
        value = _json(self._to_value(label, self._numbers))
        if key and len(self._values) < LABELS_KEPT:
            self._values[key] = value
        return value

    def finish(self, stop: Callable[[], bool]) -> InsertCounts:
        """Sort out what came more than once, and let all of it be seen. Raises Cancelled, UserError, sqlite3.Error."""
        self._staging.settle()
        conflicts, repeated = self._drop_repeated(stop)
        self._staging.finish()
        self._keep_hashes(stop)
        with self._connections.writing(attached=self._staging.path) as connection:
            if stop():
                raise Cancelled
            more_conflicts, taken = _take_labels(connection, self._at)
            imported = self._last - self._base - repeated
            labeled = taken + _number(connection, "SELECT COUNT(*) FROM labels WHERE item > ?", self._base)
            if imported:
                connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('main_field', ?)", (self._main,))
                hidden.publish(connection, self._last)
            new_classes = classes.show_hidden(connection)
        conflicts += more_conflicts
        return InsertCounts(
            imported=imported,
            duplicates=self.seen - imported - self._unknown,
            labeled=labeled,
            conflicts=conflicts,
            unknown=self._unknown,
            changes=Changes(
                items=imported > 0, labels=labeled > 0, classes=labeled > 0 or conflicts > 0 or new_classes
            ),
        )

    def _drop_repeated(self, stop: Callable[[], bool]) -> tuple[int, int]:
        """Keep the first of equal texts, with the first label; how many others said another one, and how many went."""
        conflicts = gone = 0
        kept: dict[int, str | None] = {}
        rows = self._staging.repeated()
        while part := _some(rows, HASHES_A_PIECE):
            if stop():
                raise Cancelled
            with self._connections.piece() as connection:
                for _, first, value, first_value in part:
                    have = kept.get(first, first_value)
                    if have is None and value is not None:
                        connection.execute("DELETE FROM unlabeled WHERE item = ?", (first,))
                        connection.execute(
                            "INSERT INTO labels (item, value, labeler, at) VALUES (?, ?, '', ?)",
                            (first, value, self._at),
                        )
                        have = value
                    elif value is not None and value != have:
                        conflicts += 1
                    kept = {first: have}
                doomed = [(row[0],) for row in part]
                for table in ("labels", "unlabeled"):
                    connection.executemany(f"DELETE FROM {table} WHERE item = ?", doomed)
                connection.executemany("DELETE FROM items WHERE id = ?", doomed)
            gone += len(part)
        return conflicts, gone

    def _keep_hashes(self, stop: Callable[[], bool]) -> None:
        """The new rows' hashes into their table, in their order."""
        last = b""
        hidden.note_hashing(self._connections)
        while True:
            if stop():
                raise Cancelled
            with self._connections.piece(attached=self._staging.path) as connection:
                connection.execute(
                    "INSERT INTO hashes (hash, item) SELECT hash, id FROM staged.fresh INDEXED BY fresh_by_hash"
                    " WHERE hash > ? AND id NOT IN (SELECT id FROM staged.again) ORDER BY hash LIMIT ?",
                    (last, HASHES_A_PIECE),
                )
                row = connection.execute(
                    "SELECT MAX(hash), COUNT(*) FROM (SELECT hash FROM staged.fresh INDEXED BY fresh_by_hash"
                    " WHERE hash > ? AND id NOT IN (SELECT id FROM staged.again) ORDER BY hash LIMIT ?)",
                    (last, HASHES_A_PIECE),
                ).fetchone()
            if row[1] < HASHES_A_PIECE:
                return
            last = row[0]


def _take_labels(connection: sqlite3.Connection, at: str) -> tuple[int, int]:
    """Labels for texts that are there and have none: the first that the file has for each.

    How many labels say another one than the text has or gets, and how many were taken.
    """
    execute = connection.execute
    first = "SELECT item, MIN(place) AS place FROM staged.known WHERE value IS NOT NULL GROUP BY item"
    execute(
        f"CREATE TEMP TABLE told AS SELECT known.item, known.value FROM ({first}) AS one"
        " JOIN staged.known ON known.place = one.place"
    )
    try:
        conflicts = _number(
            connection,
            "SELECT (SELECT COUNT(*) FROM staged.known JOIN told ON told.item = known.item"
            " WHERE known.value IS NOT NULL AND known.value <> told.value)"
            " + (SELECT COUNT(*) FROM told JOIN labels ON labels.item = told.item WHERE labels.value <> told.value)",
        )
        execute(
            "DELETE FROM told WHERE item IN (SELECT labels.item FROM told JOIN labels ON labels.item = told.item"
            " WHERE labels.value IS NOT NULL)"
        )
        execute("DELETE FROM told WHERE NOT EXISTS (SELECT 1 FROM items WHERE id = told.item)")  # they lie in the bin
        if not _number(connection, "SELECT COUNT(*) FROM told"):
            return conflicts, 0
        taken = "SELECT item FROM told"
        # what a person did to these rows before cannot be undone without losing the label that came now
        execute(f"UPDATE label_history SET undone = ? WHERE undone < ? AND item IN ({taken})", (SETTLED, SETTLED))
        execute(
            "INSERT INTO label_history (item, before_skipped, after, after_skipped, labeler, origin, at)"
            " SELECT told.item, COALESCE(old.skipped, 0), told.value, 0, '', 'import', ? FROM told"
            " LEFT JOIN labels AS old ON old.item = told.item ORDER BY told.item",
            (at,),
        )
        execute(f"DELETE FROM unlabeled WHERE item IN ({taken})")
        execute(f"DELETE FROM uncertainty WHERE item IN ({taken})")
        count = execute(
            "INSERT INTO labels (item, value, skipped, labeler, at) SELECT item, value, 0, '', ? FROM told WHERE true"
            " ON CONFLICT (item) DO UPDATE SET value = excluded.value, skipped = 0, labeler = '', at = excluded.at",
            (at,),
        ).rowcount
        return conflicts, count
    finally:
        execute("DROP TABLE told")


def _number(connection: sqlite3.Connection, sql: str, *values: Any) -> int:
    return int(connection.execute(sql, values).fetchone()[0])


def _some(rows: Iterator[Any], most: int) -> list[Any]:
    return list(islice(rows, most))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
