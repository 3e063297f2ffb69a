"""A label of this task: the text that the row's text is to become. Stored and named as itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop_llm.errors import UserError
from desktop_llm.jobs.generation import Sampling

SHOWN = 200
WRITTEN = "written"
"""The one stratum: there is nothing to spread texts evenly by."""
CONVERSATIONS = frozenset(("alpaca", "sharegpt", "messages"))
TEXTS = frozenset(("text", "paragraphs"))
SAMPLING = Sampling(temperature=0.0, top_p=1.0, top_k=0, repetition_penalty=1.0, num_beams=4)
"""How models of this task usually write: nothing is left to chance."""


class OneText:
    """The rules of a text for a text."""

    def parse(self, cell: object) -> str | None:
        """The text in a cell, without outer space; None when it is empty. Raises UserError."""
        if isinstance(cell, list) and len(cell) <= 1:
            return self.parse(cell[0]) if cell else None
        if isinstance(cell, list):
            raise UserError(f"it has {len(cell)} texts to become; a row of this task has one")
        if cell is not None and not isinstance(cell, str | int | float):
            raise UserError("what it is to become is not a text")
        return _plain("" if cell is None else str(cell)) or None

    def renamed(self, named: Any, names: Mapping[str, str]) -> Any:
        """As it was: it names no class."""
        return named

    def names(self, named: Any) -> tuple[str, ...]:
        """None."""
        return ()

    def to_value(self, named: Any, numbers: Mapping[str, int]) -> str:
        """The text. Raises UserError where it is none, or says nothing."""
        if not isinstance(named, str):
            raise UserError("What a text is to become is a text.")
        if not named.strip():
            raise UserError("What a text is to become is empty; write it.")
        return named

    def to_named(self, value: Any, names: Mapping[int, str]) -> str:
        """The text. Raises UserError where it is none."""
        return self.to_value(value, {})

    def text(self, value: Any, names: Mapping[int, str]) -> str:
        """Its beginning on one line; '' where a model was not asked."""
        return "" if value is None else " ".join(str(value)[: 2 * SHOWN].split())[:SHOWN]

    def stratum(self, named: Any) -> str:
        """The same for all."""
        return WRITTEN

    def trainable(self, counts: Mapping[str, int]) -> None:
        """Raise UserError where nothing is written yet."""
        if not sum(counts.values()):
            raise UserError(
                "There is nothing to learn from yet; write in Label what texts become, or import pairs of texts."
            )


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def asked_text(row: Mapping[str, Any]) -> str:
    """What a model reads of a row: the text, and below it the instruction or context, where there is one."""
    source, context = str(row.get("source") or ""), str(row.get("context") or "")
    return f"{source}\n{context}" if context else source


def in_line(content: Mapping[str, str]) -> str:
    """The text alone."""
    return content.get("source", "")


def file_cells(
    content: Mapping[str, str], named: Any | None, form: str, extra: Mapping[str, str]
) -> dict[str, object] | None:
    """A row for a file; conversations are made of those that have been written alone."""
    source, context = content.get("source", ""), content.get("context", "")
    if form in TEXTS:
        return {"text": source}
    if form in CONVERSATIONS:
        if named is None:
            return None
        asked = asked_text(content)
        told: dict[str, object] = {
            "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": named}]
        }
        more = {"instruction": source, "input": context} if context and form == "alpaca" else {}
        return {**_beside(extra, told), **told, **more}
    # what is not written yet is named in JSON, as readers see columns in the first rows
    there = named is not None or form in ("json", "jsonl")
    row: dict[str, object] = {**content, **({"target": named} if there else {})}
    return {**row, **_beside(extra, row)}


def _beside(extra: Mapping[str, str], row: Mapping[str, object]) -> dict[str, str]:
    return {name: value for name, value in extra.items() if name not in row}


RULES = OneText()
