"""Labels that are lists, while an import is written: their classes are gathered, then written in order."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop_llm.store.keys import Integers


class Listed:
    """The classes of rows whose stored label is a list; single classes are left to others."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.there = False
        """Whether any label so far was a list: until then nothing is looked at row by row."""
        self._classes, self._items = array("q"), array("q")

    def notice(self, value: str | None) -> None:
        """A stored label that is new to the import."""
        self.there = self.there or is_list(value)

    def add(self, first: int, values: Sequence[str | None]) -> None:
        """The stored labels of the rows from id `first` on."""
        if not self.there:
            return
        for item, value in enumerate(values, first):
            if value is not None and is_list(value):
                told = [one[2] if isinstance(one, list) else one for one in json.loads(value)]
                classes = sorted({one for one in told if type(one) is int})
                self._classes.extend(classes)
                self._items.extend([item] * len(classes))

    def __len__(self) -> int:
        """The number of pairs that wait."""
        return len(self._classes)

    def taken(self) -> tuple[Integers, Integers]:
        """Classes and their rows, in that order; they wait no longer."""
        import numpy as np

        classes, items = np.array(self._classes, np.int64), np.array(self._items, np.int64)
        order = np.lexsort((items, classes))
        self._classes, self._items = array("q"), array("q")
        return classes[order], items[order]


def is_list(value: str | None) -> bool:
    """Whether a stored label is a list."""
    return value is not None and value.startswith("[")
