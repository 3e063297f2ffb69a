"""What two models answered to a row, and which a person found better without knowing whose is whose.

Models are known by the hashes of their weights; of two the one with the lower hash is always the first here. Answers
wait until somebody has judged them: so they are written once, also where the window closes in between.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from desktop_llm.store.connection import Connections
from desktop_llm.store.schema import VISIBLE

Verdict = Literal["first", "second", "tie"]
COLUMNS = "id, item, first_answer, second_answer, turned, COALESCE(verdict, '')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """Two answers to the row `item`; `turned`: the second stands at the left. `verdict` '': it waits."""

    id: int
    item: int
    first: str
    second: str
    turned: bool
    verdict: str = ""


class Verdicts:
    """Reads and keeps duels between two models, `pair`: their hashes in order."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def put(
        self, pair: tuple[str, str], item: int, answers: tuple[str, str], *, turned: bool, sampling: Mapping[str, Any]
    ) -> Duel:
        """Keep two answers that wait for a verdict; in place of others to this row. Raises UserError."""
        with self._connections.writing() as connection:
            cursor = connection.execute(
                "INSERT OR REPLACE INTO verdicts (first, second, item, first_answer, second_answer, turned, sampling)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*pair, item, *answers, int(turned), json.dumps(dict(sampling))),
            )
            number = int(cursor.lastrowid or 0)
        return Duel(id=number, item=item, first=answers[0], second=answers[1], turned=turned)

    def decide(self, duel: int, verdict: Verdict | None, labeler: str = "") -> None:
        """Give a verdict; None takes it back. Raises UserError."""
        at = None if verdict is None else datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._connections.writing() as connection:
            connection.execute(
                "UPDATE verdicts SET verdict = ?, at = ?, labeler = ? WHERE id = ?", (verdict, at, labeler, duel)
            )

    def waiting(self, pair: tuple[str, str]) -> list[Duel]:
        """Those without a verdict whose row is still there, the earliest first."""
        return self._duels(f"verdict IS NULL AND item IN (SELECT id FROM items WHERE id <= {VISIBLE})", pair, "id")

    def decided(self, pair: tuple[str, str]) -> list[Duel]:
        """Those with one, in the order in which they were given."""
        return self._duels("verdict IS NOT NULL", pair, "at, id")

    def counts(self, pair: tuple[str, str]) -> dict[str, int]:
        """How many verdicts of each kind there are."""
        rows = self._connections.rows(
            "SELECT verdict, COUNT(*) FROM verdicts WHERE first = ? AND second = ? AND verdict IS NOT NULL"
            " GROUP BY verdict",
            pair,
        )
        return {str(verdict): int(count) for verdict, count in rows}

    def _duels(self, which: str, pair: Sequence[str], order: str) -> list[Duel]:
        rows = self._connections.rows(
            f"SELECT {COLUMNS} FROM verdicts WHERE first = ? AND second = ? AND {which} ORDER BY {order}", tuple(pair)
        )
        return [
            Duel(id=number, item=item, first=first, second=second, turned=bool(turned), verdict=verdict)
            for number, item, first, second, turned, verdict in rows
        ]
