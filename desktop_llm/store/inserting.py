"""Bring rows into a project in one transaction: hashed, told apart from what is there, labels along with them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from desktop_llm.errors import Cancelled
from desktop_llm.rows import Changes, NewItem
from desktop_llm.store import classes
from desktop_llm.store.connection import Connections

BATCH = 500
ROWS_A_STATEMENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertCounts:
    """What an insert did; see `rows.ImportReport`. `unknown` texts were left out because only labels were wanted."""

    imported: int
    duplicates: int
    labeled: int
    conflicts: int
    unknown: int
    changes: Changes


@dataclass(slots=True)
class _Work:
    """The state of one insert."""

    connection: sqlite3.Connection
    source: int
    at: str
    main: str
    to_value: Callable[[Any, Mapping[str, int]], Any]
    class_names: Callable[[Any], tuple[str, ...]]
    known_only: bool
    numbers: dict[str, int]
    next_id: int
    counted: dict[str, int] = field(default_factory=lambda: dict.fromkeys(InsertCounts.__dataclass_fields__, 0))


def content_hash(content: Mapping[str, str]) -> bytes:
    """16 bytes of BLAKE2b over the trimmed fields in their order: two rows with the same one are the same text."""
    joined = "\x1f".join(f"{name}\x1e{text.strip()}" for name, text in content.items())
    return hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def insert(
    connections: Connections,
    source: str,
    items: Iterable[NewItem],
    *,
    to_value: Callable[[Any, Mapping[str, int]], Any],
    class_names: Callable[[Any], tuple[str, ...]],
    on_progress: Callable[[int], None] = lambda done: None,
    should_stop: Callable[[], bool] = lambda: False,
    known_only: bool = False,
) -> InsertCounts:
    """Insert `items` under the file name `source`. Raises UserError or Cancelled, and then nothing has changed.

    A text that is there already is counted and not inserted; a label that it lacks is taken. `known_only` inserts
    no text at all.
    """
    waiting = iter(items)
    with connections.writing() as connection:
        work = _begin(connection, source, to_value, class_names, known_only)
        done = 0
        while batch := list(islice(waiting, BATCH)):
            if should_stop():
                raise Cancelled
            _take(work, batch)
            done += len(batch)
            on_progress(done)
        if should_stop():
            raise Cancelled
        if not work.counted["imported"]:
            connection.execute("DELETE FROM sources WHERE id = ?", (work.source,))
        numbers = {name: count for name, count in work.counted.items() if name != "changes"}
    changes = Changes(items=numbers["imported"] > 0, labels=numbers["labeled"] > 0, classes=numbers["labeled"] > 0)
    return InsertCounts(**numbers, changes=changes)


def _begin(
    connection: sqlite3.Connection,
    source: str,
    to_value: Callable[[Any, Mapping[str, int]], Any],
    class_names: Callable[[Any], tuple[str, ...]],
    known_only: bool,
) -> _Work:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    cursor = connection.execute("INSERT INTO sources (name, at) VALUES (?, ?)", (source, at))
    main = connection.execute("SELECT value FROM meta WHERE key = 'main_field'").fetchone()
    return _Work(
        connection=connection,
        source=int(cursor.lastrowid or 0),
        at=at,
        main=main[0] if main else "",
        to_value=to_value,
        class_names=class_names,
        known_only=known_only,
        numbers=classes.ensure(connection, ()),
        next_id=connection.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM items").fetchone()[0],
    )


def _take(work: _Work, batch: Sequence[NewItem]) -> None:
    hashes = [content_hash(item.content) for item in batch]
    marks = ",".join("?" * len(hashes))
    known: dict[bytes, tuple[int, str | None]] = {
        row[0]: (row[1], row[2])
        for row in work.connection.execute(
            f"SELECT hash, items.id, labels.value FROM items LEFT JOIN labels ON labels.item = items.id"
            f" WHERE hash IN ({marks})",
            hashes,
        )
    }
    new_items: list[tuple[Any, ...]] = []
    labels: list[tuple[int, str]] = []
    fresh_labels: dict[int, str] = {}
    for item, digest in zip(batch, hashes, strict=True):
        value = _value(work, item)
        if digest in known:
            work.counted["duplicates"] += 1
            number, stored = known[digest]
            if value is not None and stored is None:
                labels.append((number, value))
                known[digest] = (number, value)
            elif value is not None and stored != value:
                work.counted["conflicts"] += 1
            continue
        if work.known_only:
            work.counted["unknown"] += 1
            continue
        new_items.append(_columns(work, item, digest))
        known[digest] = (work.next_id, value)
        if value is not None:
            fresh_labels[work.next_id] = value
        work.next_id += 1
    _write(work, new_items, {**fresh_labels, **dict(labels)})


def _value(work: _Work, item: NewItem) -> str | None:
    if item.label is None:
        return None
    missing = [name for name in work.class_names(item.label) if name not in work.numbers]
    if missing:
        work.numbers = classes.ensure(work.connection, missing)
    return json.dumps(work.to_value(item.label, work.numbers), ensure_ascii=False, separators=(",", ":"))


def _columns(work: _Work, item: NewItem, digest: bytes) -> tuple[Any, ...]:
    content = dict(item.content)
    if not work.main:
        work.main = next(iter(content))
        work.connection.execute("INSERT INTO meta (key, value) VALUES ('main_field', ?)", (work.main,))
    text = content.pop(work.main, "")
    more = json.dumps(content, ensure_ascii=False) if content else None
    extra = json.dumps(dict(item.extra), ensure_ascii=False) if item.extra else None
    return (work.next_id, digest, text, more, extra, item.split, work.source)


def _write(work: _Work, new_items: list[tuple[Any, ...]], labels: Mapping[int, str]) -> None:
    for start in range(0, len(new_items), ROWS_A_STATEMENT):
        part = new_items[start : start + ROWS_A_STATEMENT]
        marks = ",".join(["(?,?,?,?,?,?,?)"] * len(part))
        work.connection.execute(
            f"INSERT INTO items (id, hash, text, content, extra, split, source) VALUES {marks}",
            [value for row in part for value in row],
        )
    bare = [(row[0],) for row in new_items if row[0] not in labels]
    work.connection.executemany("INSERT INTO unlabeled (item) VALUES (?)", bare)
    work.connection.executemany(
        "INSERT INTO labels (item, value, skipped, labeler, at) VALUES (?, ?, 0, '', ?)"
        " ON CONFLICT (item) DO UPDATE SET value = excluded.value, skipped = 0, at = excluded.at",
        [(item, value, work.at) for item, value in labels.items()],
    )
    taken = [(item,) for item in labels]
    work.connection.executemany("DELETE FROM unlabeled WHERE item = ?", taken)
    work.connection.executemany("DELETE FROM uncertainty WHERE item = ?", taken)
    work.connection.executemany(
        "INSERT INTO label_history (item, before_skipped, after, after_skipped, labeler, origin, at)"
        " VALUES (?, 0, ?, 0, '', 'import', ?)",
        [(item, value, work.at) for item, value in labels.items()],
    )
    work.counted["imported"] += len(new_items)
    work.counted["labeled"] += len(labels)
