"""The rule that no run may be handed on whose worst slice is below a floor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_llm.errors import UserError
from desktop_llm.evidence import slices
from desktop_llm.tasks import task as task_named
from desktop_llm.verbs import comparing, outcomes, slicing

if TYPE_CHECKING:
    from desktop_llm.store.project import Project

NOTE = "export_floor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The main figure of the worst slice by `by` must reach `value`, where more is better, else not be above it."""

    by: str
    value: float


def of(project: Project) -> Floor | None:
    """The project's rule; None where it has none."""
    told = project.notes.get(NOTE, None)
    return None if not told else Floor(by=str(told["by"]), value=float(told["value"]))


def put(project: Project, floor: Floor | None) -> None:
    """Keep a rule, or none. Raises UserError for one that cannot be."""
    if floor is not None and not math.isfinite(floor.value):
        raise UserError("A floor is a number, such as 0.8.")
    if floor is not None and task_named(project.task).metrics[0].percent and not 0 <= floor.value <= 1:
        raise UserError(f"A floor lies between 0 and 1 (0 % and 100 %), not at {floor.value:g}.")
    if floor is not None and floor.by not in slicing.choices(project):
        there = ", ".join(slicing.choices(project))
        raise UserError(f"The rows cannot be sliced by “{floor.by}”; choose one of {there}.")
    project.notes.put(NOTE, None if floor is None else {"by": floor.by, "value": floor.value})


def must_hold(project: Project, number: int) -> None:
    """Raises UserError where the project has a rule and run `number` is below it on what was held out."""
    floor = of(project)
    if floor is None:
        return
    on = next((one for one in (outcomes.TEST, outcomes.VALIDATION) if outcomes.of(project, number, one)), None)
    if on is None:
        raise UserError(
            f"Run {number} has not been measured, so that nobody knows whether its worst slice reaches the floor; "
            "measure it under Results."
        )
    sentence = broken(slicing.of(project, number, on, floor.by), floor)
    if sentence:
        raise UserError(
            f"Run {number} may not be handed on: {sentence} Make it better, or change the rule under Results, Slices."
        )


def broken(told: slicing.Sliced, floor: Floor) -> str:
    """In what the rule is broken, or why that cannot be told; '' where it holds."""
    metric = told.metric
    worst = slices.worst(told.slices, metric.name, higher_is_better=metric.higher_is_better, least=1)
    if worst is None:
        return (
            f"by {told.by} no slice has {slices.FEWEST} rows or more, so that nobody knows whether the worst one "
            f"reaches the floor of {comparing.amount(floor.value, metric)}; hold out more rows, or take another column."
        )
    value = worst.figures[metric.name].value
    if (value >= floor.value) if metric.higher_is_better else (value <= floor.value):
        return ""
    word = "below" if metric.higher_is_better else "above"
    return (
        f"for {told.by} “{worst.name}” its {metric.title.lower()} is {comparing.amount(value, metric)} on "
        f"{len(worst):,} {told.on.name} texts, {word} the floor of {comparing.amount(floor.value, metric)}."
    )


def metric_of(project: Project) -> str:
    """What the floor is a floor of."""
    return task_named(project.task).metrics[0].title
