"""How figures and their intervals are written on the Results page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop_llm.evidence.intervals import Interval
    from desktop_llm.tasks.task import Metric


def figure(value: float | None, metric: Metric) -> str:
    """A figure; a dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    return f"{100 * value:.1f} %" if metric.percent else f"{value:.3f}"


def with_limits(value: float | None, told: Interval | None, metric: Metric) -> str:
    """A figure and between what it lies, as “92.8 % (92.1–93.5)”."""
    words = figure(value, metric)
    if told is None or not told.sure or words == "–":
        return words
    low, high = (f"{100 * one:.1f}" if metric.percent else f"{one:.3f}" for one in (told.low, told.high))
    return f"{words} ({low}–{high})"


def points(value: float) -> str:
    """A share in points; a dash where nothing is known."""
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def line(metrics: Sequence[Metric], told: Mapping[str, Interval]) -> str:
    """All figures in a line."""
    return "   ·   ".join(
        f"{one.title} {with_limits(told[one.name].value, told[one.name], one)}" for one in metrics if one.name in told
    )
