"""What people decided that changes no row: listed among the operations, undone and done again as these are.

What a decision says lies beside it, as it may be long; it counts while its operation is done and not undone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from desktop_llm.rows import Changes
from desktop_llm.store.connection import Connections
from desktop_llm.store.notes import key
from desktop_llm.store.operations import CHANGED, DONE, Outcome

NAME = "decision.{0}"


class Decisions:
    """Lists decisions and tells which stand; `Operations` undoes them."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def add(
        self, kind: str, title: str, told: Any, *, rows: int, details: Mapping[str, Any], labeler: str = ""
    ) -> Outcome:
        """Decide `told` (as JSON has it), which is about so many `rows`. Raises UserError."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._connections.writing() as connection:
            cursor = connection.execute(
                "INSERT INTO operations (kind, title, details, labeler, at, state, count) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (kind, title, json.dumps(dict(details), ensure_ascii=False), labeler, at, DONE, rows),
            )
            number = int(cursor.lastrowid or 0)
            text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
            connection.execute("INSERT INTO meta (key, value) VALUES (?, ?)", (key(NAME.format(number)), text))
        return Outcome(operation=number, changed=0, left=0, changes=CHANGED)

    def standing(self, kind: str) -> list[Any]:
        """What the decisions of a kind say that are not undone, the earliest first."""
        rows = self._connections.rows(
            "SELECT meta.value FROM operations JOIN meta ON meta.key = ? || operations.id"
            " WHERE operations.kind = ? AND operations.state = ? ORDER BY operations.id",
            (key(NAME.format("")), kind, DONE),
        )
        return [json.loads(text) for (text,) in rows]


NOTHING = Outcome(operation=0, changed=0, left=0, changes=Changes())
"""What came of a decision that says nothing new."""
