"""What was measured of a model's smaller forms on one machine: answers, time and size of each; kept beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from desktop_llm import atomic

NAME = "board.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A form of a run's model: its `format` (see `jobs.formats`), and what was measured.

    `value` of the main figure lies between `low` and `high`; it is `gap` more than that of the run the board is of, by
    `gap_low` to `gap_high` (NaN where that cannot be told). `latency` is the median of answering one row, in seconds,
    `rate` how many rows a second are answered 32 at a time, `size` the bytes of its files, `parameters` their number.
    """

    run: int
    title: str
    format: str
    value: float
    low: float
    high: float
    gap: float
    gap_low: float
    gap_high: float
    latency: float
    rate: float
    size: int
    parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """All of them, the run itself first; measured on `rows` rows of a `split`, by so many `threads` of a `machine`.

    `weights` is the hash of the run's own; `metric` is the name of the main figure. `left_out` says of forms that are
    missing why, a sentence each.
    """

    run: int
    weights: str
    at: str
    machine: str
    device: str
    threads: int
    rows: int
    split: str
    metric: str
    points: tuple[Point, ...]
    left_out: tuple[str, ...] = ()


def write(folder: Path, board: Board) -> None:
    """Keep it in a run's folder. Raises OSError."""
    atomic.write_json(folder / NAME, asdict(board))


def read(folder: Path) -> Board | None:
    """What is kept in a run's folder; None where there is nothing, or nothing that can be read."""
    try:
        told = json.loads((folder / NAME).read_text(encoding="utf-8"))
        points = tuple(Point(**one) for one in told.pop("points"))
        return Board(**{**told, "points": points, "left_out": tuple(told.get("left_out", ()))})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def advised(points: Sequence[Point], *, higher_is_better: bool, most: float) -> Point | None:
    """The quickest of those whose figure is no more than `most` worse than the first one's; None where that is itself.

    Of equally quick ones the smallest.
    """
    sign = 1 if higher_is_better else -1
    good = [one for one in points if sign * one.gap >= -most]
    best = min(good, key=lambda one: (one.latency, one.size), default=None)
    return None if best is None or best == points[0] else best
