"""What a search has to show, as the parts of its dialog want it: rows of a table, axes and lines, bars."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication

from desktop_llm.gui.status import time_words
from desktop_llm.jobs.recipe import Recipe
from desktop_llm.jobs.search import number, text
from desktop_llm.widgets.parallel_plot import Kind, Thread, Upright

if TYPE_CHECKING:
    from desktop_llm.jobs.search import Range
    from desktop_llm.tasks.task import Metric
    from desktop_llm.verbs.tuning import Standing
    from desktop_llm.verbs.tuning_study import Trial

TITLES = {one.name: str(one.metadata["title"]) for one in fields(Recipe)}
FLAT = 1e-12


def tr(text: str) -> str:
    """Translated."""
    return QCoreApplication.translate("Tune", text)


def figure(value: float | None, metric: Metric) -> str:
    """A figure as it is shown."""
    if value is None or math.isnan(value):
        return "–"
    return f"{100 * value:.1f} %" if metric.percent else f"{value:.3f}"


def state_words(told: Standing, one: Trial) -> str:
    """How a trial stands."""
    best, was = told.best, tr("as it was") if one.first else ""
    if one.state == "running":
        return tr("training")
    if one.state == "failed":
        return tr("failed: {why}").format(why=one.why)
    if one.state == "pruned":
        return tr(one.why) if one.why else tr("ended early")
    if best is not None and best.key == one.key:
        return ", ".join(part for part in (tr("the best"), was) if part)
    return was or tr("done")


def titles(told: Standing) -> list[str]:
    """The heads of the table of trials."""
    keys = [tr(TITLES[key]) for key in told.search.keys]
    return [tr("Trial"), tr("Run"), told.metric.title, *keys, tr("Time"), tr("State")]


def rows(told: Standing) -> list[list[str]]:
    """The trials, the newest first."""
    return [
        [
            str(one.place),
            str(one.run),
            figure(one.value, told.metric),
            *(text(one.values.get(key)) for key in told.search.keys),
            time_words(one.seconds) if one.seconds else "–",
            state_words(told, one),
        ]
        for one in reversed(told.trials)
    ]


def axes(told: Standing) -> list[Upright]:
    """An axis for each setting, the last for the figure."""
    low, high = _ends(told)
    figures = tuple((place, figure(low + (high - low) * place, told.metric)) for place in (0.0, 0.5, 1.0))
    made = [Upright(title=tr(TITLES[one.key]), ticks=_ticks(one)) for one in told.search.ranges]
    return [*made, Upright(title=told.metric.title, ticks=figures)]


def threads(told: Standing) -> list[Thread]:
    """A line for each trial that has a figure; the recipe of before and the best come last."""
    low, high = _ends(told)
    best, first = told.best, told.first
    made = []
    for one in told.trials:
        if one.value is None or one.state == "failed":
            continue
        kind: Kind = "plain" if one.state == "complete" else "faint"
        if best is not None and one.key == best.key:
            kind = "best"
        elif first is not None and one.key == first.key:
            kind = "first"
        places = [_place(span, one.values.get(span.key)) for span in told.search.ranges]
        height = min(1.0, max(0.0, (one.value - low) / (high - low)))
        made.append(Thread(key=one.key, places=(*places, height), kind=kind, words=_words(told, one)))
    order: Mapping[Kind, int] = {"faint": 0, "plain": 1, "first": 2, "best": 3}
    return sorted(made, key=lambda one: order[one.kind])


def bars(importance: Mapping[str, float]) -> list[tuple[str, float, str]]:
    """How much each setting mattered."""
    return [(tr(TITLES[key]), value, f"{100 * value:.0f} %") for key, value in importance.items()]


def _words(told: Standing, one: Trial) -> str:
    values = ", ".join(f"{tr(TITLES[key])} {text(one.values.get(key))}" for key in told.search.keys)
    return tr("Trial {place}: {figure}; {values}").format(
        place=one.place, figure=figure(one.value, told.metric), values=values
    )


def _ends(told: Standing) -> tuple[float, float]:
    """Between which figures the last axis lies."""
    values = sorted(one.value for one in told.trials if one.value is not None and one.state != "failed")
    if not values:
        return 0.0, 1.0
    low, high = values[0], values[-1]
    if high - low < FLAT:
        low, high = low - 0.005, high + 0.005
    return low, high


def _place(span: Range, value: Any) -> float | None:
    """Where on its axis a value lies; None where it is not on it."""
    if not span.has(value):
        return None
    if span.choices:
        many = len(span.choices) - 1
        return span.choices.index(value) / many if many else 0.5
    if span.log:
        return (math.log(value) - math.log(span.low)) / (math.log(span.high) - math.log(span.low))
    return float((value - span.low) / (span.high - span.low))


def _ticks(span: Range) -> tuple[tuple[float, str], ...]:
    if span.choices:
        many = max(1, len(span.choices) - 1)
        return tuple((place / many, text(one)) for place, one in enumerate(span.choices))
    middle = math.sqrt(span.low * span.high) if span.log else (span.low + span.high) / 2
    return (0.0, number(span.low)), (0.5, f"{middle:.2g}"), (1.0, number(span.high))
