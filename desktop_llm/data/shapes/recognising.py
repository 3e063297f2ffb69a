"""Finds the shape of rows from the first of them, and translates all rows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice

from desktop_llm.data.readers.reader import RawRow
from desktop_llm.data.shapes import (
    alpaca,
    doccano,
    flat,
    label_studio,
    messages,
    preferences,
    prodigy,
    sharegpt,
)
from desktop_llm.data.shapes.flat import LISTS
from desktop_llm.data.shapes.shape import Misfit, Row, Shape, ShapeName, ShapeRoom
from desktop_llm.rows import Rejected

SAMPLE = 1000
# In the order in which they are tried: what is more particular goes before what is less.
ROOMS: Mapping[ShapeName, ShapeRoom] = {
    "label_studio": label_studio,
    "preference": preferences,
    "sharegpt": sharegpt,
    "messages": messages,
    "alpaca": alpaca,
    "prodigy": prodigy,
    "doccano": doccano,
    "flat": flat,
    "doccano_seq2seq": doccano,
}


def recognise(rows: Sequence[Row]) -> Shape | None:
    """The shape that half of the rows have, or some while the others do not contradict it.

    None when they are what they are: columns by name.
    """
    rows = [_filled(row) for row in rows]
    for room in ROOMS.values():
        fitting = [row for row in rows if room.fits(row)]
        if fitting:
            shape = room.look(fitting)
            others = (row for row in rows if not room.fits(row))
            if len(fitting) * 2 >= len(rows) or all(_reads(room, row, shape) for row in others):
                return shape
    return None


def told(name: ShapeName, rows: Sequence[Row]) -> Shape:
    """The shape of that name, in particular as these rows have it."""
    room = ROOMS[name]
    return replace(room.look([row for row in rows if room.fits(row)]), name=name)


def _filled(row: Row) -> Row:
    """The row without lists that are null, which is to say that it has none."""
    if all(row.get(name, "") is not None for name in LISTS):
        return row
    return {name: value for name, value in row.items() if value is not None or name not in LISTS}


def _reads(room: ShapeRoom, row: Row, shape: Shape) -> bool:
    try:
        room.read(row, shape)
    except (Misfit, RecursionError):
        return False
    return True


def canonical(
    rows: Iterable[RawRow | Rejected], shape: Shape | None = None, *, told: bool = False
) -> Iterator[RawRow | Rejected]:
    """The rows in canonical cells; one that is not as its shape promises is Rejected with the reason.

    The shape is recognised from the first rows unless it is given; `told` with None leaves the rows as they are.
    """
    rest = iter(rows)
    first: list[RawRow | Rejected] = []
    if shape is None and not told:
        first = list(islice(rest, SAMPLE))
        shape = recognise([row.cells for row in first if isinstance(row, RawRow)])
    for row in chain(first, rest):
        yield row if shape is None or isinstance(row, Rejected) else _translated(row, shape)


def _translated(row: RawRow, shape: Shape) -> RawRow | Rejected:
    try:
        return replace(row, cells=ROOMS[shape.name].read(_filled(row.cells), shape))
    except Misfit as error:
        return Rejected(line=row.line, reason=str(error), cells=row.cells)
    except RecursionError:
        return Rejected(line=row.line, reason="its values are nested too deeply", cells=row.cells)
