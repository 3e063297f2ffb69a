"""Several people on one project: who said what, what is disputed, and the share of rows that two are to label."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.rows import Changes
from desktop_llm.store import events
from desktop_llm.store.connection import Connections
from desktop_llm.store.schema import DROPPED, VISIBLE
from desktop_llm.store.standing import Event, heads, opinions, order

AT_ONCE = 500
NOBODYS = ("import", "bulk")
"""Origins of labels that nobody has looked at one by one."""
APART = (*NOBODYS, "decision")
"""Origins that are no step of another label of the same person."""
_LABELED = (
    "SELECT told.item, items.hash FROM (SELECT DISTINCT item FROM label_history INDEXED BY history_by_item"
    " WHERE item > ? ORDER BY item LIMIT ?) AS told LEFT JOIN items ON items.id = told.item ORDER BY told.item"
)
"""Rows that have a history, after one; without a hash where they lie in the bin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one labeler said about a row: the stored value, None where it was skipped or cleared."""

    labeler: str
    value: Any | None
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A label that somebody gave, for figures: the stored value, and after how many seconds.

    `replaced_by` is the value that the first other labeler gave over it, None where nobody did.
    """

    item: int
    labeler: str
    value: Any
    at: str
    origin: str
    seconds: float | None
    replaced_by: Any | None


