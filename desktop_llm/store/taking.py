"""Labels from a file for texts that the project has: the first that the file names for each that has none."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_llm.store.connection import Connections
from desktop_llm.store.schema import DROPPED, SETTLED
from desktop_llm.store.staging import stoppable


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """What of a file's labels for known texts matters: how many `conflicts` there are, how many are `waiting`."""

    conflicts: int
    waiting: int


def sift(connections: Connections, staged: Path, should_stop: Callable[[], bool]) -> Sifted:
    """Find the texts that have no label, with the first that the file has for each, and note them as `staged.told`.

    Nobody who writes has to wait meanwhile, so `take_labels` looks once more. Raises Cancelled, UserError.
    """
    with connections.reading(attached=staged) as connection, stoppable(connection, should_stop):
        execute = connection.execute
        # nothing there outlives a crash
        execute("PRAGMA staged.journal_mode = OFF")
        execute("PRAGMA staged.synchronous = OFF")
        execute("CREATE TABLE staged.told (item INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT")
        first = "SELECT item, MIN(place) AS place FROM staged.known WHERE value IS NOT NULL GROUP BY item"
        execute(
            f"INSERT INTO staged.told SELECT known.item, known.value FROM ({first}) AS one"
            " JOIN staged.known ON known.place = one.place"
        )
        conflicts = _number(
            connection,
            "SELECT COUNT(*) FROM staged.known JOIN staged.told ON told.item = known.item"
            " LEFT JOIN labels ON labels.item = known.item WHERE known.value <> COALESCE(labels.value, told.value)",
        )
        execute(
            "DELETE FROM staged.told WHERE NOT EXISTS (SELECT 1 FROM items WHERE id = told.item)"  # they lie in the bin
            " OR EXISTS (SELECT 1 FROM labels WHERE labels.item = told.item AND labels.value IS NOT NULL)"
        )
        return Sifted(conflicts=conflicts, waiting=_number(connection, "SELECT COUNT(*) FROM staged.told"))


def take_labels(connection: sqlite3.Connection, at: str) -> tuple[int, int]:
    """Inside a transaction: the labels that `sift` found, for texts that still have none.

    By how many the conflicts are more because of labels that were given meanwhile, and how many labels were taken.
    """
    execute = connection.execute
    conflicts = _number(
        connection,
        "SELECT COALESCE(SUM((known.value <> labels.value) - (known.value <> told.value)), 0) FROM staged.told"
        " CROSS JOIN labels ON labels.item = told.item AND labels.value IS NOT NULL"
        " CROSS JOIN staged.known ON known.item = told.item AND known.value IS NOT NULL",
    )
    execute(
        "CREATE TEMP TABLE told AS SELECT item, value FROM staged.told"
        " WHERE EXISTS (SELECT 1 FROM items WHERE id = told.item)"
        " AND NOT EXISTS (SELECT 1 FROM labels WHERE labels.item = told.item AND labels.value IS NOT NULL)"
    )
    try:
        taken = "SELECT item FROM temp.told"
        # what a person did to these rows before cannot be undone without losing the label that came now
        execute(
            f"UPDATE label_history SET undone = CASE undone WHEN 0 THEN ? ELSE ? END WHERE undone < 2"
            f" AND item IN ({taken})",
            (SETTLED, DROPPED),
        )
        execute(
            "INSERT INTO label_history (item, before_skipped, after, after_skipped, labeler, origin, at, uid, over)"
            " SELECT told.item, COALESCE(old.skipped, 0), told.value, 0, '', 'import', ?, lower(hex(randomblob(12))),"
            " COALESCE((SELECT group_concat(uid, ' ') FROM label_history WHERE item = told.item), '') FROM temp.told"
            " LEFT JOIN labels AS old ON old.item = told.item ORDER BY told.item",
            (at,),
        )
        for table in ("unlabeled", "disputes", "second"):
            execute(f"DELETE FROM {table} WHERE item IN ({taken})")
        execute(f"DELETE FROM uncertainty WHERE item IN ({taken})")
        # as `labels.write` does
        execute(
            "INSERT INTO labels (item, labeler, at) SELECT item, '', '' FROM temp.told WHERE true"
            " ON CONFLICT (item) DO NOTHING"
        )
        count = execute(
            "UPDATE labels SET value = told.value, skipped = 0, labeler = '', at = ? FROM temp.told"
            " WHERE labels.item = told.item",
            (at,),
        ).rowcount
        return conflicts, count
    finally:
        execute("DROP TABLE temp.told")


def _number(connection: sqlite3.Connection, sql: str, *values: Any) -> int:
    return int(connection.execute(sql, values).fetchone()[0])
