"""Blocks of a file's rows to batches of items: what `mapping.to_items` does, for many rows at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from desktop_llm.columns import Coded, Texts, texts_of
from desktop_llm.data import extras
from desktop_llm.data import mapping as mappings
from desktop_llm.data.mapping import LABEL, SPLIT, FieldLike, LabelOf, MoveLabel
from desktop_llm.data.readers.reader import Block, RawRow, Table
from desktop_llm.errors import UserError
from desktop_llm.rows import Batch, Rejected, batch_of

MOST_KEPT = 100_000
"""How many different cells are remembered with what they mean."""


class _Known:
    """What a cell means, found out once for equal cells; a UserError is a meaning, too."""

    def __init__(self, meaning: Callable[[object], Any]) -> None:
        self._meaning = meaning
        self._found: dict[str, Any] = {}
        self._failed = False

    def of(self, cells: Sequence[Any] | None, count: int) -> Sequence[Any]:
        """The meanings of a column's cells; of nothing, `count` times, where there is no column."""
        if cells is None:
            return [self(None)] * count
        if isinstance(cells, Texts):
            return cells.coded().each(lambda names: [self(name) for name in names])
        try:
            return list(map(self._found.__getitem__, cells))
        except (KeyError, TypeError):
            return [self(cell) for cell in cells]

    def __call__(self, cell: object) -> Any:
        """The meaning; a UserError is returned, not raised."""
        if isinstance(cell, str):
            known = self._found.get(cell, self)
            if known is not self:
                return known
        try:
            told = self._meaning(cell)
        except UserError as error:
            told = error
            self._failed = True
        if isinstance(cell, str) and len(self._found) < MOST_KEPT:
            self._found[cell] = told
        return told

    def failed_in(self, told: Sequence[Any]) -> bool:
        """Whether there may be a cell among these that means nothing: there was one once."""
        meanings = told.names if isinstance(told, Coded) else told
        return self._failed and any(isinstance(one, UserError) for one in meanings)


