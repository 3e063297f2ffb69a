"""What the cells of a column hold, as far as the first rows of a file tell: for the eyes of who imports it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from desktop_llm.data.mapping import LONGEST_NAME, MOST_NAMES, plain
from desktop_llm.data.splits.chronological import moment

Kind = Literal["empty", "yes_no", "whole", "number", "date", "list", "record", "mixed", "category", "text"]

YES_NO = tuple(frozenset(pair.split()) for pair in ("true false", "yes no", "y n", "t f", "on off", "ja nein", "是 否"))
_WHOLE = re.compile(r"[+-]?(?:0|[1-9]\d*)", re.ASCII)
_NUMBER = re.compile(
    r"[+-]?(?:(?:0|[1-9]\d*)(?:[.,]\d+)?|[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?|\.\d+)"
    r"(?:[eE][+-]?\d+)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a column holds: its `kind`, how many `different` cells, and how many of all `cells` are `empty`."""

    kind: Kind
    different: int = 0
    cells: int = 0
    empty: int = 0

    @property
    def repeats(self) -> bool:
        """Whether few values come again and again, as names of classes do."""
        filled = self.cells - self.empty
        return filled > 1 and self.different <= min(filled // 2, MOST_NAMES)


def held(cells: Iterable[object]) -> Held:
    """What these cells of one column hold together; one that does not fit makes all of them text.

    Numbers with a leading zero are no numbers but codes. A date is what a split by time can read.
    """
    every = list(cells)
    filled = [cell for cell in every if cell is not None and cell != "" and not (isinstance(cell, str) and _bare(cell))]
    texts = [plain(cell).strip() for cell in filled]
    told = Held(kind="text", different=len(set(texts)), cells=len(every), empty=len(every) - len(filled))
    return Held(kind=_kind(filled, texts, told), different=told.different, cells=told.cells, empty=told.empty)


def held_in(columns: Sequence[str], sample: Sequence[Mapping[str, object]]) -> tuple[Held, ...]:
    """The same for each of these columns of the first rows."""
    return tuple(held(row.get(column) for row in sample) for column in columns)


def _bare(cell: str) -> bool:
    return not cell.strip()


def _kind(filled: Sequence[object], texts: Sequence[str], told: Held) -> Kind:
    if not filled:
        return "empty"
    nested = {_nested(cell) for cell in filled}
    if nested != {None}:
        only = nested.pop() if len(nested) == 1 else None
        return only or "mixed"
    if any(words.issuperset(text.casefold() for text in texts) for words in YES_NO):
        return "yes_no"
    if all(map(_WHOLE.fullmatch, texts)):
        return "whole"
    if all(map(_NUMBER.fullmatch, texts)):
        return "number"
    if all(moment(text) is not None for text in texts):
        return "date"
    short = all(len(text) <= LONGEST_NAME for text in texts)
    return "category" if short and told.repeats else "text"


def _nested(cell: object) -> Literal["list", "record"] | None:
    """What a cell of JSON is, also of JSON in a text."""
    if isinstance(cell, str) and cell.lstrip()[:1] in ("[", "{"):
        try:
            cell = msgspec.json.decode(cell)
        except msgspec.DecodeError:
            return None
    if isinstance(cell, Mapping):
        return "record"
    return "list" if isinstance(cell, list | tuple) else None
