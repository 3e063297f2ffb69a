"""Labels of this task: there are none. A text is all there is to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop_llm.errors import UserError

ALL = "texts"


class NoLabel:
    """The rules of texts without labels."""

    def parse(self, cell: object) -> None:
        """Nothing, whatever the cell holds."""
        return

    def renamed(self, named: Any, names: Mapping[str, str]) -> Any:
        """As it is."""
        return named

    def names(self, named: Any) -> tuple[str, ...]:
        """None."""
        return ()

    def to_value(self, named: Any, numbers: Mapping[str, int]) -> Any:
        """Raises UserError."""
        raise UserError("Texts of this project need no label; there is nothing to give.")

    def to_named(self, value: Any, names: Mapping[int, str]) -> None:
        """None."""
        return

    def text(self, value: Any, names: Mapping[int, str]) -> str:
        """Nothing to show."""
        return ""

    def stratum(self, named: Any) -> str:
        """All texts are of one kind."""
        return ALL

    def trainable(self, counts: Mapping[str, int]) -> None:
        """Raise UserError where there is no text."""
        if not sum(counts.values()):
            raise UserError("There is nothing to learn from yet; import some texts.")


RULES = NoLabel()
