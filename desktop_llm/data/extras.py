"""The cells that no field took, as a JSON object for each row: made of whole columns, not cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from desktop_llm.columns import Texts

_encoder = msgspec.json.Encoder()
_encode = _encoder.encode
SPACE, QUOTE, BACKSLASH = ord(" "), ord('"'), ord("\\")


def objects(names: Sequence[str], columns: Sequence[Sequence[str]]) -> Sequence[str | None]:
    """An object for each row; all `columns` are of one length, and there is one at least."""
    texts = [column for column in columns if isinstance(column, Texts)]
    if len(texts) == len(columns):
        return _by_arrow(names, texts)
    cells = [list(column) for column in columns]
    if any(b"\\" in _encode(column) for column in cells):  # a cell that JSON writes in another way
        return lines([dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)])
    return _joined(names, cells)


def lines(told: Sequence[Mapping[str, object]]) -> list[str | None]:
    """Each as JSON: all made at once, as JSON has no line ends inside."""
    made: list[str | None] = []
    made.extend(_encoder.encode_lines(told).decode().split("\n")[:-1])
    return made


def _joined(names: Sequence[str], columns: Sequence[list[str]]) -> list[str | None]:
    """Objects of cells that stand in JSON as they are: an eighth of an encoder's time."""
    count, width = len(columns[0]), 2 * len(columns) + 1
    parts: list[str] = [""] * (count * width)
    for place, (before, cells) in enumerate(zip(_before(names), columns, strict=True)):
        parts[2 * place :: width] = [before] * count
        parts[2 * place + 1 :: width] = cells
    parts[width - 1 :: width] = ['"}\n'] * count
    made: list[str | None] = []
    made.extend("".join(parts).split("\n")[:-1])
    return made


def _by_arrow(names: Sequence[str], columns: Sequence[Texts]) -> Sequence[str | None]:
    import pyarrow as pa
    from pyarrow import compute

    parts = []
    for before, column in zip(_before(names), columns, strict=True):
        parts += [pa.scalar(before), _escaped(column).array]
    return Texts(compute.binary_join_element_wise(*parts, pa.scalar('"}'), pa.scalar("")))


def _before(names: Sequence[str]) -> list[str]:
    """What stands before each cell of an object."""
    told = [f'{_encode(name).decode()}:"' for name in names]
    return ["{" + told[0], *(f'",{one}' for one in told[1:])]


def _escaped(column: Texts) -> Texts:
    """Cells as they stand in JSON between quotes."""
    ends = column.ends()
    data = column.data()[ends[0] : ends[-1]]
    if not ((data < SPACE) | (data == QUOTE) | (data == BACKSLASH)).any():
        return column
    return Texts.of([cell[1:-1] for cell in _encoder.encode_lines(list(column)).decode().split("\n")[:-1]])
