"""Bring rows into a project: straight into its tables, above the watermark, and seen all at once when all are there.

While rows come in, `meta.visible` is the highest row that counts, and every reader looks no further. The rows are
written in short pieces, between which labels are written as ever; a killed or cancelled import leaves what nobody
sees and the next import sweeps away. What must be sorted to be quick is written behind them (`settling`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import Cancelled, UserError, from_os_error
from desktop_llm.rows import Batch, Changes, ImportProgress
from desktop_llm.store import classes, hidden
from desktop_llm.store.connection import Connections, sentences
from desktop_llm.store.hashing import HASH_BYTES, digests, parted
from desktop_llm.store.keys import keys_of
from desktop_llm.store.log import Log
from desktop_llm.store.many import insert_counted, insert_many
from desktop_llm.store.settling import Settling
from desktop_llm.store.staging import Staging
from desktop_llm.store.taking import Sifted, sift, take_labels

if TYPE_CHECKING:
    import sqlite3

LABELS_KEPT = 100_000
ASKED_AT_ONCE = 500
ROWS_A_PIECE = 1_200
"""Rows of one transaction at most; less when somebody waits to write."""
ROWS_AT_ONCE = 200
"""Rows after which it is asked whether somebody waits: half a millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertCounts:
    """What an insert did; see `rows.ImportReport`. `unknown` texts were left out because only labels were wanted.

    `unfit` labels have no place in the texts that are here; `repeats` are duplicates of rows that the import brought.
    """

    imported: int
    duplicates: int
    labeled: int
    conflicts: int
    unknown: int
    changes: Changes
    unfit: int = 0
    repeats: int = 0


def insert(
    connections: Connections,
    source: str,
    batches: Iterable[Batch],
    *,
    to_value: Callable[[Any, Mapping[str, int]], Any],
    class_names: Callable[[Any], tuple[str, ...]],
    on_progress: Callable[[ImportProgress], None] = lambda done: None,
    should_stop: Callable[[], bool] = lambda: False,
    known_only: bool = False,
    placed: Callable[[Any, str, str], Any] | None = None,
) -> InsertCounts:
    """Insert rows under the file name `source`. Raises UserError or Cancelled, and then nothing has changed.

    A text that is there already is counted and not inserted; a label that it lacks is taken. `known_only` inserts
    no text at all. `placed` brings a label (in names) of the file's main text to the one that is here, where labels
    speak of places and the text was changed since; it raises UserError where there is no such place.
    """

    def stop() -> bool:
        return should_stop() or connections.closed

    with connections.bulk_turn(stop), sentences(connections.path):
        hidden.sweep(connections, stop)
        with _load(connections, stop, source, to_value, class_names, placed, known_only=known_only) as load:
            for batch in batches:
                if stop():
                    raise Cancelled
                load.add(batch)
                on_progress(load.progress())
            if stop():
                raise Cancelled
            told = load.finish()
        connections.settle_log()
    return told


