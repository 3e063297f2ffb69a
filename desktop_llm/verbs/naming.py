"""What a run's labels are called now: a model speaks the names of its day, and ids tell which class is meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError
from desktop_llm.rows import LOOP, Class, Item

if TYPE_CHECKING:
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
    """The run's own names of classes to those they have now, where they differ: renamed, or merged into another."""
    now = names_of_now(project)
    return {old: now[class_id] for class_id, old in run_names(project, number).items() if old != now[class_id]}


def all_in_names_of_now(project: Project, items: Sequence[Item], labels: Labels) -> list[Item]:
    """Rows with their predictions in the names that classes have now."""
    runs = {item.predicted_by for item in items if item.prediction is not None and item.predicted_by is not None}
    told = {number: renames(project, number) for number in runs if number != LOOP}
    names = names_of_now(project) if LOOP in runs else {}
    return [
        _named(item, names, labels) if item.predicted_by == LOOP else _renamed(item, told, labels) for item in items
    ]


def in_names_of_now(project: Project, item: Item, labels: Labels) -> Item:
    """A row with its prediction in the names that classes have now."""
    return all_in_names_of_now(project, [item], labels)[0]


def values_of_now(project: Project, values: Sequence[Any], labels: Labels) -> dict[int, Any]:
    """Stored labels by their place, as one would give them now: of merged classes as what these have become.

    Those of a class that is archived or gone are left out.
    """
    names = names_of_now(project)
    numbers = {one.name: one.id for one in project.classes.all() if not one.archived}
    found = {}
    for place, value in enumerate(values):
        with suppress(UserError):
            if value is not None:
                found[place] = labels.to_value(labels.to_named(value, names), numbers)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What became of labels that a file may name still: `merged` into which, and which are `archived`."""

    merged: Mapping[str, str]
    archived: frozenset[str]

    def of(self, names: Iterable[str]) -> Fates:
        """Those of some names alone; archived, too, is what others were merged into."""
        told = list(names)
        merged = {name: self.merged[name] for name in told if name in self.merged}
        return Fates(merged=merged, archived=self.archived.intersection([*told, *merged.values()]))


def fates(project: Project) -> Fates:
    """Those of the project's classes now."""
    names, now = project.classes.names(), names_of_now(project)
    merged = {name: now[number] for number, name in names.items() if now[number] != name}
    archived = frozenset(one.name for one in project.classes.all() if one.archived) - merged.keys()
    return Fates(merged=merged, archived=archived)


def must_be_offered(label: Any, labels: Labels, classes: Sequence[Class]) -> None:
    """Raises UserError where a label in names has a class that is archived."""
    archived = {one.name for one in classes if one.archived}.intersection(labels.names(label))
    if archived:
        raise UserError(f"“{min(archived)}” is archived: give another label, or offer it again under Edit labels.")


def names_of_now(project: Project) -> dict[int, str]:
    """The names of classes; those that were merged into another are called by its name."""
    names, merges = project.classes.names(), project.classes.merges()
    return {class_id: names.get(merges.get(class_id, class_id), name) for class_id, name in names.items()}


def _renamed(item: Item, by_run: Mapping[int, Mapping[str, str]], labels: Labels) -> Item:
    told = item.prediction
    names = by_run.get(item.predicted_by, {}) if item.predicted_by is not None else {}
    if told is None or not names:
        return item
    top = tuple((names.get(name, name), value) for name, value in told.top)
    return replace(item, prediction=replace(told, label=labels.renamed(told.label, names), top=top))


def _named(item: Item, names: Mapping[int, str], labels: Labels) -> Item:
    """With a guess of the loop, which speaks in ids, in names; whoever shows it asks again later: named it stays."""
    told = item.prediction
    if told is None:
        return item
    try:
        label = labels.to_named(told.label, names)
    except UserError:  # of a class that is gone
        return replace(item, prediction=None, predicted_by=None)
    top = tuple((names[int(number)], value) for number, value in told.top if int(number) in names)
    return replace(item, prediction=replace(told, label=label, top=top), predicted_by=None)
