"""What models said about rows, and the narrow table by which the least certain ones come first."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Changes
from desktop_llm.store.connection import Connections
from desktop_llm.store.schema import GENERATION, VISIBLE

CHANGED = Changes(predictions=True)
AT_ONCE = 1000
"""Rows a transaction: about as long as a label may have to wait."""


class Predictions:
    """Predictions by run and row."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections
        self._rebuilding = threading.Lock()

    def write(self, run: int, batch: Sequence[tuple[int, Prediction]]) -> Changes:
        """Keep a batch of (row id, prediction) of a run; rows that are gone are passed over."""
        for start in range(0, len(batch), AT_ONCE):
            told = [
                (
                    run,
                    json.dumps(one.label, ensure_ascii=False),
                    one.probability,
                    one.uncertainty,
                    json.dumps([list(pair) for pair in one.top], ensure_ascii=False),
                    item,
                )
                for item, one in batch[start : start + AT_ONCE]
            ]
            with self._connections.writing() as connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO predictions (run, item, label, probability, uncertainty, top)"
                    " SELECT ?, id, ?, ?, ?, ? FROM items WHERE id = ?",
                    told,
                )
        return CHANGED

    def rebuild_uncertainty(self, run: int) -> Changes:
        """Order the rows that wait for a label by what `run` knows least about.

        A new generation is built beside the one that counts, in pieces between which labels are written, then takes
        its place at once.
        """
        with self._rebuilding:
            row = self._connections.row(f"SELECT {GENERATION}")
            now = int(row[0]) if row else 0
            self._drop_all_but(now)  # what a rebuild left behind that was broken off
            self._build(run, now + 1)
            with self._connections.writing() as connection:
                connection.execute("UPDATE meta SET value = ? WHERE key = 'generation'", (str(now + 1),))
            self._drop_all_but(now + 1)
        return CHANGED

    def has_any(self) -> bool:
        """Whether rows that wait for a label are ordered by uncertainty."""
        sql = f"SELECT 1 FROM uncertainty INDEXED BY uncertainty_first WHERE generation = {GENERATION} LIMIT 1"
        return self._connections.row(sql) is not None

    def count(self, run: int) -> int:
        """How many rows a run has answered."""
        row = self._connections.row("SELECT COUNT(*) FROM predictions WHERE run = ?", (run,))
        return int(row[0]) if row else 0

    def _build(self, run: int, generation: int) -> None:
        after = 0
        while True:
            waiting = self._connections.rows(
                "SELECT item FROM unlabeled INDEXED BY unlabeled_waiting WHERE skipped = 0 AND item > ?"
                f" AND item <= {VISIBLE} ORDER BY item LIMIT ?",
                (after, AT_ONCE),
            )
            if not waiting:
                return
            with self._connections.writing() as connection:
                connection.execute(
                    "INSERT OR REPLACE INTO uncertainty (item, generation, value)"
                    " SELECT unlabeled.item, ?, predictions.uncertainty FROM unlabeled JOIN predictions"
                    " ON predictions.item = unlabeled.item AND predictions.run = ?"
                    " WHERE unlabeled.skipped = 0 AND unlabeled.item > ? AND unlabeled.item <= ?",
                    (generation, run, after, waiting[-1][0]),
                )
            after = waiting[-1][0]

    def _drop_all_but(self, generation: int) -> None:
        old = self._connections.rows(
            "SELECT DISTINCT generation FROM uncertainty INDEXED BY uncertainty_first WHERE generation <> ?",
            (generation,),
        )
        for (one,) in old:
            left = True
            while left:
                with self._connections.writing() as connection:
                    cursor = connection.execute(
                        "DELETE FROM uncertainty WHERE generation = ? AND item IN"
                        " (SELECT item FROM uncertainty INDEXED BY uncertainty_first WHERE generation = ? LIMIT ?)",
                        (one, one, AT_ONCE),
                    )
                    left = cursor.rowcount == AT_ONCE
