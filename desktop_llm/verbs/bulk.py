"""Do one thing to many rows: give a label, take it away, put into a split, delete; each is one operation to undo."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError
from desktop_llm.rows import Edit, Filter, NewLabel, Places
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project

PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Which rows: all of a filter, or, where `ranges` says so, those between two places of it (both inclusive)."""

    told: Filter
    ranges: Sequence[tuple[int, int]] = ()
    places: Places = field(default_factory=Places)


def ids(project: Project, rows: Rows) -> Iterator[int]:
    """Their ids, in file order. What stands at a place is settled before the first is given."""
    if not rows.ranges:
        return (number for part in project.items.ids(rows.told) for number in part)
    found = array("q")
    for top, bottom in sorted(rows.ranges):
        first, skip = rows.places.at(top)
        while top <= bottom:
            part = project.items.page_ids(rows.told, first, min(PAGE, bottom - top + 1), skip)
            if not part:
                break
            found.extend(part)
            top, first, skip = top + len(part), part[-1] + 1, 0
    return iter(found)


def label(project: Project, rows: Rows, value: Any | None, name: str, **how: Any) -> Outcome:
    """Give rows the stored label `value`, called `name`; None takes their label away. See `Operations.apply`."""
    title = f"Labeled “{name}”" if value is not None else "Labels taken away"
    edits = (Edit(item=item, label=NewLabel(value=value)) for item in ids(project, rows))
    return _apply(project, "label", title, edits, how)


def switch(project: Project, rows: Rows, name: str, *, on: bool, **how: Any) -> Outcome:
    """Add a class to the rows' labels, or take it away, where labels have several. See `Operations.apply`.

    A row whose last class goes has no label any more, as when one labels by hand.
    """
    rules, names = task_named(project.task).labels, project.classes.names()
    numbers = {called: number for number, called in names.items()}

    def edits() -> Iterator[Edit]:
        waiting = ids(project, rows)
        while part := list(islice(waiting, PAGE)):
            for item in project.items.get_many(part):
                before = [] if item.value is None else list(rules.names(rules.to_named(item.value, names)))
                if (name in before) != on:
                    after = [*before, name] if on else [one for one in before if one != name]
                    value = rules.to_value(after, numbers) if after else None
                    yield Edit(item=item.id, label=NewLabel(value=value))

    title = f"Label “{name}” added" if on else f"Label “{name}” taken away"
    return _apply(project, "label", title, edits(), how)


def label_items(project: Project, values: Mapping[int, Any | None], title: str, **how: Any) -> Outcome:
    """Give each of these rows its stored label, None for none, as one operation called `title`."""
    if project.read_only:
        raise UserError(f"“{project.path}” can only be read now: {project.holder}")
    edits = (Edit(item=item, label=NewLabel(value=value)) for item, value in values.items())
    return project.operations.apply("label", title, edits, **how)


def skip_items(project: Project, items: Sequence[int], title: str, **how: Any) -> Outcome:
    """Put these rows aside, as one operation called `title`."""
    if project.read_only:
        raise UserError(f"“{project.path}” can only be read now: {project.holder}")
    edits = (Edit(item=item, label=NewLabel(value=None, skipped=True)) for item in items)
    return project.operations.apply("label", title, edits, **how)


def move(project: Project, rows: Rows, split: str, **how: Any) -> Outcome:
    """Put rows into a split; '' takes them out of every one."""
    title = f"Put into {split}" if split else "Taken out of their splits"
    return _apply(project, "move", title, (Edit(item=item, split=split) for item in ids(project, rows)), how)


def delete(project: Project, rows: Rows, **how: Any) -> Outcome:
    """Put rows into the bin."""
    edits = (Edit(item=item, to_bin=True) for item in ids(project, rows))
    return _apply(project, "delete", "Put into the bin", edits, how)


def _apply(project: Project, kind: str, title: str, edits: Iterable[Edit], how: dict[str, Any]) -> Outcome:
    if project.read_only:
        raise UserError(f"“{project.path}” can only be read now: {project.holder}")
    return project.operations.apply(kind, title, edits, **how)
