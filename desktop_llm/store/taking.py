"""Labels from a file for texts that the project has: the first that the file names for each that has none."""

from __future__ import annotations

import sqlite3
from typing import Any

from desktop_llm.store.schema import DROPPED, SETTLED


def take_labels(connection: sqlite3.Connection, at: str) -> tuple[int, int]:
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
            "SELECT COUNT(*) FROM staged.known JOIN told ON told.item = known.item"
            " LEFT JOIN labels ON labels.item = known.item WHERE known.value <> COALESCE(labels.value, told.value)",
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
        execute(
            f"UPDATE label_history SET undone = CASE undone WHEN 0 THEN ? ELSE ? END WHERE undone < 2"
            f" AND item IN ({taken})",
            (SETTLED, DROPPED),
        )
        execute(
            "INSERT INTO label_history (item, before_skipped, after, after_skipped, labeler, origin, at, uid, over)"
            " SELECT told.item, COALESCE(old.skipped, 0), told.value, 0, '', 'import', ?, lower(hex(randomblob(12))),"
            " COALESCE((SELECT group_concat(uid, ' ') FROM label_history WHERE item = told.item), '') FROM told"
            " LEFT JOIN labels AS old ON old.item = told.item ORDER BY told.item",
            (at,),
        )
        for table in ("unlabeled", "disputes", "second"):
            execute(f"DELETE FROM {table} WHERE item IN ({taken})")
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
