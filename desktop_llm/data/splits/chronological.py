"""Splits by time: the oldest rows train, the newest test, as a model meets the world.

The first time the rows are cut where the fractions fall. From then on the cuts stand, told by the rows that have a
split: what is newer than the oldest test row is for test, and so on. No row changes sides, and no row to train on is
newer than one to test on. To cut anew, take the rows' splits away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from desktop_llm.data.splits.row import TEST, TRAIN, VALIDATION, SplitRow

_NUMBER = re.compile(r"\d{9,10}(?:\.\d+)?|\d{12,13}")
_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,?[ T]+(\d{1,2}:\d{2}(?::\d{2})?))?")
_YEAR_FIRST = re.compile(r"(\d{4})(?:[-/.]|年)(\d{1,2})(?:[-/.]|月)(\d{1,2})日?(?:,?[ T]*(\d{1,2}:\d{2}(?::\d{2})?))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cuts:
    """Times from which on rows are for validation and for test; None where no row is."""

    validation: float | None
    test: float | None

    def side(self, time: float) -> str:
        """Where a row of this time belongs."""
        if self.test is not None and time >= self.test:
            return TEST
        return VALIDATION if self.validation is not None and time >= self.validation else TRAIN


def split_by_time(rows: Iterable[SplitRow], *, validation: float = 0.1, test: float = 0.1) -> dict[int, str]:
    """A split for every row that has none, by its time; rows of one time are on one side.

    A row without a time is for training.
    """
    new: list[SplitRow] = []
    given: list[SplitRow] = []
    for row in rows:
        (given if row.split else new).append(row)
    dated = [row for row in given if row.time is not None]
    cuts = _standing(dated) if dated else _first(new, validation, test)
    return {row.id: TRAIN if row.time is None else cuts.side(row.time) for row in new}


def _first(rows: Sequence[SplitRow], validation: float, test: float) -> _Cuts:
    times = sorted(row.time for row in rows if row.time is not None)
    tested, held = round(test * len(times)), round((test + validation) * len(times))
    return _Cuts(
        validation=_from(times, held) if held > tested else None, test=_from(times, tested) if tested else None
    )


def _from(times: Sequence[float], newest: int) -> float | None:
    """The time from which on about so many of the newest rows are; never the oldest of all, which trains."""
    start = times[len(times) - newest]
    return start if start > times[0] else next((time for time in times if time > start), None)


def _standing(rows: Sequence[SplitRow]) -> _Cuts:
    """The cuts that rows with splits tell: the oldest of each hold-out that is newer than everything before it."""
    times: dict[str, list[float]] = {TRAIN: [], VALIDATION: [], TEST: []}
    for row in rows:
        if row.time is not None and row.split in times:
            times[row.split].append(row.time)
    # Splits that came from elsewhere may lie across each other: only what is newer than train may be held out.
    trained = max(times[TRAIN], default=float("-inf"))
    validated = max([trained, *times[VALIDATION]])
    return _Cuts(validation=_oldest_after(times[VALIDATION], trained), test=_oldest_after(times[TEST], validated))


def _oldest_after(times: Sequence[float], bound: float) -> float | None:
    return min((time for time in times if time > bound), default=None)


def moment(cell: object) -> float | None:
    """The time a cell tells, in seconds since 1970 (UTC where it names no zone); None when it tells none for sure.

    Read are ISO 8601, year-month-day with - / . or 年月日, day.month.year, and Unix times in seconds or milliseconds.
    Not read is 03/04/2024: it is two days, one here and another there.
    """
    text = str(cell).strip()
    if _NUMBER.fullmatch(text):
        return float(text) / (1000 if len(text.split(".")[0]) > 10 else 1)
    try:
        return _since(datetime.fromisoformat(text)) if not text.isdigit() or len(text) == 8 else None
    except ValueError:
        pass
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day, clock = found.groups()
    elif found := _GERMAN.fullmatch(text):
        day, month, year, clock = found.groups()
    else:
        return None
    hour, minute, second = (*map(int, (clock or "0:0").split(":")), 0)[:3]
    try:
        return _since(datetime(int(year), int(month), int(day), hour, minute, second))
    except ValueError:
        return None


def _since(when: datetime) -> float:
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
