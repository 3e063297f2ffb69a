"""Two runs on the same rows: which is better, whether that is more than chance, and the rows behind it, in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_llm.errors import UserError
from desktop_llm.evidence import paired
from desktop_llm.evidence.intervals import Interval
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import evaluating, naming, outcomes
from desktop_llm.verbs.outcomes import On, Outcomes

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.tasks.task import Metric

FEW = 300
"""With fewer rows only large differences show."""
what = evaluating.what


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Run `first` less run `second`, by figure, on `rows` rows that both have answered.

    `better` and `worse` are keys (`Outcomes.keys` of the first run) of the rows that the first one answered better, or
    worse; where answers are right or wrong (`judged`) that means that only one has them right, and `both_wrong` are
    those that none has; `chance` is McNemar's p. `mains` are the figures of both, [first, second].
    """

    first: int
    second: int
    rows: int
    metric: Metric
    metrics: Sequence[Metric]
    mains: Mapping[str, tuple[float, float]]
    figures: Mapping[str, Interval]
    better: tuple[int, ...]
    worse: tuple[int, ...]
    both_wrong: tuple[int, ...]
    judged: bool
    chance: float
    not_shared: int = 0
    relabeled: int = 0

    @property
    def distinguishable(self) -> bool:
        """Whether the main figure differs by more than the chance of these rows."""
        return self.figures[self.metric.name].excludes_nought

    @property
    def words(self) -> str:
        """The verdict in a sentence or two."""
        told = self.figures[self.metric.name]
        here, there = self.mains[self.metric.name]
        name = self.metric.title.lower() if not self.metric.title.isupper() else self.metric.title
        on = f"on the same {self.rows:,} rows"
        both = f"{amount(here, self.metric)} and {amount(there, self.metric)}"
        if not self.distinguishable:
            few = " With so few rows only large differences would show." if self.rows < FEW else ""
            return (
                f"Run {self.first} and run {self.second} cannot be told apart by {name} {on} ({both}): "
                f"the difference may lie anywhere from {signed(told.low, self.metric)} to "
                f"{signed(told.high, self.metric)}.{few}"
            )
        better = (told.value > 0) == self.metric.higher_is_better
        winner, loser = (self.first, self.second) if better else (self.second, self.first)
        low, high = sorted((abs(told.low), abs(told.high)))
        ends = [step(one, self.metric).removesuffix(" points") for one in (low, high)]
        gap = f"{step(abs(told.value), self.metric)} ({ends[0]} to {ends[1]})"
        values = (here, there) if better else (there, here)
        both = f"{amount(values[0], self.metric)} against {amount(values[1], self.metric)}"
        return f"Run {winner} is better than run {loser} by {gap} of {name} {on} ({both})."

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be known beside the figures, a sentence each."""
        told = []
        if self.judged:
            only = len(self.better) + len(self.worse)
            told.append(f"McNemar's test on the {only:,} rows that one alone has right: p = {self.chance:.2g}.")
        if self.relabeled:
            told.append(f"{self.relabeled:,} rows have got another label between the two; measure the older one again.")
        if self.not_shared:
            told.append(f"{self.not_shared:,} rows were answered by one of the runs alone, and are left out.")
        return (*told, self.caution)

    @property
    def lines(self) -> tuple[str, ...]:
        """What else there is to say, a line each."""
        told = [
            f"{one.title}: {signed(self.figures[one.name].value, one)} "
            f"({signed(self.figures[one.name].low, one)} to {signed(self.figures[one.name].high, one)})"
            for one in self.metrics
        ]
        if self.judged:
            told.append(
                f"Only run {self.first} is right: {len(self.better):,} rows; only run {self.second}: "
                f"{len(self.worse):,}; none: {len(self.both_wrong):,}"
            )
        return (*told, *self.remarks)

    @property
    def caution(self) -> str:
        """What the verdict does not know of."""
        return (
            "Another seed would have trained another model: to see how much that matters, train both again with other "
            "seeds."
        )


def between(
    project: Project,
    first: int,
    second: int,
    on: On,
    *,
    only: Callable[[Outcomes], Sequence[int]] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Comparison:
    """Compare two runs on what both were measured on. Raises UserError that says what to measure, Cancelled.

    `only` gives the places of the first one's rows that count.
    """
    sides = [must_have(project, number, on) for number in (first, second)]
    if only is not None:
        sides[0] = picked(sides[0], only(sides[0]))
    kept = _shared(*sides)
    task = task_named(project.task)
    tallies = [outcomes.tally_of(project, picked(one, places)) for one, places in zip(sides, kept, strict=True)]
    here, there = tallies
    if here is None or there is None:
        raise UserError("Runs of this kind of task cannot be compared row by row yet; compare their figures.")
    told = paired.compare(here, there, should_stop=should_stop)
    values = here.values(), there.values()
    keys = np.asarray(sides[0].keys(kept[0]), dtype=np.int64)
    metrics = [one for one in task.metrics if one.name in told.figures]
    return Comparison(
        first=first,
        second=second,
        rows=len(kept[0]),
        metric=next((one for one in task.metrics if one.name in told.figures), task.metrics[0]),
        metrics=metrics,
        mains={one.name: (values[0][one.name], values[1][one.name]) for one in metrics},
        figures=told.figures,
        better=tuple(keys[told.better].tolist()),
        worse=tuple(keys[told.worse].tolist()),
        both_wrong=tuple(keys[told.both_wrong].tolist()),
        judged=not math.isnan(told.chance),
        chance=told.chance,
        not_shared=0 if only is not None else len(sides[0]) + len(sides[1]) - 2 * len(kept[0]),
        relabeled=_relabeled(project, sides, kept),
    )


def must_have(project: Project, number: int, on: On) -> Outcomes:
    """How the rows came out in run `number`. Raises UserError where it was not measured on this."""
    project.runs.get(number)
    told = outcomes.of(project, number, on)
    if told is None or not len(told):
        raise UserError(f"Run {number} has not been measured on {on.words} yet; measure it first.")
    return told


def unmeasured(project: Project, numbers: Sequence[int], on: On) -> int:
    """The first of these runs that has a model and was not measured on this; 0 where there is none."""
    for number in numbers:
        if outcomes.of(project, number, on) is None and project.runs.folder(number).model.is_dir():
            return number
    return 0


def picked(told: Outcomes, places: Sequence[int]) -> Outcomes:
    """Some of the rows, in this order."""
    return Outcomes(
        run=told.run,
        on=told.on,
        ids=tuple(told.ids[place] for place in places),
        truth=tuple(told.truth[place] for place in places),
        answers=tuple(told.answers[place] for place in places),
        classes=told.classes,
        logits=None if told.logits is None else told.logits[list(places)],
        contents={at: told.contents[place] for at, place in enumerate(places) if place in told.contents},
        extras={at: told.extras[place] for at, place in enumerate(places) if place in told.extras},
        at=told.at,
    )


def _shared(here: Outcomes, there: Outcomes) -> tuple[list[int], list[int]]:
    """Places of the rows that both have, in one order. Raises UserError where there are none."""
    where = {_known(there, place): place for place in range(len(there))}
    pairs = [(place, where[key]) for place in range(len(here)) if (key := _known(here, place)) in where]
    if not pairs:
        raise UserError(
            f"Run {here.run} and run {there.run} have answered no row in common; measure both on the same rows."
        )
    return [one for one, _ in pairs], [other for _, other in pairs]


def _relabeled(project: Project, sides: Sequence[Outcomes], kept: Sequence[Sequence[int]]) -> int:
    """How many rows had another true label when the one run was measured than when the other was."""
    task = task_named(project.task)
    if task.unsupervised:
        return 0
    names = [naming.renames(project, one.run) for one in sides]
    now = [
        [task.labels.renamed(one.truth[place], told) for place in places]
        for one, told, places in zip(sides, names, kept, strict=True)
    ]
    return sum(here != there for here, there in zip(*now, strict=True))


def _known(told: Outcomes, place: int) -> object:
    """By what a row is known again: its id, or what it holds."""
    return told.ids[place] or tuple(sorted((told.contents.get(place) or {}).items()))


def amount(value: float, metric: Metric) -> str:
    """A figure as it is shown."""
    if math.isnan(value):
        return "–"
    return f"{100 * value:.1f} %" if metric.percent else f"{value:.3f}"


def step(value: float, metric: Metric) -> str:
    """A difference of figures, without a sign."""
    return f"{100 * value:.1f} points" if metric.percent else f"{value:.3f}"


def signed(value: float, metric: Metric) -> str:
    """A difference with its sign."""
    if math.isnan(value):
        return "–"
    words = f"{100 * value:+.1f} points" if metric.percent else f"{value:+.3f}"
    return words.replace("-", "−")