class Batches:
    """Applies a mapping to blocks."""

    def __init__(
        self,
        columns: Sequence[str],
        mapping: Mapping[str, str],
        fields: Sequence[FieldLike],
        parse_label: Callable[[object], Any | None],
        split: str = "",
        move_label: MoveLabel | None = None,
        label_of: LabelOf | None = None,
        *,
        columnar: bool = False,
    ) -> None:
        """See `mapping.to_items`; `columns` are the reader's. `columnar` is worth it in large files; see `blocks`."""
        self._columnar = columnar
        self._mapping, self._fields, self._parse, self._split = dict(mapping), fields, parse_label, split
        self._label_of = label_of
        self._columns = tuple(columns)
        self._move_label = move_label
        content = [field for field in fields if field.name != LABEL]
        # one text and nothing else: the usual case, which is the quick one
        quick = len(content) == 1 and content[0].name in mapping and move_label is None and label_of is None
        self._main = content[0] if quick else None
        self._label = _Known(parse_label)
        self._split_of = _Known(mappings.split_of)
        self._used = frozenset(mapping.values())
        self._others = [place for place, name in enumerate(self._columns) if name not in self._used]

    def of(self, block: Block) -> tuple[Batch, list[Rejected]]:
        """The block's rows as items, and those that cannot be, by line."""
        rejected = list(block.rejected)
        batch = self._careful(block, rejected) if self._main is None else self._quick(self._main, block, rejected)
        rejected.sort(key=lambda one: one.line)
        return batch, rejected

    def _careful(self, block: Block, rejected: list[Rejected]) -> Batch:
        """Row by row."""
        rows: Sequence[Any] = block.rows
        raw = (RawRow(line=line, cells=self._by_column(row)) for line, row in zip(block.starts, rows, strict=True))
        items = []
        told = (self._mapping, self._fields, self._parse, self._split, self._move_label, self._label_of)
        for item in mappings.to_items(raw, *told):
            if isinstance(item, Rejected):
                rejected.append(item)
            else:
                items.append(item)
        return batch_of(items)

    def _by_column(self, row: Sequence[str] | Mapping[str, object]) -> dict[str, object]:
        return dict(row) if isinstance(row, Mapping) else dict(zip(self._columns, row, strict=True))

    def _quick(self, main: FieldLike, block: Block, rejected: list[Rejected]) -> Batch:
        """Column by column."""
        rows: Sequence[Any] = block.rows
        if rows and (isinstance(rows, Table) or not isinstance(rows[0], dict)):
            rows = _as_texts(Table.of(rows)) if self._columnar else Table.of(rows)
        texts = _tidied(self._cells(rows, main.name) or [])
        labels = self._label.of(self._cells(rows, LABEL), len(rows))
        splits = [self._split] * len(rows) if self._split else self._split_of.of(self._cells(rows, SPLIT), len(rows))
        wrong: set[int] = set()
        if not _all(texts) or self._label.failed_in(labels) or self._split_of.failed_in(splits):
            wrong = self._wrong(main, block, list(zip(texts, labels, splits, strict=True)), rejected)
        further = self._extras(rows)
        if wrong:
            kept = [place for place in range(len(rows)) if place not in wrong]
            texts, further = [texts[place] for place in kept], [further[place] for place in kept]
            labels, splits = [labels[place] for place in kept], [splits[place] for place in kept]
        return Batch(main=main.name, texts=texts, extras=further, labels=labels, splits=splits)

    def _wrong(
        self, main: FieldLike, block: Block, told: Sequence[tuple[str, Any, Any]], rejected: list[Rejected]
    ) -> set[int]:
        """The places of rows that cannot be items, which are noted as rejected."""
        wrong: set[int] = set()
        for place, (text, label, split) in enumerate(told):
            if text and not isinstance(label, UserError) and not isinstance(split, UserError):
                continue
            problems = [f"the {main.name} is empty"] if main.required and not text else []
            problems += [one.message.rstrip(".") for one in (label, split) if isinstance(one, UserError)]
            if problems:
                wrong.add(place)
                cells = self._by_column(block.rows[place])
                rejected.append(Rejected(line=block.starts[place], reason=problems[0], cells=cells))
        return wrong

    def _cells(self, rows: Sequence[Any], name: str) -> Sequence[Any] | None:
        """The cells of the column that a field is taken from; None where it is taken from none."""
        column = self._mapping.get(name)
        if column is None:
            return None
        if not rows:
            return []
        if isinstance(rows, Table):
            if column not in self._columns:  # it begins in later rows
                return [None] * len(rows)
            return rows.columns[self._columns.index(column)]
        return [row.get(column) for row in rows]

    def _extras(self, rows: Sequence[Any]) -> Sequence[str | None]:
        """The cells that no field took, as JSON."""
        if not rows:
            return []
        if not isinstance(rows, Table):
            used, plain = self._used, mappings.plain
            objects = [
                {name: cell if isinstance(cell, str) else plain(cell) for name, cell in row.items() if name not in used}
                for row in rows
            ]
            lines = extras.lines(objects)
            return lines if all(objects) else [line if one else None for one, line in zip(objects, lines, strict=True)]
        if not self._others:
            return [None] * len(rows)
        names = [self._columns[place] for place in self._others]
        told = Table([_plain(rows.columns[place]) for place in self._others])
        return extras.objects(names, (_as_texts(told) if self._columnar else told).columns)


def _as_texts(rows: Table) -> Table:
    """The columns that hold nothing but text as Arrow keeps it."""
    return Table([texts_of(column) for column in rows.columns])


def _is_text(cells: Sequence[Any]) -> bool:
    return isinstance(cells, Texts) or set(map(type, cells)) == {str}


def _tidied(cells: Sequence[Any]) -> Sequence[str]:
    """`mapping.content_text` of each."""
    if isinstance(cells, Texts) and not cells.signs("\r"):
        return cells.trimmed()
    texts = _plain(cells)
    if "\r" in "".join(texts):
        texts = [text.replace("\r\n", "\n") for text in texts]
    return list(map(str.strip, texts))


def _all(texts: Sequence[str]) -> bool:
    """Whether none of them is empty."""
    return bool((texts.ends()[1:] > texts.ends()[:-1]).all()) if isinstance(texts, Texts) else all(texts)


def _plain(cells: Sequence[Any]) -> Sequence[str]:
    """`mapping.plain` of each."""
    return cells if _is_text(cells) else list(map(mappings.plain, cells))
