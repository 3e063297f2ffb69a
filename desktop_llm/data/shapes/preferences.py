"""Two answers of which one is better: `prompt`, `chosen` and `rejected`, as texts or as lists of messages.

TRL's names (https://huggingface.co/docs/trl/dataset_formats) are the canonical ones; LLaMA-Factory's instruction and
input, its conversations with one turn each chosen and rejected, and others' “question” are told by them.
"""

from __future__ import annotations

from desktop_llm.data.shapes import turns
from desktop_llm.data.shapes.shape import Cells, Misfit, Row, Shape

ANSWERS = ("chosen", "rejected")
PROMPTS = ("prompt", "question", "instruction", "conversations")


def fits(row: Row) -> bool:
    """Both answers are there."""
    return all(row.get(name) is not None for name in ANSWERS)


def look(rows: list[Row]) -> Shape:
    """Always the same."""
    return Shape(name="preference")


def read(row: Row, shape: Shape) -> Cells:
    """The row in canonical cells. Raises Misfit."""
    cells = dict(row)
    told: Cells = {}
    asked = next((name for name in PROMPTS if name in cells), None)
    if asked is not None:
        told["prompt"] = _said(cells.pop(asked), asked)
        if asked == "instruction" and isinstance(given := cells.pop("input", ""), str) and given:
            told["prompt"] = f"{told['prompt']}\n{given}"
    for name in ANSWERS:
        told[name] = _said(cells.pop(name, None), name)
    return {**told, **cells}


def write(cells: Row) -> Cells:
    """A row of TRL's. Raises Misfit."""
    return read(cells, Shape(name="preference"))


def _said(value: object, what: str) -> object:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "from" in value:
        return [turns.from_turn(value)]
    if isinstance(value, dict) and "role" in value:
        return turns.messages([value], what)
    if turns.is_turns(value):
        return turns.from_turns(value, what)
    if not isinstance(value, list):
        raise Misfit(f"its “{what}” is neither text nor messages")
    return turns.messages(value, what)
