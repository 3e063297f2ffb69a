"""A label of this task: spans of the text, each of one class.

In names `[{"start": 0, "end": 6, "label": "place"}, …]`, stored `[[0, 6, class id], …]`; both sorted, in code points of
the row's text, the end exclusive. An empty list says that a person looked and there is nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from desktop_llm.errors import UserError

LONGEST_NAME = 200
NOTHING = "no spans"
Span = dict[str, Any]
Stored = list[list[int]]
Move = Callable[[int, int], tuple[int, int] | None]


class Spans:
    """The rules of spans."""

    def parse(self, cell: object) -> list[Span] | None:
        """The spans in a cell; None when it is empty. Raises UserError."""
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            return None
        if not isinstance(cell, list):
            raise UserError("the label is not a list of spans")
        return _in_order(_parsed(one) for one in cell)

    def renamed(self, named: Any, names: Mapping[str, str]) -> list[Span]:
        """The same spans with the classes' new names."""
        return _in_order({**one, "label": names.get(one["label"], one["label"])} for one in named)

    def names(self, named: Any) -> tuple[str, ...]:
        """The classes that the spans have, each once."""
        return tuple(dict.fromkeys(one["label"] for one in named))

    def to_value(self, named: Any, numbers: Mapping[str, int]) -> Stored:
        """Spans with class ids. Raises UserError for a name the project does not have."""
        for one in named:
            if one["label"] not in numbers:
                raise UserError(f"The project has no label “{one['label']}”; add it first.")
        return sorted([one["start"], one["end"], numbers[one["label"]]] for one in named)

    def to_named(self, value: Any, names: Mapping[int, str]) -> list[Span]:
        """Spans with class names. Raises UserError for an id the project does not have."""
        for _, _, number in value:
            if number not in names:
                raise UserError(f"The project has no label number {number}.")
        return _in_order({"start": start, "end": end, "label": names[number]} for start, end, number in value)

    def text(self, value: Any, names: Mapping[int, str]) -> str:
        """How many spans of which class, in the order in which they come."""
        counts = Counter(names.get(number, "?") for _, _, number in value)
        return ", ".join(name if count == 1 else f"{name} × {count}" for name, count in counts.items()) or NOTHING

    def stratum(self, named: Any) -> str:
        """The classes that occur, so that rare ones come into every split."""
        return " + ".join(sorted(self.names(named))) or NOTHING

    def trainable(self, counts: Mapping[str, int]) -> None:
        """At least two rows with spans are needed. Raises UserError."""
        tagged = sum(count for name, count in counts.items() if name != NOTHING)
        if not sum(counts.values()):
            raise UserError("There are no labeled texts yet; mark spans in at least two texts.")
        if tagged < 2:
            few = "None of the labeled texts has a span" if not tagged else "Only one of the labeled texts has spans"
            raise UserError(f"{few}; mark spans in at least two, one to learn from and one to check with.")


def move(named: Any, where: Move) -> tuple[list[Span], int]:
    """Spans after their text has changed, and how many of them are gone or were cut, and are left out."""
    moved = [(one, where(one["start"], one["end"])) for one in named]
    kept = [{**one, "start": place[0], "end": place[1]} for one, place in moved if place is not None]
    return _in_order(kept), len(moved) - len(kept)


def _in_order(spans: Any) -> list[Span]:
    """Sorted, each once."""
    told = {(one["start"], one["end"], one["label"]): one for one in spans}
    return [told[key] for key in sorted(told)]


def _parsed(one: object) -> Span:
    if not isinstance(one, Mapping):
        raise UserError("a span is not an object with start, end and label")
    start, end = one.get("start"), one.get("end")
    if isinstance(start, bool) or isinstance(end, bool) or not isinstance(start, int) or not isinstance(end, int):
        raise UserError("a span does not say where it starts and ends")
    if not 0 <= start < end:
        raise UserError(f"the span {start}–{end} is empty or lies before the text")
    return {"start": start, "end": end, "label": _name(one.get("label"), start, end)}


def _name(told: object, start: int, end: int) -> str:
    if isinstance(told, bool) or not isinstance(told, str | int):
        raise UserError(f"the span {start}–{end} has no label")
    name = " ".join(str(told).split())
    if not name:
        raise UserError(f"the span {start}–{end} has no label")
    if len(name) > LONGEST_NAME:
        raise UserError(f"the label of a span has {len(name)} characters; at most {LONGEST_NAME} make a name")
    return name


def free(spans: Sequence[Span]) -> list[Span]:
    """The spans that a sequence of tags can say: of those that overlap, the longest."""
    kept: list[Span] = []
    for one in sorted(spans, key=lambda span: (span["start"] - span["end"], span["start"])):
        if all(one["end"] <= other["start"] or other["end"] <= one["start"] for other in kept):
            kept.append(one)
    return _in_order(kept)


RULES = Spans()
