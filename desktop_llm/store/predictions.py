"""What models said about rows, and the narrow table by which the least certain ones come first."""

from __future__ import annotations

import json
from collections.abc import Sequence

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Changes
from desktop_llm.store.connection import Connections

CHANGED = Changes(predictions=True)


class Predictions:
    """Predictions by run and row."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def write(self, run: int, batch: Sequence[tuple[int, Prediction]]) -> Changes:
        """Keep a batch of (row id, prediction) of a run; rows that are gone are passed over."""
        with self._connections.writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO predictions (run, item, label, probability, uncertainty, top)"
                " SELECT ?, id, ?, ?, ?, ? FROM items WHERE id = ?",
                [
                    (
                        run,
                        json.dumps(one.label, ensure_ascii=False),
                        one.probability,
                        one.uncertainty,
                        json.dumps([list(pair) for pair in one.top], ensure_ascii=False),
                        item,
                    )
                    for item, one in batch
                ],
            )
        return CHANGED

    def rebuild_uncertainty(self, run: int) -> Changes:
        """Order the rows that wait for a label by what `run` knows least about."""
        with self._connections.writing() as connection:
            connection.execute("DELETE FROM uncertainty")
            connection.execute(
                "INSERT INTO uncertainty (item, value) SELECT unlabeled.item, predictions.uncertainty FROM unlabeled"
                " JOIN predictions ON predictions.item = unlabeled.item AND predictions.run = ?"
                " WHERE unlabeled.skipped = 0",
                (run,),
            )
        return CHANGED

    def has_any(self) -> bool:
        """Whether rows that wait for a label are ordered by uncertainty."""
        return self._connections.reading().execute("SELECT 1 FROM uncertainty LIMIT 1").fetchone() is not None

    def count(self, run: int) -> int:
        """How many rows a run has answered."""
        row = self._connections.reading().execute("SELECT COUNT(*) FROM predictions WHERE run = ?", (run,)).fetchone()
        return int(row[0])
