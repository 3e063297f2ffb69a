"""The entries of a row's label history, read and written inside a transaction; `standing` says what they come to."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from desktop_llm.store.hashing import key_of
from desktop_llm.store.schema import BULK, SETTLED
from desktop_llm.store.standing import Event, heads, opinions, standing

UID_BYTES = 12
SHARE = "share labeled twice"
"""In `meta`: the share of rows, in 0…1, that two people are to label without seeing each other's label."""
UNFINISHED = "share being applied"
"""In `meta` while the list of rows that wait for a second label does not yet follow the share."""
BLIND = "blind"
"""The origin of a label that was given without seeing what others had said."""
SHARE_AT = "share labeled twice, chosen at"
"""In `meta`: when the share was chosen, so that copies know which word was the last."""
PARTS = 1_000_000
NEWEST_GUIDELINE = "SELECT version FROM guidelines INDEXED BY guidelines_by_time ORDER BY at DESC, uid DESC LIMIT 1"
GUIDELINE = f"COALESCE(({NEWEST_GUIDELINE}), 0)"
"""The version of the guideline by which a label is given: every key asks, so that it is one look into an index."""
ACTIVE = (0, SETTLED, BULK)


def of(connection: sqlite3.Connection, item: int, *, values: bool = True) -> list[Event]:
    """A row's entries in the order in which they came into this project; without `values`, any label reads ''.

    Most of what decides needs only who replaced whom: to read each label of a long history, in which a label of spans
    may have 40,000 characters, would make every key slower than the one before.
    """
    after = "after" if values else "CASE WHEN after IS NOT NULL THEN '' END"
    return [
        Event(
            uid=row[0],
            over=tuple(row[1].split()),
            value=row[2],
            skipped=bool(row[3]),
            labeler=row[4],
            origin=row[5],
            at=row[6],
            active=row[7] in ACTIVE,
            seconds=row[8],
        )
        for row in connection.execute(
            f"SELECT uid, over, {after}, after_skipped, labeler, origin, at, undone, seconds FROM label_history"
            " INDEXED BY history_by_item WHERE item = ? ORDER BY id",
            (item,),
        )
    ]


def that_stand(connection: sqlite3.Connection, item: int) -> list[Event]:
    """The heads of a row's entries with their labels: `standing` says of them what it says of all."""
    sql = "SELECT after FROM label_history INDEXED BY history_by_uid WHERE uid = ?"
    found = heads(of(connection, item, values=False))
    return [replace(one, value=connection.execute(sql, (one.uid,)).fetchone()[0]) for one in found]


def enter(
    connection: sqlite3.Connection,
    item: int,
    value: str | None,
    *,
    skipped: int,
    labeler: str,
    origin: str,
    undone: int = 0,
    operation: int | None = None,
    seconds: float | None = None,
    blind: bool = False,
) -> str:
    """Add an entry over all that stands (`blind`: over the labeler's own alone); its time. Changes no label."""
    told = of(connection, item, values=False)
    before = connection.execute("SELECT value, skipped FROM labels WHERE item = ?", (item,)).fetchone()
    old, old_skipped = before or (None, 0)
    seen = [one for one in opinions(told).values() if one.labeler == labeler] if blind else heads(told)
    at = later(max((one.at for one in told), default=""))
    connection.execute(
        "INSERT INTO label_history (item, before, before_skipped, after, after_skipped, labeler, origin, at, undone,"
        " operation, seconds, guideline, uid, over) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        f" {GUIDELINE}, ?, ?)",
        (
            item,
            old,
            old_skipped,
            value,
            skipped,
            labeler,
            origin,
            at,
            undone,
            operation,
            seconds,
            new_uid(),
            joined(seen),
        ),
    )
    return at


def newest(connection: sqlite3.Connection, item: int) -> str:
    """The uid of a row's last entry."""
    row = connection.execute(
        "SELECT uid FROM label_history INDEXED BY history_by_item WHERE item = ? ORDER BY id DESC LIMIT 1", (item,)
    ).fetchone()
    return str(row[0]) if row else ""


