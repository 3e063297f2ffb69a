"""Bring rows into a project in one transaction: hashed, told apart from what is there, labels along with them."""

from __future__ import annotations

import functools
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from desktop_llm.errors import Cancelled, from_os_error
from desktop_llm.rows import Batch, Changes
from desktop_llm.store import classes
from desktop_llm.store.connection import Connections, sentences
from desktop_llm.store.schema import SETTLED
from desktop_llm.store.staging import Settled, Staging, stoppable

HASH_BYTES = 16
LABELS_KEPT = 100_000
NEW = "FROM staged.rows LEFT JOIN staged.known ON known.id = rows.id WHERE known.id IS NULL"
# known texts that wait for a label and bring one
TAKEN = (
    "FROM staged.known JOIN staged.rows ON rows.id = known.id LEFT JOIN main.labels AS old ON old.item = known.item"
    " WHERE rows.label IS NOT NULL AND old.value IS NULL"
)
CONFLICTS = (
    "SELECT COUNT(*) FROM staged.known JOIN staged.rows ON rows.id = known.id"
    " JOIN main.labels AS old ON old.item = known.item"
    " WHERE rows.label IS NOT NULL AND old.value <> to_value(rows.label)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertCounts:
    """What an insert did; see `rows.ImportReport`. `unknown` texts were left out because only labels were wanted."""

    imported: int
    duplicates: int
    labeled: int
    conflicts: int
    unknown: int
    changes: Changes


def content_hash(content: Mapping[str, str]) -> bytes:
    """16 bytes of BLAKE2b over the trimmed fields in their order: two rows with the same one are the same text."""
    joined = "\x1f".join(f"{name}\x1e{text.strip()}" for name, text in content.items())
    return hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()


def _hashes(batch: Batch) -> list[bytes]:
    """`content_hash` of each row of a batch."""
    if batch.contents is not None:
        return [
            content_hash({batch.main: text, **others}) for text, others in zip(batch.texts, batch.contents, strict=True)
        ]
    begun = hashlib.blake2b(f"{batch.main}\x1e".encode(), digest_size=HASH_BYTES)
    found = []
    for text in batch.texts:
        one = begun.copy()
        one.update(text.strip().encode("utf-8", "surrogatepass"))
        found.append(one.digest())
    return found


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

    with _turn(connections, stop), sentences(connections.path), _staging(connections, stop) as staging:
        main = _fill(staging, connections, batches, on_progress, stop)
        settled = staging.settle(known_only=known_only)
        names = list(dict.fromkeys(name for label in staging.labels() for name in class_names(label)))
        staging.finish()
        with (
            connections.writing(attached=staging.path) as connection,
            stoppable(connection, stop),
            _as_function(connection, to_value, classes.ensure(connection, names)),
        ):
            told = _move(connection, source, main, settled)
            if stop():
                raise Cancelled
        connections.settle_log()
    return told


@contextmanager
def _turn(connections: Connections, stop: Callable[[], bool]) -> Iterator[None]:
    """One import after the other."""
    while not connections.bulk.acquire(timeout=0.1):
        if stop():
            raise Cancelled
    try:
        yield
    finally:
        connections.bulk.release()


@contextmanager
def _staging(connections: Connections, stop: Callable[[], bool]) -> Iterator[Staging]:
    with connections.writing():
        pass  # a project that may not be changed says so before anything is read
    try:
        staging = Staging(connections.path, stop)
    except OSError as error:
        raise from_os_error(error, "gather the rows beside", connections.path) from error
    try:
        yield staging
    finally:
        staging.remove()


def _fill(
    staging: Staging,
    connections: Connections,
    batches: Iterable[Batch],
    on_progress: Callable[[int], None],
    stop: Callable[[], bool],
) -> str:
    """Gather the rows; returns the name of the content's main field, '' when there was no row."""
    row = connections.row("SELECT value FROM meta WHERE key = 'main_field'")
    main = str(row[0]) if row else ""
    done = 0
    labels = _Written()
    for batch in batches:
        if stop():
            raise Cancelled
        main = main or batch.main
        contents = [None] * len(batch.texts) if batch.contents is None else [_json(dict(one)) for one in batch.contents]
        told = [labels.of(label) for label in batch.labels]
        staging.add(list(zip(_hashes(batch), batch.texts, contents, batch.extras, batch.splits, told, strict=True)))
        done += len(batch.texts)
        on_progress(done)
    if stop():
        raise Cancelled
    return main


class _Written:
    """Labels as JSON, each name written once."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def of(self, label: Any | None) -> str | None:
        if not isinstance(label, str):
            return None if label is None else _json(label)
        known = self._found.get(label)
        if known is None:
            known = _json(label)
            if len(self._found) < LABELS_KEPT:
                self._found[label] = known
        return known


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@contextmanager
def _as_function(
    connection: sqlite3.Connection, to_value: Callable[[Any, Mapping[str, int]], Any], numbers: Mapping[str, int]
) -> Iterator[None]:
    """Let SQL say `to_value(label)`; what the task raises goes on up instead of SQLite's word for it."""
    raised: list[Exception] = []

    @functools.lru_cache(4096)
    def value_of(label: str) -> str:
        try:
            return _json(to_value(json.loads(label), numbers))
        except Exception as error:
            raised.append(error)
            raise

    connection.create_function("to_value", 1, value_of, deterministic=True)
    try:
        yield
    except sqlite3.OperationalError:
        if raised:
            raise raised[0] from None
        raise
    finally:
        connection.create_function("to_value", 1, None)


def _move(connection: sqlite3.Connection, source: str, main: str, settled: Settled) -> InsertCounts:
    """Copy what is new, and the labels of what is known, inside the transaction."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    execute = connection.execute
    conflicts = settled.conflicts + execute(CONFLICTS).fetchone()[0]
    labeled = _take_labels(connection, at)
    imported, more = 0, 0
    if execute(f"SELECT 1 {NEW} LIMIT 1").fetchone():
        execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('main_field', ?)", (main,))
        number = execute("INSERT INTO sources (name, at) VALUES (?, ?)", (source, at)).lastrowid
        imported, more = _copy(connection, int(number or 0), at)
    labeled += more
    changes = Changes(items=imported > 0, labels=labeled > 0, classes=labeled > 0 or conflicts > 0)
    return InsertCounts(
        imported=imported,
        duplicates=settled.duplicates,
        labeled=labeled,
        conflicts=conflicts,
        unknown=settled.unknown,
        changes=changes,
    )


def _copy(connection: sqlite3.Connection, source: int, at: str) -> tuple[int, int]:
    """The new rows with their labels; how many of each."""
    execute = connection.execute
    base = execute("SELECT COALESCE(MAX(id), 0) FROM items").fetchone()[0]
    imported = execute(
        "INSERT INTO items (id, hash, text, content, extra, split, source)"
        f" SELECT ? + rows.id, hash, text, content, extra, split, ? {NEW} ORDER BY rows.id",
        (base, source),
    ).rowcount
    labeled = execute(
        "INSERT INTO labels (item, value, skipped, labeler, at)"
        f" SELECT ? + rows.id, to_value(label), 0, '', ? {NEW} AND label IS NOT NULL ORDER BY rows.id",
        (base, at),
    ).rowcount
    execute(
        "INSERT INTO label_history (item, before_skipped, after, after_skipped, labeler, origin, at)"
        " SELECT item, 0, value, 0, '', 'import', at FROM labels WHERE item > ? ORDER BY item",
        (base,),
    )
    execute(
        f"INSERT INTO unlabeled (item) SELECT ? + rows.id {NEW} AND label IS NULL ORDER BY rows.id",
        (base,),
    )
    return imported, labeled


def _take_labels(connection: sqlite3.Connection, at: str) -> int:
    """Labels for texts that are there and have none; how many."""
    execute = connection.execute
    taken = f"SELECT known.item {TAKEN}"
    if not execute(f"{taken} LIMIT 1").fetchone():
        return 0
    # what a person did to these rows before cannot be undone without losing the label that came now
    execute(f"UPDATE label_history SET undone = ? WHERE undone < ? AND item IN ({taken})", (SETTLED, SETTLED))
    execute(
        "INSERT INTO label_history (item, before_skipped, after, after_skipped, labeler, origin, at)"
        f" SELECT known.item, COALESCE(old.skipped, 0), to_value(label), 0, '', 'import', ? {TAKEN}",
        (at,),
    )
    execute(f"DELETE FROM unlabeled WHERE item IN ({taken})")
    execute(f"DELETE FROM uncertainty WHERE item IN ({taken})")
    return execute(
        "INSERT INTO labels (item, value, skipped, labeler, at)"
        f" SELECT known.item, to_value(label), 0, '', ? {TAKEN} ON CONFLICT (item) DO UPDATE"
        " SET value = excluded.value, skipped = 0, labeler = '', at = excluded.at",
        (at,),
    ).rowcount
