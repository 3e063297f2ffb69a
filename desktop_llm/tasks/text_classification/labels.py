"""A label of this task: one class of many. Stored as the class id, named as the class name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop_llm.errors import UserError

LONGEST_NAME = 200


class OneOfMany:
    """The rules of one label per text."""

    def parse(self, cell: object) -> str | None:
        """The class name in a cell: its text without outer space; None when it is empty. Raises UserError."""
        if cell is None:
            return None
        if isinstance(cell, bool):
            return "true" if cell else "false"
        if isinstance(cell, list) and len(cell) <= 1 and not any(isinstance(one, (list, dict)) for one in cell):
            return self.parse(cell[0]) if cell else None
        if isinstance(cell, list) and all(isinstance(one, str) for one in cell):
            raise UserError(f"it has {len(cell)} labels; a text of this task has one")
        if isinstance(cell, (list, dict)):
            raise UserError("the label is not a single name")
        name = " ".join(str(cell).split())
        if len(name) > LONGEST_NAME:
            raise UserError(f"the label has {len(name)} characters; at most {LONGEST_NAME} make a name")
        return name or None

    def renamed(self, named: Any, names: Mapping[str, str]) -> str:
        """The class's new name."""
        return names.get(named, named)

    def names(self, named: Any) -> tuple[str, ...]:
        """The one class name."""
        return (named,)

    def to_value(self, named: Any, numbers: Mapping[str, int]) -> int:
        """The class id. Raises UserError for a name the project does not have."""
        if named not in numbers:
            raise UserError(f"The project has no label “{named}”; add it first.")
        return numbers[named]

    def to_named(self, value: Any, names: Mapping[int, str]) -> str:
        """The class name. Raises UserError for an id the project does not have."""
        if value not in names:
            raise UserError(f"The project has no label number {value}.")
        return names[value]

    def text(self, value: Any, names: Mapping[int, str]) -> str:
        """The class name, or a question mark for a class that is gone."""
        return names.get(value, "?")

    def stratum(self, named: Any) -> str:
        """The class name itself."""
        return str(named)

    def trainable(self, counts: Mapping[str, int]) -> None:
        """At least two classes with at least two rows each are needed. Raises UserError."""
        used = {name: count for name, count in counts.items() if count}
        if not used:
            raise UserError("There are no labeled texts yet; label at least two texts of two different labels.")
        if len(used) == 1:
            raise UserError(
                f"All {sum(used.values()):,} labeled texts have the label “{next(iter(used))}”; "
                "label some texts with a second label, a model needs at least two."
            )
        if sum(used.values()) < 2 * len(used) or min(used.values()) < 2:
            few = min(used, key=lambda name: used[name])
            raise UserError(
                f"The label “{few}” has only {used[few]} labeled text; label at least two of each label, "
                "one to learn from and one to check with."
            )


RULES = OneOfMany()
