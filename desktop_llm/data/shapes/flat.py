"""Rows of tables whose cells are but text (CSV, Excel): lists and objects stand there as JSON.

`labels`, `spans`, `messages` are always lists; `prompt`, `chosen` and `rejected` may be texts or lists of messages.
An empty cell of a label or of such a list is none at all.
"""

from __future__ import annotations

import json

from desktop_llm.data.shapes import turns
from desktop_llm.data.shapes.offsets import OutOfPlace, checked
from desktop_llm.data.shapes.shape import Cells, Misfit, Row, Shape

LISTS = ("labels", "spans", "messages")
EITHER = ("prompt", "chosen", "rejected")
LABEL = "label"


def fits(row: Row) -> bool:
    """Some cell is the JSON of such a list."""
    return any(_list(row.get(name)) is not None for name in LISTS) or any(_said(row.get(name)) for name in EITHER)


def look(rows: list[Row]) -> Shape:
    """Always the same."""
    return Shape(name="flat")


def read(row: Row, shape: Shape) -> Cells:
    """The row in canonical cells. Raises Misfit."""
    cells = {name: value for name, value in row.items() if value != "" or name not in (*LISTS, LABEL)}
    for name in LISTS:
        if name in cells and not isinstance(cells[name], list):
            told = _list(cells[name])
            if told is None:
                raise Misfit(f"the cell “{name}” is not a JSON list")
            cells[name] = told
    for name in EITHER:
        cells |= {name: said} if (said := _said(cells.get(name))) else {}
    if "spans" in cells and isinstance(text := cells.get("text"), str):
        try:
            checked(text, cells["spans"])
        except OutOfPlace as error:
            raise Misfit(str(error)) from error
    return cells


def write(cells: Row) -> Cells:
    """Cells that are text, lists and objects as JSON. Raises Misfit."""
    for name in EITHER:
        if isinstance(said := cells.get(name), str) and _said(said):
            raise Misfit(f"its “{name}” is a text that reads like a list of messages")
    if cells.get(LABEL) == "":
        raise Misfit("its label is an empty name")
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
        for name, value in cells.items()
    }


def _list(value: object) -> list[object] | None:
    if not isinstance(value, str) or not value.startswith("["):
        return None
    try:
        told = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, list) else None


def _said(value: object) -> list[object] | None:
    told = _list(value)
    return told if turns.is_messages(told) else None
