"""What an operation does to one row, and how it is taken back: text, cells, split, label, the way into the bin."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from desktop_llm.rows import Edit
from desktop_llm.store import bin as bins
from desktop_llm.store import events, labels, relabeling
from desktop_llm.store.hashing import key_of, packed, packed_hash
from desktop_llm.store.schema import BULK, DROPPED, SETTLED

TEXT, EXTRA, SPLIT, BIN = "text", "extra", "split", "bin"
LABEL = "label"
"""A label that a new text leaves as it is; it tells later whether the text still has the label that it had."""
MOST_FIELDS = 6
"""Entries that one row can have in `edits` for one operation."""


class Writer:
    """Inside one transaction: the rows of one operation."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        operation: int,
        labeler: str,
        at: str,
        main: str,
        *,
        follow: bool = False,
    ) -> None:
        """`main` names the content's main field; `follow`: labels speak of places in it, and go along with it."""
        self._connection, self._operation = connection, operation
        self._labeler, self._at, self._main = labeler, at, main
        self._follow = follow

    def apply(self, edit: Edit) -> bool:
        """Do one edit; whether anything changed."""
        renamed = edit.labeler is not None and self._rename(edit.item, *edit.labeler)
        row = self._connection.execute(
            "SELECT text, content, split, extra FROM items WHERE id = ?", (edit.item,)
        ).fetchone()
        if row is None:
            return renamed
        changed = renamed
        if edit.content is not None:
            new_text = self._note(edit.item, TEXT, packed(*row[:2]), self._pack(edit.content))
            if new_text and self._follow:
                self._settle(edit.item)  # earlier labels do not fit this text
                if edit.label is None:
                    self._note_label(edit.item)
            changed |= new_text
        if edit.extra is not None:
            changed |= self._note(edit.item, EXTRA, row[3], _json(dict(edit.extra)) if edit.extra else None)
        if edit.split is not None:
            changed |= self._note(edit.item, SPLIT, row[2], edit.split)
        if edit.label is not None:
            value = None if edit.label.value is None else _json(edit.label.value)
            changed |= self._label(edit.item, value, int(edit.label.skipped and value is None))
        if edit.to_bin:
            changed |= self._note(edit.item, BIN, None, "1")
        return changed

    def turn(self, item: int, *, forward: bool) -> bool:
        """Undo (or, `forward`, do again) what the operation did to a row; whether all of that could be done."""
        told = {
            field: (before, after) if forward else (after, before)
            for field, before, after in self._connection.execute(
                "SELECT field, before, after FROM edits WHERE operation = ? AND item = ?", (self._operation, item)
            )
        }
        # out of the bin before anything else, into it after all else
        order = [TEXT, EXTRA, SPLIT, BIN] if forward else [BIN, TEXT, EXTRA, SPLIT]
        whole = True
        if not forward and BIN in told:
            whole &= self._set(item, BIN, *told.pop(BIN))
        if self._follow:
            whole &= self._turn_placed(item, told, forward=forward)
        else:
            whole &= self._turn_label(item, forward=forward)
        for field in order:
            if field in told and not (self._follow and field == TEXT):
                whole &= self._set(item, field, *told[field])
        if relabeling.LABELER in told:
            now, then = told[relabeling.LABELER]
            whole &= now is not None and then is not None and relabeling.turn(self._connection, item, now, then)
        return whole

    def _rename(self, item: int, old: str, new: str) -> bool:
        """Let what `old` said about a row be said by `new`, also where it lies in the bin."""
        entries = relabeling.entries_by(self._connection, item, old)
        if not entries or old == new:
            return False
        now, then = relabeling.told(old, entries), relabeling.told(new, entries)
        self._connection.execute(
            "INSERT INTO edits (operation, item, field, before, after) VALUES (?, ?, ?, ?, ?)",
            (self._operation, item, relabeling.LABELER, now, then),
        )
        return relabeling.turn(self._connection, item, now, then)

    def _turn_placed(self, item: int, told: Mapping[str, tuple[str | None, str | None]], *, forward: bool) -> bool:
        """Text and label together, as the one speaks of places in the other: both, or none of them."""
        if TEXT not in told:
            return self._turn_label(item, forward=forward)
        now, then = told[TEXT]
        row = self._connection.execute("SELECT text, content, hash FROM items WHERE id = ?", (item,)).fetchone()
        if row is None or packed(*row[:2]) != now or self._label_of(item) != self._told_label(item, forward=forward):
            return False
        if not self._turn_label(item, forward=forward):
            return False
        if forward:
            self._settle(item)
        else:
            self._rest(item)
            wake(self._connection, item, self._operation)
        self._set_text(item, then or "[]", row[2])
        return True

    def _label_of(self, item: int) -> str | None:
        row = self._connection.execute("SELECT value FROM labels WHERE item = ?", (item,)).fetchone()
        return None if row is None else row[0]

    def _told_label(self, item: int, *, forward: bool) -> str | None:
        """The label that the operation left the row with, or (`forward`) found at it."""
        row = self._connection.execute(
            f"SELECT {'before' if forward else 'after'} FROM label_history INDEXED BY history_by_operation"
            " WHERE operation = ? AND operation IS NOT NULL AND item = ?"
            f" ORDER BY id {'' if forward else 'DESC'} LIMIT 1",
            (self._operation, item),
        ).fetchone()
        row = (
            row
            or self._connection.execute(
                "SELECT after FROM edits WHERE operation = ? AND item = ? AND field = ?", (self._operation, item, LABEL)
            ).fetchone()
        )
        return None if row is None else row[0]

    def _note_label(self, item: int) -> None:
        """What label the row has when its text changes; that it has none needs no note."""
        if (value := self._label_of(item)) is not None:
            self._connection.execute(
                "INSERT OR IGNORE INTO edits (operation, item, field, before, after) VALUES (?, ?, ?, ?, ?)",
                (self._operation, item, LABEL, value, value),
            )

    def _note(self, item: int, field: str, before: str | None, after: str | None) -> bool:
        if before == after or not self._set(item, field, before, after):
            return False
        # two edits of one row in one operation are one: from the first state to the last
        self._connection.execute(
            "INSERT INTO edits (operation, item, field, before, after) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (operation, item, field) DO UPDATE SET after = excluded.after",
            (self._operation, item, field, before, after),
        )
        return True

    def _set(self, item: int, field: str, now: str | None, then: str | None) -> bool:
        """Bring one field of a row from `now` to `then`; False when it is not `now`."""
        if field == BIN:
            if then is None:
                return bins.take_out(self._connection, item)
            return bins.put_in(self._connection, item, self._operation, self._at)
        row = self._connection.execute(
            "SELECT text, content, split, extra, hash FROM items WHERE id = ?", (item,)
        ).fetchone()
        if row is None:
            return False
        if field in (SPLIT, EXTRA):
            if row[2 if field == SPLIT else 3] != now:
                return False
            self._connection.execute(f"UPDATE items SET {field} = ? WHERE id = ?", (then, item))
            return True
        if packed(*row[:2]) != now:
            return False
        self._set_text(item, then or "[]", row[4])
        return True

    def _set_text(self, item: int, value: str, old: bytes) -> None:
        text, content = json.loads(value)
        digest = packed_hash(self._main, value)
        self._connection.execute(
            "UPDATE items SET text = ?, content = ?, hash = ? WHERE id = ?", (text, content, digest, item)
        )
        if digest == old:
            return
        # found by what it was and by what it is, so that the file it came from brings nothing twice
        known = self._connection.execute("SELECT item FROM keys WHERE key = ?", (key_of(digest),)).fetchone()
        if known is None:
            self._connection.execute("INSERT INTO keys (key, item) VALUES (?, ?)", (key_of(digest), item))
        elif known[0] == item:
            # back to a text that the row is known by already: what it was known by meanwhile is forgotten
            self._connection.execute("DELETE FROM keys WHERE key = ? AND item = ?", (key_of(old), item))

    def _label(self, item: int, value: str | None, skipped: int) -> bool:
        before = self._connection.execute("SELECT value, skipped FROM labels WHERE item = ?", (item,)).fetchone()
        old, old_skipped = before or (None, 0)
        if (old, old_skipped) == (value, skipped):
            return False
        # what was done before to this row alone cannot be undone without losing what came now
        self._settle(item)
        events.enter(
            self._connection,
            item,
            value,
            skipped=skipped,
            labeler=self._labeler,
            origin="bulk",
            undone=BULK,
            operation=self._operation,
        )
        labels.put(self._connection, item, value, skipped, self._labeler, self._at)
        events.note(self._connection, item)
        return True

    def _settle(self, item: int, before: int | None = None) -> None:
        """What was done to the row alone (before the history's entry `before`) rests while the operation stands."""
        self._connection.execute(
            "UPDATE label_history SET settled_by = CASE undone WHEN 0 THEN ? END,"
            " undone = CASE undone WHEN 0 THEN ? ELSE ? END"
            " WHERE item = ? AND undone IN (0, 1) AND origin <> 'import' AND id < COALESCE(?, 9223372036854775807)",
            (self._operation, SETTLED, DROPPED, item, before),
        )

    def _rest(self, item: int) -> None:
        """What was done since to the row alone stands, and is not undone by key: it speaks of the text of then."""
        self._connection.execute(
            "UPDATE label_history SET undone = CASE undone WHEN 0 THEN ? ELSE ? END"
            " WHERE item = ? AND undone IN (0, 1) AND origin <> 'import'",
            (SETTLED, DROPPED, item),
        )

    def _turn_label(self, item: int, *, forward: bool) -> bool:
        """The row's label back (or again), unless it was changed since."""
        rows = self._connection.execute(
            "SELECT id, before, before_skipped, after, after_skipped, labeler, undone FROM label_history"
            " INDEXED BY history_by_operation WHERE operation = ? AND operation IS NOT NULL AND item = ? ORDER BY id",
            (self._operation, item),
        ).fetchall()
        whole = True
        for row in rows if forward else reversed(rows):
            number, undone = row[0], row[6]
            if undone != (DROPPED if forward else BULK) or self._changed_since(item, number):
                whole = False
                continue
            value, skipped = row[3:5] if forward else row[1:3]
            events.turn(self._connection, number, BULK if forward else DROPPED)
            labels.put(self._connection, item, value, skipped, row[5] if forward else self._labeler_of(item), self._at)
            if forward:
                self._settle(item, number)
        if rows and whole and not forward:
            wake(self._connection, item, self._operation)
        if rows:
            events.note(self._connection, item)
        return whole

    def _changed_since(self, item: int, number: int) -> bool:
        """Whether the row is gone, or got another label after the history's entry `number`."""
        there = self._connection.execute("SELECT 1 FROM items WHERE id = ?", (item,)).fetchone() is not None
        later = self._connection.execute(
            "SELECT 1 FROM label_history INDEXED BY history_by_item WHERE item = ? AND id > ? AND undone NOT IN (1, ?)"
            " LIMIT 1",
            (item, number, DROPPED),
        ).fetchone()
        return not there or later is not None

    def _labeler_of(self, item: int) -> str:
        """Who gave the row the label that it has when all undone entries are left out."""
        row = self._connection.execute(
            "SELECT labeler FROM label_history INDEXED BY history_by_item WHERE item = ? AND undone NOT IN (1, ?)"
            " ORDER BY id DESC LIMIT 1",
            (item, DROPPED),
        ).fetchone()
        return str(row[0]) if row else ""

    def _pack(self, content: Mapping[str, str]) -> str:
        others = {name: text for name, text in content.items() if name != self._main}
        return packed(content.get(self._main, ""), _json(others) if others else None)


def wake(connection: sqlite3.Connection, item: int, operation: int) -> None:
    """The operation is undone: what rested because of it can be undone again."""
    connection.execute(
        "UPDATE label_history SET undone = 0, settled_by = NULL WHERE item = ? AND settled_by = ? AND undone = ?",
        (item, operation, SETTLED),
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