def rewrite(
    connection: sqlite3.Connection, item: int, uid: str, value: str | None, labeler: str, seconds: float | None
) -> tuple[str, str] | None:
    """Make the entry `uid` say `value`; its new uid and time. None where it is no longer the last thing that was done.

    A copy of the project may have the entry as it was: under its new uid it replaces that one there, too.
    """
    row = connection.execute(
        "SELECT id, over, at FROM label_history WHERE uid = ? AND item = ? AND labeler = ? AND undone = 0"
        " AND id = (SELECT MAX(id) FROM label_history)"
        " AND NOT EXISTS (SELECT 1 FROM operations WHERE place >= label_history.id)",
        (uid, item, labeler),
    ).fetchone()
    if row is None:
        return None
    fresh, at = new_uid(), later(row[2])
    connection.execute(
        "UPDATE label_history SET uid = ?, over = ?, after = ?, after_skipped = 0, at = ?, seconds = ?,"
        f" guideline = {GUIDELINE} WHERE id = ?",
        (fresh, f"{row[1]} {uid}".strip(), value, at, seconds, row[0]),
    )
    return fresh, at


def turn(connection: sqlite3.Connection, number: int, undone: int) -> None:
    """Mark an entry, by its id, as undone or done; when, so that copies know which word was the last."""
    row = connection.execute("SELECT turned_at FROM label_history WHERE id = ?", (number,)).fetchone()
    connection.execute(
        "UPDATE label_history SET undone = ?, turned_at = ? WHERE id = ?", (undone, later(row[0]), number)
    )


def new_uid() -> str:
    """A name that no other entry has, in any project."""
    return secrets.token_hex(UID_BYTES)


def joined(events: Sequence[Event]) -> str:
    """Their uids as `over` keeps them."""
    return " ".join(one.uid for one in events)


def later(than: str) -> str:
    """Now, or just behind `than` where the clock of another computer was ahead."""
    now = datetime.now(UTC)
    if than:
        now = max(now, datetime.fromisoformat(than) + timedelta(microseconds=1))
    return now.isoformat(timespec="microseconds")


def base(connection: sqlite3.Connection, item: int) -> str | None:
    """The label that came with the row: what was there before the first entry, or is there without any."""
    row = connection.execute(
        "SELECT before FROM label_history INDEXED BY history_by_item WHERE item = ? ORDER BY id LIMIT 1", (item,)
    ).fetchone()
    row = row or connection.execute("SELECT value FROM labels WHERE item = ?", (item,)).fetchone()
    return row[0] if row else None


def note(connection: sqlite3.Connection, item: int, *, sole: bool = False) -> None:
    """Keep the lists of disputed rows and of those that wait for a second labeler right for a row.

    `sole`: the last entry is over all that stood, so that there is nothing to dispute.
    """
    if not sole and standing(that_stand(connection, item), None).disputed:
        connection.execute("INSERT OR IGNORE INTO disputes (item) VALUES (?)", (item,))
    else:
        connection.execute("DELETE FROM disputes WHERE item = ?", (item,))
    first = _first_of_two(connection, item)
    if first is None:
        connection.execute("DELETE FROM second WHERE item = ?", (item,))
    else:
        connection.execute("INSERT OR REPLACE INTO second (item, labeler) VALUES (?, ?)", (item, first))


def share(connection: sqlite3.Connection) -> float:
    """The share of rows that are labeled twice."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (SHARE,)).fetchone()
    return float(row[0]) if row else 0.0


def is_double(digest: bytes, of_all: float) -> bool:
    """Whether a row with this hash is among those that are labeled twice: the same ones in every copy."""
    return key_of(digest) % PARTS < of_all * PARTS


def _first_of_two(connection: sqlite3.Connection, item: int) -> str | None:
    """Who labeled a row that is to be labeled twice and was labeled by nobody else."""
    # asked first, as most projects have no such rows, and to look through a long history takes long
    if not (of_all := share(connection)):
        return None
    told = of(connection, item, values=False)
    # whoever was asked for a second label and could not tell is not asked again
    asked = [one for one in opinions(told).values() if one.value is not None or one.origin == BLIND]
    if len(asked) != 1 or asked[0].value is None:
        return None
    # nor is who has seen the first label and put another in its place
    if any(one.active and one.value is not None and one.labeler != asked[0].labeler and one.origin != "import"
           for one in told):  # fmt: skip
        return None
    row = connection.execute("SELECT hash FROM items WHERE id = ?", (item,)).fetchone()
    return asked[0].labeler if row is not None and is_double(row[0], of_all) else None
