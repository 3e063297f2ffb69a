"""Alpaca's JSON: `instruction`, `input` and `output`, with `system` and `history` as LLaMA-Factory adds them.

An instruction and its input are one turn, a line break between. Where there is an input, both stay beside the messages,
as nothing else tells where the one ends.
"""

from __future__ import annotations

from collections.abc import Mapping

from desktop_llm.data.shapes.shape import Cells, Misfit, Row, Shape, text_of

OWN = ("instruction", "input", "output", "system", "history")


def fits(row: Row) -> bool:
    """An instruction and what came of it, which is not a choice between two answers."""
    return isinstance(row.get("instruction"), str) and "output" in row and "chosen" not in row


def look(rows: list[Row]) -> Shape:
    """Always the same."""
    return Shape(name="alpaca")


def read(row: Row, shape: Shape) -> Cells:
    """The row in canonical cells. Raises Misfit."""
    instruction, output = text_of(row, "instruction"), text_of(row, "output")
    given = row.get("input") or ""
    if not isinstance(given, str):
        raise Misfit("its “input” is not text")
    told = [_says("system", row["system"])] if row.get("system") else []
    for pair in _pairs(row.get("history")):
        told += [_says("user", pair[0]), _says("assistant", pair[1])]
    told += [_says("user", _asked(instruction, given)), _says("assistant", output)]
    rest = {name: value for name, value in row.items() if name not in OWN}
    kept: Cells = {"instruction": instruction, "input": given} if given else {}
    return {"messages": told, **kept, **rest}


def write(cells: Row) -> Cells:
    """An instruction. Raises Misfit."""
    told = cells.get("messages")
    if not isinstance(told, list) or not told:
        raise Misfit("it has no messages")
    system = ""
    said = [_content(one) for one in told]
    if said[0][0] == "system":
        system, said = said[0][1], said[1:]
    roles = [role for role, _ in said]
    if not said or roles != ["user", "assistant"] * (len(roles) // 2):
        raise Misfit("its messages do not go from user to assistant and back")
    instruction, given = said[-2][1], ""
    if "instruction" in cells or "input" in cells:
        instruction, given = text_of(cells, "instruction"), text_of(cells, "input")
    texts = [text for _, text in said[:-2]]
    row: Cells = {"instruction": instruction, "input": given, "output": said[-1][1]}
    if system:
        row["system"] = system
    if texts:
        row["history"] = [list(pair) for pair in zip(texts[::2], texts[1::2], strict=True)]
    return {**row, **{name: value for name, value in cells.items() if name not in (*OWN, "messages")}}


def _asked(instruction: str, given: str) -> str:
    return f"{instruction}\n{given}" if given else instruction


def _says(role: str, content: object) -> Cells:
    if not isinstance(content, str):
        raise Misfit(f"what the {role} says is not text")
    return {"role": role, "content": content}


def _pairs(history: object) -> list[list[object]]:
    if history is None:
        return []
    if not isinstance(history, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in history):
        raise Misfit("its “history” is not a list of pairs")
    return history


def _content(message: object) -> tuple[str, str]:
    if not isinstance(message, Mapping) or set(message) != {"role", "content"}:
        raise Misfit("a message is more than its role and content")
    role, content = message["role"], message["content"]
    if not isinstance(content, str):
        raise Misfit(f"what the {role} says is not text")
    return str(role), content
