"""A limit on the chance of a label for each slice, so that every slice finds as much of it: what that does, and costs.

Slices are those of `slicing`, and what the model says now is what it would go on saying of slices that have too few
rows of the label. Whoever uses the model applies the limits: no model knows them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_llm.errors import UserError
from desktop_llm.evidence import opportunity
from desktop_llm.evidence.opportunity import Levelled, Side
from desktop_llm.evidence.slices import FEWEST, Gap
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import comparing, outcomes, slicing

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.verbs.outcomes import On, Outcomes

MOST_NAMED = 5
DIGITS = (3, 5, 7, 9)
MIDDLE = (1 / 6, 5 / 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceLimits:
    """Limits of run `run` for `label` by `by`, and what they do; `many` whether a row may have several labels."""

    run: int
    by: str
    on: On
    label: str
    told: Levelled
    many: bool

    @property
    def words(self) -> str:
        """The verdict in a few sentences."""
        told, name = self.told, f"“{self.label}”"
        if math.isnan(told.apart.before):
            return (
                f"By {self.by} there are not two slices with {FEWEST} rows or more that have {name}; nothing can be "
                "levelled."
            )
        spread = _range([one.found.before for one in told.sides if not math.isnan(one.limit)])
        if not told.unlike:
            return (
                f"The slices find {spread} of their rows that have {name}, which comes about by chance, too, as far "
                "as these rows show: keep one limit for all."
            )
        before, after = (f"{100 * one:.0f}" for one in told.apart)
        if not told.helps:
            return (
                f"The slices find {spread} of their rows that have {name}. With a limit for each of them they lie "
                f"{after} points apart instead of {before}; that may be chance, so do not count on it. {self.costs}"
            )
        return (
            f"The slices find {spread} of their rows that have {name}. With a limit for each of them they lie {after} "
            f"points apart instead of {before}; that is more than chance. {self.costs} Whoever uses the model must "
            f"know the {self.by} of each row."
        )

    @property
    def costs(self) -> str:
        """What limits do to the label over all rows."""
        told = self.told
        return f"Over all rows its precision goes {_change(told.precision)}, its F1 {_change(told.f1)}."

    @property
    def remarks(self) -> tuple[str, ...]:
        """How the figures were made, and which slices stay as they are."""
        told = [
            f"Each limit is to find {100 * self.told.goal:.0f} %, as much as the model finds among all rows now. "
            "Figures are of halves of the rows at limits that the other half has chosen, in several ways to halve "
            "them; found is shown as it is in two of three tries. The limits shown are chosen by all rows."
        ]
        if not self.many:
            told.append("A row below its limit gets the likeliest other label.")
        kept = [one.name for one in self.told.sides if math.isnan(one.limit)]
        if kept and not math.isnan(self.told.apart.before):
            named = ", ".join(f"“{name}”" for name in kept[:MOST_NAMED])
            more = f" and {len(kept) - MOST_NAMED:,} more" if len(kept) > MOST_NAMED else ""
            told.append(f"Fewer than {FEWEST} rows have it in {named}{more}: there the model's own answers stay.")
        return tuple(told)


def most_unlike(gaps: Sequence[Gap]) -> str:
    """The label whose rows one slice finds most more often than another; '' where that is known of none."""
    known = [one for one in gaps if not math.isnan(one.hits)]
    return max(known, key=lambda one: one.hits).label if known else ""


def nothing(by: str) -> str:
    """What is said where no label can be levelled."""
    return f"By {by} no label has {FEWEST} rows or more in two slices; there is nothing to level."


def of(
    project: Project,
    number: int,
    on: On,
    by: str,
    label: str,
    *,
    told: Outcomes | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> SliceLimits:
    """Choose limits for a label of run `number`, and measure them. Raises UserError that says what to do, Cancelled."""
    rules = task_named(project.task).loop
    if rules is None:
        raise UserError("Only labels of whole texts can have a limit for each slice.")
    if by == slicing.LABEL:
        raise UserError("By label there is one label a slice; slice by something else to level it.")
    rows = told or comparing.must_have(project, number, on)
    if label not in rows.classes:
        there = ", ".join(rows.classes[:MOST_NAMED]) + (", …" if len(rows.classes) > MOST_NAMED else "")
        raise UserError(f"Run {number} knows no label “{label}”; choose one of its own: {there}.")
    chances = outcomes.chances(project, rows)
    if chances is None:
        raise UserError(
            f"Run {number} was not asked for the chance of every label on {on.words}; measure it there again, then "
            "limits can be chosen."
        )
    true, said = outcomes.memberships(project, rows)
    place = rows.classes.index(label)
    groups = slicing.grouped(project, rows, by, should_stop=should_stop)
    among = _comparable(true, groups)
    return SliceLimits(
        run=number,
        by=by.removeprefix(slicing.COLUMN),
        on=on,
        label=label,
        told=opportunity.levelled(
            chances[:, place], true[:, place], said[:, place], groups, among=among, should_stop=should_stop
        ),
        many=rules.many,
    )


def _comparable(true: np.ndarray, groups: Sequence[str]) -> int:
    """How many labels have enough rows in two slices for these to be told unlike."""
    names = np.asarray(groups, dtype=str)
    counts = np.stack([true[names == name].sum(axis=0) for name in np.unique(names)])
    return int(((counts >= FEWEST).sum(axis=0) >= 2).sum())


def limit_words(one: Side) -> str:
    """The limit of a slice, with as many digits as tell it from 0 and 1."""
    if math.isnan(one.limit):
        return "as now"
    for digits in DIGITS:
        words = f"{one.limit:.{digits}f}"
        if 0.0 < float(words) < 1.0:
            return words
    return f"{one.limit:g}"


def found_words(one: Side) -> tuple[str, str]:
    """What share of its rows a slice finds before, and after in two of three tries."""
    known = [share for share in one.tries if not math.isnan(share)]
    after = _range(np.quantile(known, MIDDLE).tolist() if known else [])
    return _range([one.found.before]), after if not math.isnan(one.limit) else _range([one.found.before])


def wrongly_words(one: Side) -> tuple[str, str]:
    """What share of its other rows a slice wrongly tells to have the label, before and after."""
    return _range([one.wrongly.before]), _range([one.wrongly.after])


def _range(shares: Sequence[float]) -> str:
    known = [100 * one for one in shares if not math.isnan(one)]
    if not known:
        return "–"
    low, high = f"{min(known):.0f}", f"{max(known):.0f}"
    return f"{low} %" if low == high else f"{low} to {high} %"


def _change(told: opportunity.Change) -> str:
    return f"from {100 * told.before:.1f} to {100 * told.after:.1f} %"