class People:
    """Reads and decides what several people said."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    @property
    def share(self) -> float:
        """The share of rows, 0…1, that two people label without seeing each other's label."""
        with self._connections.reading() as connection:
            return events.share(connection)

    @property
    def share_at(self) -> str:
        """When it was chosen; '' for never."""
        row = self._connections.row("SELECT value FROM meta WHERE key = ?", (events.SHARE_AT,))
        return str(row[0]) if row else ""

    @property
    def unfinished(self) -> bool:
        """Whether setting the share was broken off, so that not all rows are known that wait; set it again."""
        return self._connections.row("SELECT 1 FROM meta WHERE key = ?", (events.UNFINISHED,)) is not None

    def set_share(
        self,
        share: float,
        should_stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[float], None] = lambda fraction: None,
        *,
        at: str = "",
    ) -> Changes:
        """Choose the share; which rows it is follows from their texts alone. Raises UserError, Cancelled.

        `at` is when it was chosen in another copy; else it is now.
        """
        if not 0 <= share <= 1:
            raise UserError(f"{share:g} is no share of all rows; it must be between 0 and 1.")
        with self._connections.bulk_turn(should_stop):
            # a row that is in neither share waits for nobody, before and after
            concerned = 1.0 if self.unfinished else max(share, self.share)
            with self._connections.writing() as connection:
                when = at or events.later(self.share_at)
                told = ((events.SHARE, str(share)), (events.SHARE_AT, when), (events.UNFINISHED, "1"))
                connection.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", told)
            after, last = 0, max(1, self._last())
            while part := self._connections.rows(_LABELED, (after, AT_ONCE)):
                if should_stop():
                    raise Cancelled
                with self._connections.piece() as connection:
                    for item, digest in part:
                        if digest is not None and events.is_double(digest, concerned):
                            events.note(connection, item)
                after = part[-1][0]
                on_progress(min(1.0, after / last))
            with self._connections.piece() as connection:
                connection.execute("DELETE FROM meta WHERE key = ?", (events.UNFINISHED,))
            self._connections.settle_log()
        return Changes(labels=True)

    def disputed(self) -> int:
        """How many rows wait for a decision."""
        return self._number("SELECT COUNT(*) FROM disputes")

    def waiting(self, labeler: str) -> int:
        """How many rows wait for a second label, which `labeler` may give."""
        return self._number("SELECT COUNT(*) FROM second WHERE labeler <> ?", labeler)

    def labelers(self) -> dict[str, int]:
        """Who has given labels, and to how many rows."""
        return dict(
            self._connections.rows(
                "SELECT labeler, COUNT(DISTINCT item) FROM label_history WHERE after IS NOT NULL"
                " AND origin NOT IN ('import', 'bulk') AND undone NOT IN (1, ?) GROUP BY labeler ORDER BY labeler",
                (DROPPED,),
            )
        )

    def rows_of(self, labeler: str) -> list[int]:
        """The rows, also in the bin, about which a labeler has said anything; what came with a file is nobody's."""
        rows = self._connections.rows(
            "SELECT DISTINCT item FROM label_history WHERE labeler = ? AND origin <> 'import' ORDER BY item", (labeler,)
        )
        return [row[0] for row in rows]

    def said(self, item: int) -> list[Said]:
        """What stands about a row: one answer, or in a dispute all of them, the earliest first."""
        with self._connections.reading() as connection:
            found = heads(events.of(connection, item))
        return [Said(labeler=one.labeler, value=_value(one.value), at=one.at) for one in found]

    def own(self, item: int, labeler: str) -> Any | None:
        """What a labeler said about a row by himself, as stored; None where he said nothing, skipped or cleared it."""
        with self._connections.reading() as connection:
            found = opinions(events.of(connection, item)).get(labeler)
        return None if found is None else _value(found.value)

    def opinions(
        self,
        should_stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[float], None] = lambda fraction: None,
    ) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Rows that two or more people labeled without seeing each other's label, and what each said; by row."""
        found = self._of_many()
        for place, item in enumerate(found):
            if should_stop():
                raise Cancelled
            if place % AT_ONCE == 0:
                on_progress(place / len(found))
            with self._connections.reading() as connection:
                told = opinions(events.of(connection, item))
            labels = {name: _value(one.value) for name, one in told.items() if one.value is not None}
            if len(labels) > 1:
                yield item, labels

    def given(
        self,
        should_stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[float], None] = lambda fraction: None,
    ) -> Iterator[Given]:
        """All labels that people gave and did not take back, by row; for figures of quality.

        What one of them said again before another came is one label: the last, with the time of all.
        """
        after, last = 0, max(1, self._last())
        while part := self._connections.rows(
            "SELECT DISTINCT item FROM label_history INDEXED BY history_by_item WHERE item > ?"
            f" AND item <= {VISIBLE} ORDER BY item LIMIT ?",
            (after, AT_ONCE),
        ):
            for (item,) in part:
                if should_stop():
                    raise Cancelled
                yield from self._given(item)
            after = part[-1][0]
            on_progress(min(1.0, after / last))

    def _given(self, item: int) -> Iterator[Given]:
        with self._connections.reading() as connection:
            told = sorted((one for one in events.of(connection, item) if one.active), key=order)
        place = 0
        for (_, kind), turn in groupby(told, key=lambda one: (one.labeler, one.origin if one.origin in APART else "")):
            steps = list(turn)
            one, place = steps[-1], place + len(steps)
            if one.value is None or kind in NOBODYS:
                continue
            over = next((o.value for o in told[place:] if o.labeler != one.labeler and one.uid in o.over), None)
            yield Given(
                item=item,
                labeler=one.labeler,
                value=_value(one.value),
                at=one.at,
                origin=one.origin,
                seconds=_seconds(steps),
                replaced_by=_value(over),
            )

    def _of_many(self) -> list[int]:
        """Rows with entries of two or more labelers."""
        return [
            row[0]
            for row in self._connections.rows(
                "SELECT item FROM label_history WHERE origin NOT IN ('import', 'bulk', 'decision')"
                f" AND item <= {VISIBLE} GROUP BY item HAVING COUNT(DISTINCT labeler) > 1 ORDER BY item"
            )
        ]

    def _last(self) -> int:
        return self._number("SELECT COALESCE(MAX(item), 0) FROM label_history")

    def _number(self, sql: str, *values: Any) -> int:
        row = self._connections.row(sql, values)
        return int(row[0]) if row else 0


def _seconds(steps: Sequence[Event]) -> float | None:
    """How long a row was looked at, for one label: each step tells the time since the row was shown for it."""
    timed = [(datetime.fromisoformat(one.at), one.seconds) for one in steps if one.seconds is not None]
    if not timed:
        return None
    whole = timed[-1][1]
    for (at, seconds), (then, later) in pairwise(timed):
        if later < (then - at).total_seconds():  # else the row was in sight already, and this time is within that one
            whole += seconds
    return whole


def _value(text: str | None) -> Any | None:
    return None if text is None else json.loads(text)
