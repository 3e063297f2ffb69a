"""OpenAI's fine-tuning JSONL, which ChatML tools share: `messages` of role and content, tool calls as they are."""

from __future__ import annotations

from desktop_llm.data.shapes import turns
from desktop_llm.data.shapes.shape import Cells, Row, Shape

NAMES = ("messages", "conversation", "conversations")


def fits(row: Row) -> bool:
    """A list of objects with roles."""
    return any(turns.is_messages(row.get(name)) for name in NAMES)


def look(rows: list[Row]) -> Shape:
    """Always the same."""
    return Shape(name="messages")


def read(row: Row, shape: Shape) -> Cells:
    """The row in canonical cells. Raises Misfit."""
    name = next((name for name in NAMES if name in row), NAMES[0])
    rest = {other: value for other, value in row.items() if other != name}
    return {"messages": turns.messages(row.get(name), name), **rest}


def write(cells: Row) -> Cells:
    """A row of messages. Raises Misfit."""
    return read(cells, Shape(name="messages"))
