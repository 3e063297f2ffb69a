"""A label of this task: one level of a scale. Stored as the class id; the classes' order is that of the levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop_llm.errors import UserError

LONGEST_NAME = 200


class OneLevel:
    """The rules of one level per text."""

    def parse(self, cell: object) -> str | None:
        """The level's name in a cell; None when it is empty. “4.0” is the level “4”. Raises UserError."""
        if isinstance(cell, list) and len(cell) == 1:
            cell = cell[0]
        if cell is None or cell == []:
            return None
        if isinstance(cell, list | dict | bool):
            raise UserError("the level is not a single name or number")
        name = " ".join(str(cell).split())
        if len(name) > LONGEST_NAME:
            raise UserError(f"the level has {len(name)} characters; at most {LONGEST_NAME} make a name")
        return _whole(name) or None

    def renamed(self, named: Any, names: Mapping[str, str]) -> str:
        """The level's new name."""
        return names.get(named, named)

    def names(self, named: Any) -> tuple[str, ...]:
        """The one name."""
        return (named,)

    def to_value(self, named: Any, numbers: Mapping[str, int]) -> int:
        """The class id. Raises UserError for a name the project does not have."""
        if named not in numbers:
            raise UserError(f"The project has no level “{named}”; add it first.")
        return numbers[named]

    def to_named(self, value: Any, names: Mapping[int, str]) -> str:
        """The level's name. Raises UserError for an id the project does not have."""
        if value not in names:
            raise UserError(f"The project has no level number {value}.")
        return names[value]

    def text(self, value: Any, names: Mapping[int, str]) -> str:
        """The level's name, or a question mark for one that is gone."""
        return names.get(value, "?")

    def stratum(self, named: Any) -> str:
        """The level itself."""
        return str(named)

    def trainable(self, counts: Mapping[str, int]) -> None:
        """Two levels are needed, and two texts with one of them. Raises UserError."""
        used = {name: count for name, count in counts.items() if count}
        if not used:
            raise UserError("There are no labeled texts yet; give at least some texts two different levels.")
        if len(used) == 1:
            raise UserError(
                f"All {sum(used.values()):,} labeled texts have the level “{next(iter(used))}”; "
                "give some texts another level, a model needs at least two."
            )
        if max(used.values()) < 2:
            raise UserError(
                "No two texts have the same level; label some more, one to learn from and one to check with."
            )


def _whole(name: str) -> str:
    """“4.0” as “4”: tables with gaps write whole numbers so."""
    head, point, tail = name.partition(".")
    return head if point and tail and not tail.strip("0") and head.lstrip("+-").isdecimal() else name


RULES = OneLevel()
