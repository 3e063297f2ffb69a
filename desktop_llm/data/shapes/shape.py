"""What every shape is: a name, and the two functions that translate a row from it and into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from desktop_llm.data.shapes.offsets import CODE_POINTS, Units

Cells = dict[str, object]
Row = Mapping[str, object]
ShapeName = Literal[
    "doccano",
    "doccano_seq2seq",
    "prodigy",
    "label_studio",
    "alpaca",
    "sharegpt",
    "messages",
    "preference",
    "flat",
]

TITLES: Mapping[ShapeName, str] = {
    "doccano": "doccano",
    "doccano_seq2seq": "doccano, text to text",
    "prodigy": "Prodigy / spaCy",
    "label_studio": "Label Studio",
    "alpaca": "Alpaca",
    "sharegpt": "ShareGPT",
    "messages": "ChatML / OpenAI messages",
    "preference": "prompt, chosen, rejected",
    "flat": "table with JSON in its cells",
}
DIALOGUE = frozenset[ShapeName]({"alpaca", "sharegpt", "messages", "preference"})
"""Shapes whose rows become messages: of use where a task asks for such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the rows of a file are.

    `units` is how the file counts offsets; `spans` whether its rows are labelled with spans (an empty list of labels is
    an empty list of those); `several` whether rows may have several labels each.
    """

    name: ShapeName
    units: Units = CODE_POINTS
    spans: bool = False
    several: bool = True


class Misfit(Exception):
    """A row is not what its file's shape promises; the message is the reason, as a clause."""


class ShapeRoom(Protocol):
    """What a module of a shape offers."""

    def fits(self, row: Row) -> bool:
        """Whether a row looks like one of this shape."""

    def look(self, rows: list[Row]) -> Shape:
        """The shape in particular, from rows that fit."""

    def read(self, row: Row, shape: Shape) -> Cells:
        """The row in cells that all tasks understand. Raises Misfit."""

    def write(self, cells: Row) -> Cells:
        """Such cells as a row of this shape. Raises Misfit."""


def text_of(row: Row, name: str) -> str:
    """A cell that must be text. Raises Misfit."""
    value = row.get(name)
    if not isinstance(value, str):
        raise Misfit(f"it has no text in “{name}”" if value is None else f"its “{name}” is not text")
    return value


def names_of(value: object, what: str) -> list[str]:
    """A list of label names (numbers count as such). Raises Misfit."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not all(
        isinstance(one, str | int) and not isinstance(one, bool) for one in value
    ):
        raise Misfit(f"its “{what}” is not a list of names")
    return [str(one) for one in value]
