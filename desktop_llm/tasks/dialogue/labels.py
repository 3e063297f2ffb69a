"""A label of this task: the conversation as it should be, a list of messages. Stored and named as itself.

A conversation that ends with an answer is whole: in the files of those who train on conversations it is the example to
learn, and comes in as a label. One that ends with a question waits for a person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from desktop_llm.errors import UserError

Message = dict[str, Any]
SHOWN = 200
WHOLE = "conversation"
"""The one stratum of those that can be learned from: there is nothing to spread conversations evenly by."""
SILENT = "conversation without an answer"
CONVERSATIONS = frozenset(("messages", "sharegpt", "alpaca"))
FLAT = frozenset(("csv", "tsv", "excel"))
"""Tables of texts."""
INSTRUCTION = ("instruction", "input")
ANSWERS = "assistant"


class Conversation:
    """The rules of a conversation."""

    def parse(self, cell: object) -> list[Message] | None:
        """The messages in a cell, as they are; None when it is empty. Raises UserError."""
        told = cell
        if isinstance(cell, str):
            try:
                told = json.loads(cell) if cell.strip() else None
            except (ValueError, RecursionError):
                raise UserError("the conversation is not a list of messages") from None
        if told is None or told == []:
            return None
        if not isinstance(told, list) or not _sound(told):
            raise UserError("the conversation is not a list of messages, each with a role and content or tool calls")
        return list(told)

    def renamed(self, named: Any, names: Mapping[str, str]) -> Any:
        """As it was: it names no class."""
        return named

    def names(self, named: Any) -> tuple[str, ...]:
        """None."""
        return ()

    def to_value(self, named: Any, numbers: Mapping[str, int]) -> list[Message]:
        """The messages. Raises UserError where it is none."""
        if not _sound(named):
            raise UserError("A conversation is a list of messages, each with a role and content or tool calls.")
        return list(named)

    def to_named(self, value: Any, names: Mapping[int, str]) -> list[Message]:
        """The messages. Raises UserError where it is none."""
        return self.to_value(value, {})

    def text(self, value: Any, names: Mapping[int, str]) -> str:
        """The last turn on one line; of what a model says, its answer."""
        if isinstance(value, Mapping):
            return _line(f"{ANSWERS}: {value['answer']}") if value.get("answer") else ""
        last = value[-1] if isinstance(value, list) and value else {}
        return _line(f"{last.get('role', '')}: {said(last)}")

    def stratum(self, named: Any) -> str:
        """The same for all that answer something."""
        return WHOLE if answers(named) else SILENT

    def trainable(self, counts: Mapping[str, int]) -> None:
        """Raise UserError where no conversation has an answer."""
        if not counts.get(WHOLE):
            raise UserError("No conversation has an answer to learn from yet; write some in Label, or import some.")


def _sound(told: object) -> bool:
    return (
        isinstance(told, list)
        and bool(told)
        and all(
            isinstance(one, dict) and isinstance(one.get("role"), str) and ("content" in one or "tool_calls" in one)
            for one in told
        )
    )


def whole(told: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a conversation ends with an answer."""
    return bool(told) and told[-1].get("role") == ANSWERS and "tool_calls" not in told[-1]


def answers(told: object) -> bool:
    """Whether any answer in a conversation says something."""
    return isinstance(told, list) and any(one.get("role") == ANSWERS and said(one).strip() for one in told)


def said(message: Mapping[str, Any]) -> str:
    """What a message says, in words; parts and tool calls as JSON."""
    content = message.get("content")
    parts = [content if isinstance(content, str) else "" if content is None else _json(content)]
    if message.get("tool_calls"):
        parts.append(_json(message["tool_calls"]))
    return "\n".join(part for part in parts if part)


def label_of(cell: object, content: Mapping[str, str]) -> list[Message] | None:
    """The label in a cell; where that is the conversation itself, only if it is whole. Raises UserError."""
    told = RULES.parse(cell)
    same = told is not None and told == messages(content.get("messages", ""))
    return None if told is None or (same and not whole(told)) else told


def messages(text: str) -> list[Message]:
    """The messages of a row; a text that holds none is what a user says."""
    try:
        told = RULES.parse(text)
    except UserError:
        told = [{"role": "user", "content": text}]
    return told or []


def asks(content: Mapping[str, str]) -> list[Message]:
    """A row's conversation up to where it is to be answered."""
    told = messages(content.get("messages", ""))
    while told and told[-1].get("role") == ANSWERS:
        told.pop()
    return told


def in_line(content: Mapping[str, str]) -> str:
    """What is said, from the first question on."""
    told = messages(content.get("messages", ""))
    return " · ".join(said(one) for one in told if one.get("role") != "system") or " · ".join(map(said, told))


def file_cells(
    content: Mapping[str, str], named: Any | None, form: str, extra: Mapping[str, str]
) -> dict[str, object] | None:
    """A row for a file. Formats of conversations have what stands: the label, or else the conversation as it came."""
    came = messages(content.get("messages", ""))
    others: dict[str, object] = {name: value for name, value in extra.items() if name not in ("messages", "label")}
    if form not in CONVERSATIONS:
        # a label that is none is named in JSON, as readers see columns in the first rows
        there = named is not None or form in ("json", "jsonl")
        label = {"label": _json(named) if form in FLAT else named} if there else {}
        return {"messages": came, **label, **others}
    told = came if named is None else named
    if form == "messages" and isinstance(others.get("tools"), str):
        others["tools"] = _tools(str(others["tools"]))
    if _instruction(others) not in [one.get("content") for one in told if one.get("role") == "user"][-1:]:
        # what is said by now goes before the instruction and input that it once was in Alpaca's file
        others = {name: value for name, value in others.items() if name not in INSTRUCTION}
    return {"messages": told, **others}


def _instruction(others: Mapping[str, object]) -> str:
    return "\n".join(str(others.get(name, "")) for name in INSTRUCTION)


def _tools(text: str) -> object:
    """OpenAI's files have tools as a list, ShareGPT's as text; a row keeps the text."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return told if isinstance(told, list) else text


def _json(told: object) -> str:
    return json.dumps(told, ensure_ascii=False)


def _line(text: str) -> str:
    return " ".join(text[: 2 * SHOWN].split())[:SHOWN]


RULES = Conversation()
