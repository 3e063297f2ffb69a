"""How a label is written: as ever, as a second opinion by who has not seen the first, or as a decision in a dispute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_llm.gui.pages.label_view import FURTHER, LabelView

if TYPE_CHECKING:
    from desktop_llm.store.labels import Labels


class Voice:
    """Speaks as the view says whose rows are shown. What it does is on disk when it returns. Raises UserError."""

    def __init__(self, view: LabelView) -> None:
        """`view` says which rows the labeler goes through."""
        self._view = view

    @property
    def plain(self) -> bool:
        """Whether labels are given as ever."""
        return self._view.show_which not in FURTHER

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
