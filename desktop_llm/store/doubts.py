"""Labels to look at again, and what a person said when they did: checked, or hard to decide.

A doubt ends when its label is changed or checked; that a label was checked counts for this label alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from desktop_llm.errors import UserError
from desktop_llm.rows import Changes, MarkKind
from desktop_llm.store.connection import Connections
from desktop_llm.store.ordering import AT_ONCE
from desktop_llm.store.schema import VISIBLE

CHANGED = Changes(doubts=True)
PATIENCE_SECONDS = 3.0


class Doubts:
    """The queue “look again”, the most doubtful first; and marks of rows."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def replace(self, doubts: Sequence[tuple[int, float]]) -> Changes:
        """Let (row id, doubt in 0…1) be the queue; rows without a label and those that were checked are left out."""
        with self._connections.writing() as connection:
            connection.execute("DELETE FROM doubts")
        for start in range(0, len(doubts), AT_ONCE):
            with self._connections.writing() as connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO doubts (item, value) SELECT item, ? FROM labels WHERE item = ?"
                    " AND value IS NOT NULL"
                    " AND NOT EXISTS (SELECT 1 FROM marks WHERE marks.item = labels.item AND kind = 'checked')",
                    [(value, item) for item, value in doubts[start : start + AT_ONCE]],
                )
        return CHANGED

    def count(self) -> int:
        """How many rows are to be looked at."""
        row = self._connections.row(f"SELECT COUNT(*) FROM doubts WHERE item <= {VISIBLE}")
        return int(row[0]) if row else 0

    def mark(self, item: int, kind: MarkKind, labeler: str = "") -> Changes:
        """Say of a row that its label was checked (which ends its doubt) or is hard. On disk when it returns."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._connections.writing(patience=PATIENCE_SECONDS) as connection:
            if connection.execute("SELECT 1 FROM items WHERE id = ?", (item,)).fetchone() is None:
                raise UserError(f"The project has no row number {item}, or it lies in the bin.")
            connection.execute(
                "INSERT OR REPLACE INTO marks (item, kind, labeler, at) VALUES (?, ?, ?, ?)", (item, kind, labeler, at)
            )
            connection.execute("DELETE FROM doubts WHERE item = ?", (item,))
        return CHANGED

    def unmark(self, item: int, kind: MarkKind) -> Changes:
        """Take a mark away."""
        with self._connections.writing(patience=PATIENCE_SECONDS) as connection:
            connection.execute("DELETE FROM marks WHERE item = ? AND kind = ?", (item, kind))
        return CHANGED

    def marks(self, item: int) -> tuple[MarkKind, ...]:
        """What was said of a row."""
        return tuple(
            row[0] for row in self._connections.rows("SELECT kind FROM marks WHERE item = ? ORDER BY kind", (item,))
        )

    def marked(self, kind: MarkKind) -> list[int]:
        """The rows of which that was said."""
        return [
            row[0]
            for row in self._connections.rows(
                f"SELECT item FROM marks INDEXED BY marks_by_kind WHERE kind = ? AND item <= {VISIBLE} ORDER BY item",
                (kind,),
            )
        ]
