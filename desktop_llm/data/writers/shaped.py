"""Rows in the shape of another tool, each read back before it is written, so that nothing is lost unsaid."""

from __future__ import annotations

from desktop_llm.data.shapes.flat import EITHER, LABEL, LISTS
from desktop_llm.data.shapes.offsets import CODE_POINTS, UTF16
from desktop_llm.data.shapes.shape import Cells, Misfit, Shape, ShapeName, ShapeRoom
from desktop_llm.data.writers.row import Numbered, Unwritable

SAME = ("messages", "preference")


def shaped(row: Numbered, room: ShapeRoom, name: ShapeName) -> Numbered:
    """The row as that tool has it. Raises Unwritable."""
    try:
        made = room.write(row.cells)
        back = room.read(made, _shape(row, name))
    except (Misfit, RecursionError) as error:
        raise Unwritable(row.number, str(error) or "its values are nested too deeply") from error
    wanted = dict(row.cells)
    if name in SAME:
        # One text in parts is that text.
        wanted = made
    if name == "flat":
        # Other cells of such tables are but text.
        wanted, back = _own(wanted), _own(back)
    if back != wanted:
        odd = next((cell for cell in wanted if back.get(cell) != wanted[cell]), next(iter(set(back) - set(wanted)), ""))
        raise Unwritable(row.number, f"its “{odd}” would not come back as it is")
    return Numbered(row.number, made)


def _shape(row: Numbered, name: ShapeName) -> Shape:
    told: ShapeName = "doccano_seq2seq" if name == "doccano" and "source" in row.cells else name
    units = UTF16 if name == "doccano" else CODE_POINTS
    return Shape(name=told, units=units, spans="spans" in row.cells, several="labels" in row.cells)


def _own(cells: Cells) -> Cells:
    return {name: value for name, value in cells.items() if name in (*LISTS, *EITHER, LABEL, "text")}
