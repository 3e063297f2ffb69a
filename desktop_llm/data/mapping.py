"""Which column of a file is what: guessed, checked, and applied to its rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import msgspec

from desktop_llm.data.moves import tidied, tidying
from desktop_llm.data.readers.reader import RawRow
from desktop_llm.errors import UserError
from desktop_llm.rows import NewItem, Rejected

LABEL = "label"
SPLIT = "split"
SPLIT_COLUMNS = ("split", "set", "subset", "partition", "fold")
SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "development": "validation",
    "test": "test",
    "testing": "test",
}
LONGEST_NAME = 40
MOST_NAMES = 200


Move = Callable[[int, int], tuple[int, int] | None]
MoveLabel = Callable[[Any, Move], tuple[Any, int]]
"""A label with its places moved, and how many parts of it have none any more."""


class FieldLike(Protocol):
    """A field to fill from a column; `guesses` are usual column names, best first."""

    @property
    def name(self) -> str:
        """What a mapping calls it."""

    @property
    def guesses(self) -> tuple[str, ...]:
        """Usual column names."""

    @property
    def required(self) -> bool:
        """Whether a row is nothing without it."""

    @property
    def shared(self) -> bool:
        """Whether its column may be another field's, too."""


LabelOf = Callable[[object, Mapping[str, str]], Any | None]
"""Reads a label from a cell and the row's content. Raises UserError."""


def guess(
    columns: Sequence[str], sample: Sequence[Mapping[str, object]], fields: Sequence[FieldLike]
) -> dict[str, str]:
    """The likely column of each field (by `field.name`), and of 'split' when a column holds splits.

    By names first; then by content: the longest text for a required field, a short one that repeats its values
    for another. Fields without a likely column are left out.
    """
    mapping: dict[str, str] = {}

    def free() -> list[str]:
        return [column for column in columns if column not in mapping.values()]

    for matches in (_same, _contains):
        for field in fields:
            if field.name not in mapping:
                there = columns if field.shared else free()
                named = (column for word in field.guesses for column in there if matches(column, word))
                _note(mapping, field.name, next(named, None))
    _note(mapping, SPLIT, next((column for column in free() if _holds_splits(column, sample)), None))
    for field in sorted(fields, key=lambda one: not one.required):
        if field.name not in mapping:
            by_content = _longest if field.required else _repeating
            _note(mapping, field.name, by_content(free(), sample))
    return mapping


def is_named(field: FieldLike, columns: Iterable[str]) -> bool:
    """Whether one of the columns has one of the field's usual names."""
    return any(_same(column, word) for column in columns for word in field.guesses)


def checked(columns: Sequence[str], mapping: Mapping[str, str], fields: Sequence[FieldLike]) -> None:
    """Raise UserError when the mapping does not fit the columns or the fields."""
    there = ", ".join(f"“{column}”" for column in columns[:20]) + (", …" if len(columns) > 20 else "")
    known = [field.name for field in fields]
    for name, column in mapping.items():
        if name not in known and name not in (SPLIT, LABEL):
            raise UserError(f"There is no field “{name}” to fill; the fields are {', '.join(known)}.")
        if column not in columns:
            raise UserError(f"The file has no column “{column}” for the {name}; its columns are {there}.")
    for field in fields:
        if field.required and field.name not in mapping:
            raise UserError(f"Choose the column that holds the {field.name}; the file has {there}.")
    shared = {field.name for field in fields if field.shared}
    used = [column for name, column in mapping.items() if name not in shared]
    for name, column in mapping.items():
        if used.count(column) > 1:
            both = " and ".join(other for other in mapping if mapping[other] == column)
            raise UserError(f"The column “{column}” is chosen twice, for {both}; choose another for the {name}.")