class _Load:
    """The rows of one import on their way in."""

    def __init__(
        self,
        connections: Connections,
        stop: Callable[[], bool],
        source: str,
        to_value: Callable[[Any, Mapping[str, int]], Any],
        class_names: Callable[[Any], tuple[str, ...]],
        placed: Callable[[Any, str, str], Any] | None,
        *,
        known_only: bool,
    ) -> None:
        self._connections, self._stop, self._source_name = connections, stop, source
        self._to_value, self._class_names, self._known_only = to_value, class_names, known_only
        self._placed = placed
        self.seen = 0
        self._unknown = self._unfit = 0
        self._labeled = 0
        self._main = ""
        self._source = 0
        self._at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._values: dict[str, str] = {}
        self._staging: Staging | None = None
        with connections.writing() as connection:  # a project that may not be changed says so before anything is read
            self._base = self._last = hidden.visible(connection)
            self._numbers = classes.numbers(connection)
            self._any_known = connection.execute("SELECT 1 FROM keys LIMIT 1").fetchone() is not None
        self._log = Log(connections)
        self._settling = Settling(connections, self._log, self._base + 1, stop)

    def close(self) -> None:
        """Leave no file behind."""
        self._log.close()
        self._settling.close()
        if self._staging is not None:
            self._staging.remove()

    def add(self, batch: Batch) -> None:
        """Write a batch, hidden. Raises UserError, sqlite3.Error."""
        if not batch.texts:
            return
        hashes = digests(batch) if batch.hashes is None else batch.hashes
        keys = keys_of(hashes)
        known = self._known(keys.tolist()) if self._any_known else {}
        self.seen += len(keys)
        self._main = self._main or batch.main
        if known and self._placed is not None:
            batch = self._of_texts_here(batch, keys.tolist(), known, self._placed)
        with self._connections.piece() as connection:
            values = self._stored(connection, batch.labels)
        if known or self._known_only:
            batch, hashes, values, keys = self._without_known(batch, hashes, values, keys, known)
        if not batch.texts:
            return
        columns = _columns(batch, hashes)
        done = 0
        while done < len(values):
            with self._connections.piece() as connection:
                done = self._put_some(connection, columns, values, done)
        self._settling.add(keys, values)
        self._labeled += len(values) - values.count(None)
        self._log.grew(len(values))

    def progress(self) -> ImportProgress:
        """What became of the rows so far; see there."""
        imported = self._last - self._base
        known = self.seen - imported - self._unknown
        return ImportProgress(imported=imported, duplicates=known, labeled=self._labeled, unknown=self._unknown)

    def finish(self) -> InsertCounts:
        """Sort out what came more than once, and let all of it be seen. Raises Cancelled, UserError, sqlite3.Error."""
        repeated = self._settling.finish(self._at)
        staged, sifted = None, Sifted(conflicts=0, waiting=0)
        if self._staging is not None:
            self._staging.settle()
            sifted = sift(self._connections, self._staging.path, self._stop)
            staged = self._staging.path if sifted.waiting else None
        self._log.settle()  # a disk that is too small says so while nobody has seen a row
        conflicts, labeled = repeated.conflicts + sifted.conflicts, self._labeled - repeated.labels_gone
        with self._connections.writing(attached=staged) as connection:
            if self._stop():
                raise Cancelled
            if staged is not None:
                more_conflicts, taken = take_labels(connection, self._at)
                conflicts, labeled = conflicts + more_conflicts, labeled + taken
            imported = self._last - self._base - repeated.rows
            if imported:
                connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('main_field', ?)", (self._main,))
                hidden.publish(connection, self._last)
            new_classes = classes.show_hidden(connection)
        return InsertCounts(
            imported=imported,
            duplicates=self.seen - imported - self._unknown,
            labeled=labeled,
            conflicts=conflicts,
            unknown=self._unknown,
            unfit=self._unfit,
            repeats=repeated.rows,
            changes=Changes(
                items=imported > 0, labels=labeled > 0, classes=labeled > 0 or conflicts > 0 or new_classes
            ),
        )

    def _without_known(
        self, batch: Batch, hashes: bytes, values: list[str | None], keys: Any, known: Mapping[int, int]
    ) -> tuple[Batch, bytes, list[str | None], Any]:
        """What is new of a batch; of the other rows the labels are noted, where only labels are wanted all others."""
        numbers = keys.tolist()
        if known:
            if self._staging is None:
                self._staging = _staging(self._connections, self._stop)
            self._staging.add_known(
                [(known[key], value) for key, value in zip(numbers, values, strict=True) if key in known]
            )
        places = [place for place, key in enumerate(numbers) if key not in known]
        if self._known_only:
            self._unknown += len(places)
            places = []
        fresh = Batch(
            main=batch.main,
            texts=[batch.texts[place] for place in places],
            extras=[batch.extras[place] for place in places],
            labels=[],
            splits=[batch.splits[place] for place in places],
            contents=None if batch.contents is None else [batch.contents[place] for place in places],
        )
        kept = b"".join(hashes[place * HASH_BYTES : (place + 1) * HASH_BYTES] for place in places)
        return fresh, kept, [values[place] for place in places], keys[places]

    def _of_texts_here(
        self, batch: Batch, keys: Sequence[int], known: Mapping[int, int], placed: Callable[[Any, str, str], Any]
    ) -> Batch:
        """The batch with the labels of known texts as the texts that are here have them."""
        labels = list(batch.labels)
        there = [place for place, key in enumerate(keys) if key in known and labels[place] is not None]
        texts: dict[int, str] = {}
        for start in range(0, len(there), ASKED_AT_ONCE):
            part = [known[keys[place]] for place in there[start : start + ASKED_AT_ONCE]]
            marks = ",".join("?" * len(part))
            texts.update(self._connections.rows(f"SELECT id, text FROM items WHERE id IN ({marks})", part))
        for place in there:
            here = texts.get(known[keys[place]])
            if here is not None and here != batch.texts[place]:
                try:
                    labels[place] = placed(labels[place], batch.texts[place], here)
                except UserError:
                    labels[place] = None
                    self._unfit += 1
        return replace(batch, labels=labels)

    def _put_some(
        self,
        connection: sqlite3.Connection,
        columns: Mapping[str, Sequence[Any]],
        values: Sequence[str | None],
        done: int,
    ) -> int:
        """Write new rows from the place `done` on, until somebody else wants to write; how many are written then."""
        if not self._source:
            cursor = connection.execute("INSERT INTO sources (name, at) VALUES (?, ?)", (self._source_name, self._at))
            self._source = int(cursor.lastrowid or 0)
        for start in range(done, min(len(values), done + ROWS_A_PIECE), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            self._put(connection, {name: column[part] for name, column in columns.items()}, values[part])
            done = start + ROWS_AT_ONCE
            if self._connections.wanted:
                break
        return min(done, len(values))

    def _put(
        self, connection: sqlite3.Connection, columns: Mapping[str, Sequence[Any]], values: Sequence[str | None]
    ) -> None:
        """Write new rows with their labels."""
        first = self._last + 1
        self._last += len(values)
        marks = f"{'?,' * len(columns)}{self._source}"
        into = f"items (id, {', '.join(columns)}, source)"
        insert_counted(connection, into, marks, list(columns.values()), first)
        into = "labels (item, value, labeler, at)"
        if None not in values:
            insert_counted(connection, into, f"?,{NOBODY}", [values], first)
            return
        numbers = range(first, self._last + 1)
        waiting = [number for number, value in zip(numbers, values, strict=True) if value is None]
        insert_many(connection, "unlabeled (item)", "(?)", [waiting])
        labels = [pair for pair in zip(numbers, values, strict=True) if pair[1] is not None]
        if labels:
            insert_many(connection, into, f"(?,?,{NOBODY})", list(zip(*labels, strict=True)))

    def _known(self, keys: Sequence[int]) -> dict[int, int]:
        """The rows that have these keys already."""
        found: dict[int, int] = {}
        for start in range(0, len(keys), ASKED_AT_ONCE):
            part = keys[start : start + ASKED_AT_ONCE]
            marks = ",".join("?" * len(part))
            found.update(self._connections.rows(f"SELECT key, item FROM keys WHERE key IN ({marks})", part))
        return found

    def _stored(self, connection: sqlite3.Connection, labels: Sequence[Any | None]) -> list[str | None]:
        """Labels as they are stored."""
        known = self._values
        try:
            return [None if label is None else known[label] for label in labels]
        except (KeyError, TypeError):  # one that is new, or no text
            return [None if label is None else self._value(connection, label) for label in labels]

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


def _columns(batch: Batch, hashes: bytes) -> dict[str, Sequence[Any]]:
    """The columns of a batch that are not empty."""
    columns: dict[str, Sequence[Any]] = {"hash": parted(hashes), "text": batch.texts}
    if batch.contents is not None:
        columns["content"] = [_json(dict(one)) if one else None for one in batch.contents]
    if any(batch.extras):
        columns["extra"] = batch.extras
    if any(batch.splits):
        columns["split"] = batch.splits
    return columns


NOBODY = "'',''"
"""A label that came with its text has no labeler, and the time of its source."""


@contextmanager
def _load(connections: Connections, *told: Any, known_only: bool) -> Iterator[_Load]:
    load = _Load(connections, *told, known_only=known_only)
    try:
        yield load
    finally:
        load.close()


def _staging(connections: Connections, stop: Callable[[], bool]) -> Staging:
    try:
        return Staging(connections.path, stop)
    except OSError as error:
        raise from_os_error(error, "gather the labels beside", connections.path) from error


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
