"""What runs were measured on, and how each row of it came out, so that every figure opens its rows."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import prediction
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.rows import Changes
from desktop_llm.store.connection import Connections

CHANGED = Changes(runs=True, predictions=True)
SPLIT: Final = "split"
FILTER: Final = "filter"
FILE: Final = "file"
AT_ONCE = 2000
NAMES = "id, run, kind, name, at, count, left_out, learned, metrics, intervals, details, classes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a row came out, in the names of the run: its true label, and the answer. `item` 0: not in the project."""

    item: int
    truth: Any
    answer: Prediction
    logits: bytes | None = None
    content: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A run measured on something: a split, a kept filter, or a file, by name, at a time.

    `intervals` are [low, high] by figure, where there are some; `left_out` rows have a label that the run never
    learned; `learned` of the `count` rows are among those that it learned from. `id` 0: not kept yet.
    """

    run: int
    kind: str
    name: str
    count: int
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    details: Mapping[str, Any]
    classes: tuple[str, ...]
    left_out: int = 0
    learned: int = 0
    at: str = ""
    id: int = 0


class Evaluations:
    """Keeps evaluations: the newest of each run on each thing."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def keep(
        self, told: Evaluation, outcomes: Sequence[Outcome], *, should_stop: Callable[[], bool] = lambda: False
    ) -> Changes:
        """Keep one in the place of an earlier one, in pieces, whole or not at all. Raises UserError, Cancelled."""
        with self._connections.writing() as connection:
            if connection.execute("SELECT 1 FROM runs WHERE number = ?", (told.run,)).fetchone() is None:
                raise UserError(f"Run {told.run} was deleted; what it was measured on is not kept.")
            _remove(connection, "run = ? AND whole = 0", (told.run,))
            number = _begin(connection, told)
        for start in range(0, len(outcomes), AT_ONCE):
            if should_stop():
                raise Cancelled
            with self._connections.writing() as connection:
                connection.executemany(
                    "INSERT INTO outcomes (evaluation, place, item, truth, answer, logits, content, extra)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (_row(number, place, one) for place, one in enumerate(outcomes[start : start + AT_ONCE], start)),
                )
        with self._connections.writing() as connection:
            _remove(connection, "run = ? AND kind = ? AND name = ? AND whole = 1", (told.run, told.kind, told.name))
            connection.execute("UPDATE evaluations SET whole = 1 WHERE id = ?", (number,))
        return CHANGED

    def all(self, run: int | None = None) -> list[Evaluation]:
        """Those of a run, or of all runs, the newest first."""
        asked, values = ("", ()) if run is None else (" AND run = ?", (run,))
        sql = f"SELECT {NAMES} FROM evaluations WHERE whole = 1{asked} ORDER BY id DESC"
        return [_evaluation(row) for row in self._connections.rows(sql, values)]

    def find(self, run: int, kind: str, name: str) -> Evaluation | None:
        """That of a run on one thing; None where it was not measured on it."""
        row = self._connections.row(
            f"SELECT {NAMES} FROM evaluations WHERE run = ? AND kind = ? AND name = ? AND whole = 1",
            (run, kind, name),
        )
        return None if row is None else _evaluation(row)

    def outcomes(self, evaluation: int) -> Iterator[Outcome]:
        """How its rows came out, in order; read in pieces, so that nothing waits for it."""
        after = -1
        while rows := self._connections.rows(
            "SELECT place, item, truth, answer, logits, content, extra FROM outcomes WHERE evaluation = ? AND place > ?"
            " ORDER BY place LIMIT ?",
            (evaluation, after, AT_ONCE),
        ):
            yield from (_outcome(row) for row in rows)
            after = rows[-1][0]

    def remove_of(self, run: int) -> Changes:
        """Forget those of a run, which has another model now."""
        if self._connections.row("SELECT 1 FROM evaluations WHERE run = ?", (run,)) is None:
            return Changes()
        with self._connections.writing() as connection:
            _remove(connection, "run = ?", (run,))
        return CHANGED


def forget_run(connection: sqlite3.Connection, run: int) -> None:
    """Of a run that is deleted."""
    _remove(connection, "run = ?", (run,))


def forget_texts(connection: sqlite3.Connection, *, labels: bool) -> None:
    """Those that hold texts: of files, and, where labels are written (`labels`), all."""
    _remove(connection, "1" if labels else f"kind = '{FILE}'", ())


def _remove(connection: sqlite3.Connection, which: str, values: Sequence[Any]) -> None:
    connection.execute(f"DELETE FROM outcomes WHERE evaluation IN (SELECT id FROM evaluations WHERE {which})", values)
    connection.execute(f"DELETE FROM evaluations WHERE {which}", values)


def _begin(connection: sqlite3.Connection, told: Evaluation) -> int:
    cursor = connection.execute(
        "INSERT INTO evaluations (run, kind, name, at, count, left_out, learned, metrics, intervals, details, classes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            told.run,
            told.kind,
            told.name,
            told.at or datetime.now(UTC).isoformat(timespec="seconds"),
            told.count,
            told.left_out,
            told.learned,
            json.dumps({name: _finite(value) for name, value in told.metrics.items()}),
            json.dumps({name: [_finite(one) for one in pair] for name, pair in told.intervals.items()}),
            json.dumps(dict(told.details), ensure_ascii=False),
            json.dumps(list(told.classes), ensure_ascii=False),
        ),
    )
    return int(cursor.lastrowid or 0)


def _row(number: int, place: int, one: Outcome) -> tuple[Any, ...]:
    return (
        number,
        place,
        one.item or None,
        None if one.truth is None else json.dumps(one.truth, ensure_ascii=False),
        json.dumps(prediction.to_json(one.answer), ensure_ascii=False),
        one.logits,
        None if one.item else json.dumps(dict(one.content), ensure_ascii=False),
        None if one.item else json.dumps(dict(one.extra), ensure_ascii=False),
    )


def _outcome(row: Sequence[Any]) -> Outcome:
    return Outcome(
        item=row[1] or 0,
        truth=None if row[2] is None else json.loads(row[2]),
        answer=prediction.from_json(json.loads(row[3])),
        logits=row[4],
        content=json.loads(row[5]) if row[5] else {},
        extra=json.loads(row[6]) if row[6] else {},
    )


def _evaluation(row: Sequence[Any]) -> Evaluation:
    return Evaluation(
        id=row[0],
        run=row[1],
        kind=row[2],
        name=row[3],
        at=row[4],
        count=row[5],
        left_out=row[6],
        learned=row[7],
        metrics={name: _number(value) for name, value in json.loads(row[8]).items()},
        intervals={name: (_number(low), _number(high)) for name, (low, high) in json.loads(row[9]).items()},
        details=json.loads(row[10]),
        classes=tuple(json.loads(row[11])),
    )


def _finite(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
