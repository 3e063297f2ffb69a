"""Which rows the model in the loop looks at, and what it may know of them. Loads nothing heavy."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_llm.errors import UserError
from desktop_llm.tasks import task as task_named
from desktop_llm.tasks.task import Loop

if TYPE_CHECKING:
    from desktop_llm.rows import Item
    from desktop_llm.store.items import Labelled
    from desktop_llm.store.project import Project

MOST_KNOWN = 20_000
MOST_WAITING = 20_000
"""Rows with and without a label that are looked at: of more, so many are drawn, so that millions are as quick."""
NEXT = 1000
"""Rows that come next in the file's order, which are always among them."""
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Known:
    """A labeled row: its id, its text, and its classes by name."""

    item: int
    text: str
    classes: tuple[str, ...]


def loop_of(project: Project) -> Loop:
    """How the project's task is learned while rows are labeled. Raises UserError where it is not."""
    task = task_named(project.task)
    if task.loop is None:
        why = "nothing is labeled there" if task.unsupervised else "its labels are not classes of whole texts"
        raise UserError(f"{task.title} has no model in the loop: {why}.")
    return task.loop


def text_of(content: Mapping[str, str]) -> str:
    """All that a row says."""
    return "\n".join(content.values())


def known(project: Project, seed: int = 0) -> list[Known]:
    """The labeled rows that are learned from, in file order; those whose class is gone are passed over."""
    labels, names = task_named(project.task).labels, project.classes.names()
    found = []
    for row in _labelled(project, seed):
        try:
            named = labels.to_named(row.value, names)
        except UserError:
            continue
        found.append(Known(row.id, text_of(row.content), tuple(labels.names(named))))
    return found


def _labelled(project: Project, seed: int) -> Iterator[Labelled | Item]:
    ids = project.suggestions.labeled()
    if len(ids) <= MOST_KNOWN:
        yield from project.items.labelled()
        return
    drawn = sorted(random.Random(seed).sample(ids, MOST_KNOWN))
    for start in range(0, len(drawn), AT_ONCE):
        yield from project.items.get_many(drawn[start : start + AT_ONCE])


def waiting(project: Project, seed: int = 0) -> list[int]:
    """The ids of the rows without a label that are looked at, in file order."""
    ids = project.suggestions.waiting()
    if len(ids) <= MOST_WAITING:
        return ids
    return sorted({*ids[:NEXT], *random.Random(seed).sample(ids, MOST_WAITING - NEXT)})


def texts(project: Project, ids: list[int], should_stop: Callable[[], bool] = lambda: False) -> dict[int, str]:
    """What rows say, by id; rows that are gone are left out."""
    found: dict[int, str] = {}
    for start in range(0, len(ids), AT_ONCE):
        if should_stop():
            break
        for item in project.items.get_many(ids[start : start + AT_ONCE]):
            found[item.id] = text_of(item.content)
    return found
