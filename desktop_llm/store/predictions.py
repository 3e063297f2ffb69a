"""What the models of runs said about rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Changes
from desktop_llm.store.connection import Connections
from desktop_llm.store.ordering import AT_ONCE, Ordering
from desktop_llm.store.schema import VISIBLE
from desktop_llm.store.suggestions import Suggestions

CHANGED = Changes(predictions=True)


class Predictions:
    """Predictions by run and row."""

    def __init__(self, connections: Connections, ordering: Ordering, suggestions: Suggestions) -> None:
        """`connections` of the project, the order of its rows without a label, and what the loop guessed of rows."""
        self._connections, self._ordering, self._suggestions = connections, ordering, suggestions

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
        """Order the rows that wait for a label by what `run` knows least about; guesses give way to it."""
        self._suggestions.clear()
        self._ordering.rebuild(lambda generation: self._build(run, generation), run)
        return CHANGED

    def has_any(self) -> bool:
        """Whether rows that wait for a label are ordered by uncertainty."""
        return self._ordering.has_any()

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
