"""Give all labels of a class to another one: one operation, which undoing takes back; the class itself is archived."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError
from desktop_llm.rows import Edit, NewLabel

if TYPE_CHECKING:
    from desktop_llm.rows import Class
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project
    from desktop_llm.tasks.task import Labels

KIND = "merge_class"


def merge(project: Project, labels: Labels, source: int, into: int, **how: Any) -> Outcome:
    """Merge class `source` into class `into` (ids). Raises UserError. See `Operations.apply` for `how`."""
    there = {one.id: one for one in project.classes.all()}
    if source == into or source not in there or into not in there:
        raise UserError("Choose two different labels of the project to merge.")
    if there[into].archived:
        raise UserError(f"The label “{there[into].name}” is archived; restore it before merging another one into it.")
    old, new = there[source], there[into]
    title = f"Merged “{old.name}” into “{new.name}”"
    details = {"class": source, "into": into, "key": old.key}
    return project.operations.apply(KIND, title, _edits(project, labels, old, new), details=details, **how)


def _edits(project: Project, labels: Labels, old: Class, new: Class) -> Iterator[Edit]:
    names = project.classes.names()
    numbers = {name: number for number, name in names.items()}
    for row in project.items.labelled():
        # most labels are one class, which is told by its number at once
        if isinstance(row.value, int) and row.value != old.id:
            continue
        named = labels.to_named(row.value, names)
        if old.name in labels.names(named):
            value = labels.to_value(labels.renamed(named, {old.name: new.name}), numbers)
            yield Edit(item=row.id, label=NewLabel(value=value))
