"""What a run's labels are called now: a model speaks the names of its day, and ids tell which class is meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from desktop_llm.errors import UserError
from desktop_llm.rows import LOOP, Item

if TYPE_CHECKING:
    from desktop_llm.jobs.prediction import Prediction
    from desktop_llm.store.project import Project
    from desktop_llm.tasks.task import Labels


def run_names(project: Project, number: int) -> dict[int, str]:
    """Class ids of the project to the names that run `number` has for them; classes it never learned are left out.

    A class that was removed and made anew is known by its name.
    """
    schema, there = project.runs.schema(number), project.classes.names()
    classes = schema.get("classes", ())
    named = dict(zip(schema.get("class_ids", ()), classes, strict=False))
    orphans = set(classes) - {name for class_id, name in named.items() if class_id in there}
    known = {class_id: named.get(class_id, name if name in orphans else "") for class_id, name in there.items()}
    return {class_id: name for class_id, name in known.items() if name}


def renames(project: Project, number: int) -> dict[str, str]:
    """The run's own names of classes to those they have now, where they differ."""
    names = project.classes.names()
    return {old: names[class_id] for class_id, old in run_names(project, number).items() if old != names[class_id]}


def in_names_of_now(project: Project, item: Item, labels: Labels) -> Item:
    """A row with its prediction in the names that classes have now."""
    told = item.prediction
    if told is None or item.predicted_by is None:
        return item
    if item.predicted_by == LOOP:
        # whoever shows it asks again later: what is named already stays
        return replace(item, prediction=_by_ids(told, labels, project.classes.names()), predicted_by=None)
    names = renames(project, item.predicted_by)
    if not names:
        return item
    top = tuple((names.get(name, name), value) for name, value in told.top)
    return replace(item, prediction=replace(told, label=labels.renamed(told.label, names), top=top))


def _by_ids(told: Prediction, labels: Labels, names: Mapping[int, str]) -> Prediction | None:
    """A guess of the loop in names; None where it is of a class that is gone."""
    try:
        label = labels.to_named(told.label, names)
    except UserError:
        return None
    top = tuple((names[int(number)], value) for number, value in told.top if int(number) in names)
    return replace(told, label=label, top=top)
