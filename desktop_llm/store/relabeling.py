"""Who a row's entries are by: given another name, and back, inside a transaction."""

from __future__ import annotations

import json
import sqlite3

from desktop_llm.store import events
from desktop_llm.store.standing import standing

LABELER = "labeler"


def entries_by(connection: sqlite3.Connection, item: int, labeler: str) -> list[int]:
    """Ids of a row's entries by a labeler; what came with a file is nobody's."""
    return [
        row[0]
        for row in connection.execute(
            "SELECT id FROM label_history INDEXED BY history_by_item WHERE item = ? AND labeler = ?"
            " AND origin <> 'import' ORDER BY id",
            (item, labeler),
        )
    ]


def told(labeler: str, entries: list[int]) -> str:
    """As an operation remembers it: whose which entries are."""
    return json.dumps([labeler, entries], ensure_ascii=False, separators=(",", ":"))


def turn(connection: sqlite3.Connection, item: int, now: str, then: str) -> bool:
    """Let entries that are as `now` tells be as `then` does; whether all of them could."""
    before, entries = json.loads(now)
    after = json.loads(then)[0]
    changed = connection.execute(
        "UPDATE label_history SET labeler = ? WHERE item = ? AND labeler = ?"
        " AND id IN (SELECT value FROM json_each(?))",
        (after, item, before, json.dumps(entries)),
    ).rowcount
    _follow(connection, item)
    return bool(changed == len(entries))


def _follow(connection: sqlite3.Connection, item: int) -> None:
    """Whose the row's label is follows from its entries, also where it lies in the bin; so do rows that wait."""
    labeler = standing(events.of(connection, item), events.base(connection, item)).labeler
    for table in ("labels", "bin"):
        connection.execute(f"UPDATE {table} SET labeler = ? WHERE item = ?", (labeler, item))
    if connection.execute("SELECT 1 FROM items WHERE id = ?", (item,)).fetchone() is not None:
        events.note(connection, item)