def to_items(
    rows: Iterable[RawRow | Rejected],
    mapping: Mapping[str, str],
    fields: Sequence[FieldLike],
    parse_label: Callable[[object], Any | None],
    split: str = "",
    move_label: MoveLabel | None = None,
    label_of: LabelOf | None = None,
) -> Iterator[NewItem | Rejected]:
    """The rows as items. A row that cannot be one is Rejected with its line and the reason.

    `split` puts all rows there; '' leaves it to the column mapped to 'split', if any. `move_label` is the task's, where
    labels speak of places in the text. `label_of` is asked in the place of `parse_label` where a cell alone does not
    tell the label.
    """
    read = label_of or (lambda cell, _: parse_label(cell))
    content = [(field, mapping.get(field.name)) for field in fields if field.name != LABEL]
    used = frozenset(mapping.values())
    for row in rows:
        if isinstance(row, Rejected):
            yield row
            continue
        try:
            item = _item(row, content, mapping, used, read, split)
            if move_label is not None and item.label is not None:
                raw = plain(row.cells.get(mapping[content[0][0].name]))
                item = replace(item, label=tidied_label(item.label, raw, move_label))
            yield item
        except UserError as error:
            yield Rejected(line=row.line, reason=error.message.rstrip("."), cells=row.cells)


def tidied_label(label: Any, raw: str, move_label: MoveLabel) -> Any:
    """A label of a cell's text as one of the row's text. Raises UserError where it does not fit."""
    moved, lost = move_label(label, tidying(raw).span)
    if lost:
        raise UserError("a span holds nothing but white space at the text's edge, which is not kept")
    return moved


def plain(cell: object) -> str:
    """A cell as text: lists and objects as JSON, nothing as ''."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool | list | dict):
        return msgspec.json.encode(cell).decode()
    return str(cell)


def _item(
    row: RawRow,
    content: Sequence[tuple[FieldLike, str | None]],
    mapping: Mapping[str, str],
    used: frozenset[str],
    label_of: LabelOf,
    split: str,
) -> NewItem:
    texts: dict[str, str] = {}
    for field, column in content:
        text = content_text(row.cells.get(column)) if column is not None else ""
        if field.required and not text:
            raise UserError(f"the {field.name} is empty")
        if column is not None:
            texts[field.name] = text
    label_column, split_column = mapping.get(LABEL), mapping.get(SPLIT)
    return NewItem(
        content=texts,
        extra={column: plain(cell) for column, cell in row.cells.items() if column not in used},
        label=label_of(row.cells.get(label_column), texts) if label_column is not None else None,
        split=split or (split_of(row.cells.get(split_column)) if split_column is not None else ""),
        line=row.line,
    )


def content_text(cell: object) -> str:
    """A cell as the text of a row."""
    return tidied(plain(cell))


def split_of(cell: object) -> str:
    """The split that a cell names, '' for an empty one. Raises UserError."""
    word = plain(cell).strip().casefold()
    if word and word not in SPLIT_WORDS:
        raise UserError(f"the split “{plain(cell)[:40]}” is none of train, validation and test")
    return SPLIT_WORDS.get(word, "")


def _note(mapping: dict[str, str], name: str, column: str | None) -> None:
    if column is not None and name not in mapping:
        mapping[name] = column


def _same(column: str, word: str) -> bool:
    return _bare(column) == _bare(word)


def _contains(column: str, word: str) -> bool:
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]|\d+", column)
    return len(word) > 1 and word.casefold() in (part.casefold() for part in parts)


def _bare(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum())


def _values(column: str, sample: Sequence[Mapping[str, object]]) -> list[str]:
    return [text for row in sample if (text := plain(row.get(column)).strip())]


def _holds_splits(column: str, sample: Sequence[Mapping[str, object]]) -> bool:
    values = _values(column, sample)
    if not values:
        # the first rows of a file may have no split yet; other names need a value to show what they mean
        return column == SPLIT
    return all(value.casefold() in SPLIT_WORDS for value in values) and _bare(column) in SPLIT_COLUMNS


def _longest(columns: Sequence[str], sample: Sequence[Mapping[str, object]]) -> str | None:
    """The column with the most text."""
    if not columns:
        return None
    return max(columns, key=lambda column: sum(len(value) for value in _values(column, sample)))


def _repeating(columns: Sequence[str], sample: Sequence[Mapping[str, object]]) -> str | None:
    """The column with the fewest different short values that come again and again."""
    likely: list[tuple[int, str]] = []
    for column in columns:
        values = _values(column, sample)
        different = len(set(values))
        short = all(len(value) <= LONGEST_NAME for value in values)
        if short and 2 <= different <= min(len(values) // 2, MOST_NAMES):
            likely.append((different, column))
    return min(likely, key=lambda one: one[0])[1] if likely else None
