"""Turns of a conversation: messages with role and content, as OpenAI's API has them, and ShareGPT's from and value."""

from __future__ import annotations

import json
from collections.abc import Mapping

from desktop_llm.data.shapes.shape import Cells, Misfit

ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "system": "system",
    "observation": "tool",
    "tool": "tool",
}
SPEAKERS = {"user": "human", "assistant": "gpt", "tool": "observation"}
CALL = "function_call"


def is_messages(value: object) -> bool:
    """Whether this is a list of messages with roles."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) and "role" in one for one in value)


def is_turns(value: object) -> bool:
    """Whether this is a list of ShareGPT's turns."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) and "from" in one for one in value)


def messages(value: object, what: str) -> list[Cells]:
    """Messages as they are, the one text of a content in parts as that text. Raises Misfit."""
    if not isinstance(value, list):
        raise Misfit(f"its “{what}” is not a list of messages")
    return [_message(one) for one in value]


def _message(one: object) -> Cells:
    if not isinstance(one, Mapping) or not isinstance(one.get("role"), str):
        raise Misfit("a message has no role")
    if "content" not in one and "tool_calls" not in one:
        raise Misfit(f"a message of {one['role']} has neither content nor tool calls")
    content = one.get("content")
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], Mapping):
        part = content[0]
        named = [name for name in part if name != "type"]
        if part.get("type") == "text" and named in (["text"], ["value"]) and isinstance(part[named[0]], str):
            return {**one, "content": part[named[0]]}
    if not isinstance(content, str | list | None):
        raise Misfit(f"the content of a message of {one['role']} is not text")
    return dict(one)


def from_turns(value: object, what: str) -> list[Cells]:
    """ShareGPT's turns as messages; a call of a function becomes a tool call. Raises Misfit."""
    if not isinstance(value, list):
        raise Misfit(f"its “{what}” is not a list of turns")
    return [from_turn(one) for one in value]


def from_turn(one: object) -> Cells:
    """A turn as a message. Raises Misfit."""
    if not isinstance(one, Mapping) or not isinstance(one.get("from"), str) or "value" not in one:
        raise Misfit("a turn has no “from” and “value”")
    speaker, said = str(one["from"]), one["value"]
    more = {name: kept for name, kept in one.items() if name not in ("from", "value")}
    calls = _calls(said) if speaker == CALL else None
    if calls is not None:
        return {"role": "assistant", "content": "", **more, "tool_calls": calls}
    if not isinstance(said, str | list):
        raise Misfit(f"what {speaker} says is not text")
    return {"role": ROLES.get(speaker, speaker), "content": said, **more}


def to_turn(message: Mapping[str, object]) -> Cells:
    """A message as a turn of ShareGPT's. Raises Misfit."""
    role = message.get("role")
    if not isinstance(role, str):
        raise Misfit("a message has no role")
    more = {name: kept for name, kept in message.items() if name not in ("role", "content")}
    calls = more.pop("tool_calls", None)
    content = message.get("content", "")
    if calls is None:
        return {"from": SPEAKERS.get(role, role), "value": content, **more}
    if not isinstance(calls, list) or role != "assistant":
        raise Misfit("its tool calls are not a list of an assistant's")
    told = [_told_call(call) for call in calls]
    said = json.dumps(told[0] if len(told) == 1 else told, ensure_ascii=False)
    return {"from": CALL, "value": said, **more, **({} if content == "" else {"content": content})}


def _calls(said: object) -> list[Cells] | None:
    """The tool calls that a turn's JSON says; None when it says none."""
    try:
        told = json.loads(said) if isinstance(said, str) else said
    except (ValueError, RecursionError):
        return None
    listed = told if isinstance(told, list) else [told]
    named = [one for one in listed if isinstance(one, Mapping) and isinstance(one.get("name"), str)]
    return [_call(one) for one in named] if named and len(named) == len(listed) else None


def _call(one: Mapping[str, object]) -> Cells:
    """OpenAI's API has a call's arguments as JSON text."""
    arguments = one.get("arguments", {})
    told = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    more = {name: kept for name, kept in one.items() if name not in ("name", "arguments")}
    return {**more, "type": "function", "function": {"name": one["name"], "arguments": told}}


def _told_call(call: object) -> Cells:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise Misfit("a tool call names no function")
    arguments = function.get("arguments", "{}")
    try:
        parsed = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        parsed = arguments
    same = not isinstance(parsed, str) and json.dumps(parsed, ensure_ascii=False) == arguments
    more = {name: kept for name, kept in call.items() if name not in ("type", "function")}
    return {"name": function["name"], "arguments": parsed if same else arguments, **more}
