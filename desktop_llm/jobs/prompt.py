"""The prompt in which a text stands that a language model answers; a model that was taught one has it in its config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from desktop_llm.jobs import formats

KEY = "instruction"
"""Where a recipe and a model's config.json have it."""
TEXT, LABELS = "{text}", "{labels}"
"""In an instruction: where the text is to stand, and where the names of all labels."""


def told(config: Mapping[str, Any]) -> str | None:
    """The instruction by which the model of a config.json was taught; None where it was not by one."""
    found = config.get(KEY) if formats.goes_on(config) else None
    return found if isinstance(found, str) else None


def asked(instruction: str, text: str) -> str:
    """What a model is asked: the text where the instruction wants it, else below it."""
    if TEXT in instruction:
        return instruction.replace(TEXT, text)
    return f"{instruction}\n\n{text}" if instruction.strip() else text


def with_labels(instruction: str, labels: Sequence[str]) -> str:
    """An instruction that names all labels where it wants them."""
    return instruction.replace(LABELS, ", ".join(labels))
