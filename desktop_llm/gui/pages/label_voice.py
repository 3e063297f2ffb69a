"""How a label is written: as ever, as a second opinion by who has not seen the first, or as a decision in a dispute."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from desktop_llm.gui.pages.label_view import FURTHER, LabelView
from desktop_llm.rows import Item, Show

if TYPE_CHECKING:
    from desktop_llm.store.labels import Labels
    from desktop_llm.store.people import People


class Voice:
    """Speaks as the view says whose rows are shown. What it does is on disk when it returns. Raises UserError."""

    def __init__(self, view: LabelView) -> None:
        """`view` says which rows the labeler goes through."""
        self._view = view
        self._held: dict[tuple[Show, int], Any] = {}

    @property
    def plain(self) -> bool:
        """Whether labels are given as ever."""
        return self._view.show_which not in FURTHER

    def forget(self) -> None:
        """Nothing is half said any more."""
        self._held = {}

    def hold(self, item: int, value: Any) -> None:
        """Keep in mind what is not whole yet; it waits for who comes back to the row.

        An opinion or a decision is written when it is given, not letter by letter.
        """
        self._held[self._view.show_which, item] = value

    def drop(self, item: int) -> bool:
        """Forget what was held of a row; whether there was anything."""
        there = (self._view.show_which, item) in self._held
        self._held.pop((self._view.show_which, item), None)
        return there

    def held(self, item: Item | None) -> Item | None:
        """A row with what is held of it."""
        key = (self._view.show_which, item.id) if item is not None else None
        return replace(item, value=self._held[key]) if item is not None and key in self._held else item

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
