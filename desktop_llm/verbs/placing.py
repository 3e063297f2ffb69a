"""Labels that speak of places in a text as another copy or a file has it, brought to the text as it is here.

Such a text was cleaned, masked or mended on one side. A label that has no place in the text here is left out and
counted, as nobody can know what it would say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from desktop_llm.data.mapping import MoveLabel
from desktop_llm.data.moves import Moves, between
from desktop_llm.errors import UserError
from desktop_llm.store.joining import EventCopy, RowCopy
from desktop_llm.store.standing import Event, heads
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from desktop_llm.store.project import Project
    from desktop_llm.tasks.task import Task

AT_ONCE = 500
ROWS_NAMED = 10


class Placing:
    """The rows of a bundle whose texts are others here; `unfit` counts labels that were left out."""

    def __init__(self, project: Project, move: MoveLabel, rows: Iterable[RowCopy]) -> None:
        """`rows` are all of the bundle, which the project knows by now."""
        self._project, self._move = project, move
        self._texts: dict[str, tuple[str, str]] = {}
        self._with_entries: set[str] = set()
        self.unfit = 0
        waiting = iter(rows)
        while part := list(islice(waiting, AT_ONCE)):
            here = project.joining.texts(part)
            for row in part:
                theirs = next(iter(row.content.values()), "")
                if row.hash in here and here[row.hash] != theirs:
                    self._texts[row.hash] = theirs, here[row.hash]

    def bases(self, rows: Iterable[RowCopy], entries: Iterable[EventCopy]) -> Iterator[RowCopy]:
        """The rows with the labels that came with them, as far as these can be known.

        Below `entries` such a label may speak of a text that was before theirs, and stands for nothing.
        """
        if self._texts:
            self._with_entries.update(one.hash for one in entries if one.hash in self._texts)
        for row in rows:
            if row.hash not in self._texts or row.label is None:
                yield row
            elif row.hash not in self._with_entries:
                try:
                    yield replace(row, label=placed(self._move, row.label, *self._texts[row.hash]))
                except UserError:
                    self.unfit += 1

    def entries(self, entries: Iterable[EventCopy]) -> Iterator[EventCopy]:
        """The entries, those of one row together: what stands there speaks of their text, and is moved to ours.

        What others have replaced speaks of whatever text there was then; it stands for nothing and stays as it is.
        """
        for digest, some in groupby(entries, key=lambda one: one.hash):
            told = list(some)
            yield from self._placed(told, *self._texts[digest]) if digest in self._texts else told

    def _placed(self, entries: list[EventCopy], theirs: str, ours: str) -> Iterator[EventCopy]:
        standing = {one.uid for one in heads([_event(one) for one in entries])}
        known = self._project.joining.known([one.uid for one in entries])
        moved: dict[str, Any] = {}
        unfit = set[str]()
        for one in entries:
            if one.uid in standing and one.uid not in known and one.label is not None:
                try:
                    moved[one.uid] = placed(self._move, one.label, theirs, ours)
                except UserError:
                    unfit.add(one.uid)
        self.unfit += len(unfit)
        for one in entries:
            # without what replaced them, entries below it would stand again
            if one.uid in known or one.uid in standing - unfit or not unfit:
                yield replace(one, label=moved.get(one.uid, one.label))


def placed(move: MoveLabel, named: Any, theirs: str, ours: str) -> Any:
    """A label of their text as one of ours. Raises UserError where it has no place there."""
    moved, lost = move(named, between(theirs, ours).span)
    if lost:
        raise UserError("its text was changed here")
    return moved


def placer(task: Task) -> Callable[[Any, str, str], Any] | None:
    """`placed` for the labels of a task; None where these speak of no places."""
    return None if task.move_label is None else partial(placed, task.move_label)


def misplaced(project: Project) -> list[str]:
    """A sentence where labels lie outside of their texts, as `Project.check` tells what else is wrong."""
    task = task_named(project.task)
    if task.move_label is None:
        return []
    names = project.classes.names()
    wrong: list[int] = []
    for row in project.items.labelled():
        text = next(iter(row.content.values()), "")
        try:
            task.move_label(task.labels.to_named(row.value, names), Moves(text, text, ()).span)
        except UserError:
            wrong.append(row.id)
    if not wrong:
        return []
    rows = ", ".join(map(str, wrong[:ROWS_NAMED])) + (", …" if len(wrong) > ROWS_NAMED else "")
    what = "The spans of one row lie" if len(wrong) == 1 else f"The spans of {len(wrong):,} rows lie"
    return [f"{what} outside of the text (row {rows}); mark them anew."]


def _event(one: EventCopy) -> Event:
    return Event(
        uid=one.uid,
        over=one.over,
        value=None,
        skipped=one.skipped,
        labeler=one.labeler,
        origin=one.origin,
        at=one.at,
        active=one.active,
    )
