"""A label of this task: the better answer, "a" or "b", or "tie", or "both bad". Stored and named as itself.

It tells the answer, not the side on which somebody saw it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from desktop_llm.errors import UserError

A, B, TIE, BAD = "a", "b", "tie", "both bad"
CHOICES = (A, B, TIE, BAD)
ANSWERS = "assistant"
WORDS = {
    **{one: one for one in CHOICES},
    **{f"{what} {one}": one for what in ("answer", "response", "model", "output", "completion") for one in (A, B)},
    "both": TIE,
    "equal": TIE,
    "same": TIE,
    "both good": TIE,
    "tie (bothbad)": BAD,
    "bothbad": BAD,
    "bad": BAD,
    "neither": BAD,
}
"""What files say, in small letters and with spaces, and what it means; “tie (bothbad)” is the LMSYS arena's."""


class Better:
    """The rules of a choice between two answers."""

    def parse(self, cell: object) -> str | None:
        """The choice that a cell names; None when it is empty. Raises UserError."""
        if cell is None:
            return None
        word = " ".join(str(cell).replace("_", " ").split()).casefold()
        if word and word not in WORDS:
            raise UserError(f"“{str(cell)[:40]}” says neither which answer is better, nor tie, nor both bad")
        return WORDS.get(word)

    def renamed(self, named: Any, names: Mapping[str, str]) -> str:
        """As it was: it names no class."""
        return str(named)

    def names(self, named: Any) -> tuple[str, ...]:
        """None."""
        return ()

    def to_value(self, named: Any, numbers: Mapping[str, int]) -> str:
        """The choice. Raises UserError where it is none."""
        if named not in CHOICES:
            raise UserError(f"A choice is one of {', '.join(CHOICES)}.")
        return str(named)

    def to_named(self, value: Any, names: Mapping[int, str]) -> str:
        """The choice. Raises UserError where it is none."""
        return self.to_value(value, {})

    def text(self, value: Any, names: Mapping[int, str]) -> str:
        """In capitals where it is an answer."""
        return str(value).upper() if value in (A, B) else str(value)

    def stratum(self, named: Any) -> str:
        """The choice."""
        return self.text(named, {})

    def trainable(self, counts: Mapping[str, int]) -> None:
        """Raise UserError where of no pair one answer is better."""
        if not any(counts.get(self.text(one, {})) for one in (A, B)):
            raise UserError("Of no pair one answer is better yet; choose some in Label, or import some.")


def label_of(cell: object, content: Mapping[str, str]) -> str | None:
    """The choice: the better answer itself, as the column `chosen` has it, or its name. Raises UserError."""
    told = cell.replace("\r\n", "\n").strip() if isinstance(cell, str) else cell
    for name in (A, B):
        answer = content.get(name, "")
        if answer and told == (messages(answer) if isinstance(told, list) else answer):
            return name
    return RULES.parse(cell)


def in_line(content: Mapping[str, str]) -> str:
    """What was asked."""
    return _readable(content.get("prompt", ""))


def _readable(text: str) -> str:
    told = messages(text)
    return text if told is None else " · ".join(str(one.get("content") or "") for one in told)


def messages(text: str) -> list[dict[str, Any]] | None:
    """The messages that a text holds as JSON; None where it is just a text."""
    if not text.startswith("[{"):
        return None
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    fits = isinstance(told, list) and all(isinstance(one, dict) and "role" in one for one in told)
    return told if fits else None


def prompt_of(text: str) -> list[dict[str, Any]]:
    """A prompt as messages; a text is what a user says."""
    told = messages(text)
    return [{"role": "user", "content": text}] if told is None else told


def asks(content: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row's prompt as messages; none where it is empty."""
    text = content.get("prompt", "")
    return prompt_of(text) if text.strip() else []


def compared(content: Mapping[str, str], a: str, b: str, better: str) -> tuple[dict[str, str], str]:
    """A row of two other answers to the same prompt, and its label."""
    return {"prompt": content.get("prompt", ""), A: a, B: b}, better


def spoken(text: str, asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """An answer as messages, up to the last that says something; empty where none does.

    Some files repeat in it what was `asked`.
    """
    told = messages(text)
    if told is None:
        return [{"role": ANSWERS, "content": text.strip()}] if text.strip() else []
    if told[: len(asked)] == list(asked):
        told = told[len(asked) :]
    while told and (told[-1].get("role") != ANSWERS or not _says(told[-1])):
        told.pop()
    return told


def _says(message: Mapping[str, Any]) -> bool:
    return bool(str(message.get("content") or "").strip() or message.get("tool_calls"))


def file_cells(
    content: Mapping[str, str], named: Any | None, form: str, extra: Mapping[str, str]
) -> dict[str, object] | None:
    """A row for a file; among preferences are those that were decided alone."""
    row: dict[str, object] = {**content, "prompt": _said(content.get("prompt", ""))}
    if form == "preference":
        if named not in (A, B):
            return None
        parts = (("prompt", "prompt"), ("chosen", named), ("rejected", B if named == A else A))
        row = {name: _said(content.get(field, "")) for name, field in parts}
    elif named is not None or form in ("json", "jsonl"):  # named in JSON even if none, as the first rows tell columns
        row["label"] = named
    return {**row, **{name: value for name, value in extra.items() if name not in row}}


def _said(text: str) -> object:
    told = messages(text)
    return text if told is None else told


RULES = Better()
