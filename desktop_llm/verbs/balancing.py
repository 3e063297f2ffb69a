"""How often training rows are drawn so that no slice of them goes with a label, where a recipe asks for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError
from desktop_llm.evidence import slices
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_llm.store.project import Project

AT_ONCE = 500


def check(project: Project, by: str) -> None:
    """Raises UserError where the rows cannot be balanced by `by`."""
    from desktop_llm.verbs import slicing

    task = task_named(project.task)
    if not task.classes:
        raise UserError("Only rows whose labels are classes can be balanced; leave “balance_by” empty.")
    there = [one for one in slicing.choices(project) if one != slicing.LABEL]
    if by not in there:
        raise UserError(f"The rows cannot be balanced by “{by}” (balance_by); choose one of {', '.join(there)}.")


def weights(project: Project, by: str, labels: Sequence[tuple[int, str]]) -> list[float]:
    """How often each row is drawn, 1 on average; `labels` are the ids of rows with the key of their label."""
    from desktop_llm.verbs import slicing

    texts: list[str] = []
    extras: list[Mapping[str, Any]] = []
    sources: list[str] = []
    for start in range(0, len(labels), AT_ONCE):
        for item in project.items.get_many([number for number, _ in labels[start : start + AT_ONCE]]):
            texts.append(next(iter(item.content.values()), ""))
            extras.append(item.extra)
            sources.append(item.source)
    groups = slicing.sliced(texts, extras, sources, by)
    return [float(one) for one in slices.weights([key for _, key in labels], groups)]
