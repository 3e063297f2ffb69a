"""What a search has brought, in words: the best trial beside the recipe of before, on the rows that chose it and on
the test rows, which chose nothing.

The best of many is partly the luckiest: its figure on the rows by which it was chosen promises too much (Cawley and
Talbot 2010). The test rows tell what it is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_llm.errors import UserError
from desktop_llm.jobs.search import text
from desktop_llm.verbs import comparing, outcomes

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_llm.store.project import Project
    from desktop_llm.verbs.comparing import Comparison
    from desktop_llm.verbs.tuning import Standing
    from desktop_llm.verbs.tuning_study import Trial

OPTIMISTIC = "The best of many is partly the luckiest, so that its figure on the rows that chose it promises too much."


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The best trial beside the first one, on `validation` and on `test`; None where these cannot be compared, for
    `problem`."""

    standing: Standing
    validation: Comparison | None = None
    test: Comparison | None = None
    problem: str = ""

    @property
    def headline(self) -> str:
        """Which trial is the best, and how good it is on the rows that chose it."""
        best, first, metric = self.standing.best, self.standing.first, self.standing.metric
        if best is None:
            return "No trial has come to its end yet."
        value = comparing.amount(best.value or 0.0, metric)
        name = metric.title.lower() if not metric.title.isupper() else metric.title
        so_far = "" if self.standing.over else " so far"
        told = f"The best{so_far} is trial {best.place} (run {best.run}): {value} {name} on validation texts"
        if first is None:
            return f"{told}."
        if best.key == first.key:
            return f"{told}. It is the recipe as it was: no other trial was better."
        before = comparing.amount(first.value or 0.0, metric)
        return f"{told}; before the search it was {before} (run {first.run})."

    @property
    def words(self) -> str:
        """The same with its settings."""
        best = self.standing.best
        return self.headline if best is None else f"{self.headline} Its settings: {settings(self.standing, best)}."

    @property
    def chosen(self) -> str:
        """What the rows by which nothing was chosen say; '' where there is nothing to be said."""
        if self.test is not None:
            return f"{OPTIMISTIC} On test texts, which chose nothing: {self.test.words}"
        return f"{OPTIMISTIC} {self.problem}" if self.problem else ""


def settings(standing: Standing, one: Trial) -> str:
    """The searched settings of a trial."""
    return ", ".join(f"{key} {text(one.values.get(key))}" for key in standing.search.keys)


def of(project: Project, standing: Standing, *, should_stop: Callable[[], bool] = lambda: False) -> Verdict:
    """The verdict on a search. Raises Cancelled."""
    best, first = standing.best, standing.first
    if best is None or first is None or best.key == first.key:
        return Verdict(standing=standing)
    told: dict[str, Comparison] = {}
    problem = ""
    for on in (outcomes.VALIDATION, outcomes.TEST):
        try:
            told[on.name] = comparing.between(project, best.run, first.run, on, should_stop=should_stop)
        except UserError as error:
            problem = error.message
    return Verdict(standing=standing, validation=told.get("validation"), test=told.get("test"), problem=problem)
