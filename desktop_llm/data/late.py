"""Columns in which the first rows of a file have nothing: found where they begin, as labels often come late.

Whoever labels text after text in a tool exports rows without labels, too, and these may well be the first thousands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from desktop_llm.data.readers.reader import Reader, Table, blocks

ROWS_KEPT = 50
"""Rows that are kept of each column that begins late."""


def filled(rows: Sequence[Mapping[str, object]]) -> set[str]:
    """The columns in which any of these rows has something."""
    return {name for row in rows for name, cell in row.items() if not _is_empty(cell)}


def begins_late(
    reader: Reader, first: Sequence[Mapping[str, object]], most: float, should_stop: Callable[[], bool]
) -> list[dict[str, object]]:
    """The rows in which columns begin that are empty in all `first` rows, some of each such column.

    Looks at `most` of the file, 0 to 1. Raises Cancelled, UserError.
    """
    known, found = filled(first), Counter[str]()
    kept: list[dict[str, object]] = []
    for block in blocks(reader, should_stop):
        rows = block.rows
        for place, names in _with_cells(rows, reader.columns, known):
            news = [name for name in names if found[name] < ROWS_KEPT]
            if news:
                found.update(news)
                row: Any = rows[place]
                kept.append(dict(row) if isinstance(row, Mapping) else dict(zip(reader.columns, row, strict=True)))
        known.update(name for name, count in found.items() if count >= ROWS_KEPT)
        if reader.fraction() > most:
            break
    return kept


def _with_cells(rows: Sequence[Any], columns: Sequence[str], known: set[str]) -> Iterator[tuple[int, list[str]]]:
    """The places of rows that have something in a column that is not known, with these columns."""
    if not rows:
        return
    if not isinstance(rows[0], dict):
        cells = dict(zip(columns, Table.of(rows).columns, strict=True))
        fresh = [name for name in columns if name not in known]
        for place in range(len(rows) if fresh else 0):
            names = [name for name in fresh if not _is_empty(cells[name][place])]
            if names:
                yield place, names
        return
    unknown = set[str]().union(*rows) - known
    for place, row in enumerate(rows if unknown else ()):
        names = [name for name in unknown if name in row and not _is_empty(row[name])]
        if names:
            yield place, names


def _is_empty(cell: object) -> bool:
    return cell is None or cell in ("", [], {})
