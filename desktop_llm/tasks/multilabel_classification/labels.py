"""A label of this task: any classes of many, perhaps none. Stored as their ids, named as their names, both in order."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from desktop_llm.errors import UserError

LONGEST_NAME = 200
NONE = "none of them"
"""How a label without any class is shown: it is one, other than no label."""


class AnyOfMany:
    """The rules of several labels per text."""

    def parse(self, cell: object) -> list[str] | None:
        """The class names in a cell, each once, in alphabetical order; None when it is empty. Raises UserError.

        A list, also as JSON or as Python writes it, holds names: an empty one says that none applies. Any other text
        is one name.
        """
        if cell is None:
            return None
        if isinstance(cell, str):
            told = _listed(cell)
            cell = [cell] if told is None and cell.strip() else told
        if cell is None:
            return None
        if not isinstance(cell, list):
            cell = [cell]
        return sorted({name for one in cell if (name := _name(one))})

    def renamed(self, named: Any, names: Mapping[str, str]) -> list[str]:
        """The classes' new names; those that have become one stand there once."""
        return sorted({names.get(name, name) for name in named})

    def names(self, named: Any) -> tuple[str, ...]:
        """All of the class names."""
        return tuple(named)

    def to_value(self, named: Any, numbers: Mapping[str, int]) -> list[int]:
        """The class ids in their order, so that equal labels are stored alike. Raises UserError."""
        unknown = next((name for name in named if name not in numbers), None)
        if unknown is not None:
            raise UserError(f"The project has no label “{unknown}”; add it first.")
        return sorted({numbers[name] for name in named})

    def to_named(self, value: Any, names: Mapping[int, str]) -> list[str]:
        """The class names in alphabetical order. Raises UserError for an id the project does not have."""
        gone = next((one for one in value if one not in names), None)
        if gone is not None:
            raise UserError(f"The project has no label number {gone}.")
        return sorted(names[one] for one in value)

    def text(self, value: Any, names: Mapping[int, str]) -> str:
        """The names with a comma between, a question mark for a class that is gone; NONE for an empty list."""
        return ", ".join(names.get(one, "?") for one in value) or NONE

    def stratum(self, named: Any) -> str:
        """All names together; NONE without any."""
        return ", ".join(named) or NONE

    def trainable(self, counts: Mapping[str, int]) -> None:
        """Some label must be on some texts and missing on others. Raises UserError."""
        used = {name: count for name, count in counts.items() if count}
        classes = [name for name in used if name != NONE]
        if not classes:
            raise UserError("No text has a label yet; label at least two texts, and one of them with another label.")
        if len(used) == 1:
            raise UserError(
                f"All labeled texts have the label “{classes[0]}” and nothing else; "
                "label some texts otherwise, a model learns from the difference."
            )
        if max(used[name] for name in classes) < 2:
            raise UserError(
                "Every label is on one text only; label at least two texts with the same label, "
                "one to learn from and one to check with."
            )


def _listed(text: str) -> list[Any] | None:
    """The list that a text is; None for other texts."""
    if not text.lstrip().startswith("["):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            told = read(text.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(told, list):
            return told
    return None


def _name(one: object) -> str:
    """A class name; '' for nothing. Raises UserError."""
    if isinstance(one, bool):
        return "true" if one else "false"
    if isinstance(one, list | dict):
        raise UserError("its labels are not a list of names")
    name = "" if one is None else " ".join(str(one).split())
    if len(name) > LONGEST_NAME:
        raise UserError(f"a label has {len(name)} characters; at most {LONGEST_NAME} make a name")
    return name


RULES = AnyOfMany()
