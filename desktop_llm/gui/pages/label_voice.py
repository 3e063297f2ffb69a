"""How a label is written: as ever, as a second opinion by who has not seen the first, or as a decision in a dispute."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from desktop_llm.gui.pages.label_view import FURTHER, LabelView
from desktop_llm.rows import Item

if TYPE_CHECKING:
    from desktop_llm.gui.hub import Hub
    from desktop_llm.store.drafts import Drafts
    from desktop_llm.store.labels import Labels
    from desktop_llm.store.people import People


class Voice:
    """Speaks as the view says whose rows are shown. What it does is on disk when it returns. Raises UserError."""

    def __init__(self, hub: Hub, view: LabelView) -> None:
        """`view` says which rows the labeler of `hub` goes through."""
        self._hub, self._view = hub, view
        self._read: Drafts | None = None

    @property
    def plain(self) -> bool:
        """Whether labels are given as ever."""
        return self._view.show_which not in FURTHER

    def forget(self) -> None:
        """Another project or labeler: what is half said there is read when it is needed."""
        self._read = None

    def hold(self, item: int, value: Any) -> None:
        """Keep what is not whole yet as a draft; it waits for who comes back to the row.

        An opinion or a decision is written when it is given, not letter by letter.
        """
        self._keep({**self._held, (self._view.show_which, item): value})

    def drop(self, item: int) -> bool:
        """Forget what was held of a row; whether there was anything."""
        place = self._view.show_which, item
        there = not self.plain and place in self._held
        if there:
            self._keep({one: value for one, value in self._held.items() if one != place})
        return there

    def holds(self, item: Item | None) -> bool:
        """Whether something is held of a row."""
        return item is not None and not self.plain and (self._view.show_which, item.id) in self._held

    def held(self, item: Item | None) -> Item | None:
        """A row with what is held of it."""
        if item is None or not self.holds(item):
            return item
        return replace(item, value=self._held[self._view.show_which, item.id])

    @property
    def _held(self) -> Drafts:
        project = self._hub.project
        if self._read is None:
            self._read = project.drafts.of(self._hub.settings.labeler) if project is not None else {}
        return self._read

    def _keep(self, drafts: Drafts) -> None:
        """In sight whatever the disk says, so that a failure takes nothing away that can be tried again."""
        self._read = drafts
        if self._hub.project is not None and self._hub.writable:
            self._hub.project.drafts.put(self._hub.settings.labeler, drafts)

    def stands(self, people: People, item: int, value: Any, labeler: str) -> bool:
        """Whether a second opinion or a decision says this already."""
        if self._view.show_which == "second":
            return bool(people.own(item, labeler) == value)
        return not self.plain and [one.value for one in people.said(item)] == [value]

    def give(
        self,
        labels: Labels,
        item: int,
        value: Any,
        labeler: str,
        origin: str = "person",
        *,
        seconds: float | None = None,
    ) -> None:
        """Give a row the stored label `value`."""
        if self._view.show_which == "second":
            labels.answer(item, value, labeler, seconds=seconds)
        elif self._view.show_which == "disputed":
            labels.decide(item, value, labeler, seconds=seconds)
        else:
            labels.set(item, value, labeler, origin, seconds=seconds)

    def skip(self, labels: Labels, item: int, labeler: str, *, seconds: float | None = None) -> None:
        """Put a row aside; as a second opinion: nothing can be said. A dispute stays open: no answer is none."""
        if self._view.show_which == "second":
            labels.answer(item, None, labeler, seconds=seconds)
        elif self._view.show_which != "disputed":
            labels.skip(item, labeler, seconds=seconds)

    def clear(self, labels: Labels, item: int, labeler: str, *, seconds: float | None = None) -> None:
        """Take a row's label away; as a second opinion: the labeler's own word alone."""
        if self._view.show_which == "second":
            labels.answer(item, None, labeler, seconds=seconds)
        else:
            labels.clear(item, labeler, seconds=seconds)
