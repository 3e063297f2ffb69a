"""ShareGPT's JSON: `conversations` of from and value, with `system` and `tools` beside them."""

from __future__ import annotations

from collections.abc import Mapping

from desktop_llm.data.shapes import turns
from desktop_llm.data.shapes.shape import Cells, Misfit, Row, Shape

NAMES = ("conversations", "conversation")


def fits(row: Row) -> bool:
    """A list of objects that say who they are from."""
    return any(turns.is_turns(row.get(name)) for name in NAMES)


def look(rows: list[Row]) -> Shape:
    """Always the same."""
    return Shape(name="sharegpt")


def read(row: Row, shape: Shape) -> Cells:
    """The row in canonical cells. Raises Misfit."""
    name = next((name for name in NAMES if name in row), NAMES[0])
    told = turns.from_turns(row.get(name), name)
    rest = {other: value for other, value in row.items() if other != name}
    if isinstance(rest.get("system"), str):
        system = rest.pop("system")
        told = [{"role": "system", "content": system}, *told] if system else told
    return {"messages": told, **rest}


def write(cells: Row) -> Cells:
    """A conversation. Raises Misfit."""
    told = cells.get("messages")
    if not isinstance(told, list) or not told:
        raise Misfit("it has no messages")
    if not all(isinstance(one, Mapping) for one in told):
        raise Misfit("a message is not an object")
    rest = {name: value for name, value in cells.items() if name != "messages"}
    first = told[0]
    leads = first.get("role") == "system" and set(first) == {"role", "content"} and isinstance(first["content"], str)
    if leads and first["content"] and len(told) > 1 and "system" not in rest:
        rest["system"], told = first["content"], told[1:]
    return {"conversations": [turns.to_turn(one) for one in told], **rest}
