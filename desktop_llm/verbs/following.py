"""Labels that follow their texts: where labels speak of places in the text, an edit of the text moves them along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from desktop_llm.data.moves import between
from desktop_llm.rows import Edit, Item, NewLabel
from desktop_llm.store.operations import FOLLOW
from desktop_llm.tasks import task as task_named

if TYPE_CHECKING:
    from desktop_llm.store.operations import Outcome
    from desktop_llm.store.project import Project

AT_ONCE = 500


class Following:
    """A stream of edits with the labels that go along; `cut` counts the parts of labels that had to be left out."""

    def __init__(self, project: Project, edits: Iterable[Edit]) -> None:
        """`edits` are taken as they come. Those that give a label of their own stay as they are."""
        self._project, self._edits = project, edits
        task = task_named(project.task)
        self._labels, self._move = task.labels, task.move_label
        self._names = project.classes.names()
        self._numbers = {name: number for number, name in self._names.items()}
        self.cut = 0

    @property
    def details(self) -> dict[str, bool]:
        """What the operation must say of itself, for its texts and labels to be undone together."""
        return {FOLLOW: True} if self._move is not None else {}

    def __iter__(self) -> Iterator[Edit]:
        """The edits; of tasks whose labels have no places, as they are."""
        if self._move is None:
            yield from self._edits
            return
        waiting = iter(self._edits)
        while part := list(islice(waiting, AT_ONCE)):
            texts = [edit.item for edit in part if edit.content is not None and edit.label is None]
            there = {item.id: item for item in self._project.items.get_many(texts)} if texts else {}
            for edit in part:
                item = there.get(edit.item)
                yield edit if item is None else self._followed(edit, item)

    def told(self, outcome: Outcome) -> Outcome:
        """What was done, with what was cut."""
        return replace(outcome, cut=self.cut) if outcome.changed else outcome

    def _followed(self, edit: Edit, item: Item) -> Edit:
        if self._move is None or edit.content is None or item.value is None:
            return edit
        main = next(iter(item.content))
        before, after = item.content[main], edit.content[main]
        if before == after:
            return edit
        named, cut = self._move(self._labels.to_named(item.value, self._names), between(before, after).span)
        self.cut += cut
        value = self._labels.to_value(named, self._numbers)
        return edit if value == item.value else replace(edit, label=NewLabel(value=value))
