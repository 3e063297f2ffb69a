"""What an import brings of texts that the project has: they are found by their keys, and only their labels count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError, from_os_error
from desktop_llm.rows import Batch
from desktop_llm.store.connection import Connections
from desktop_llm.store.staging import Staging

if TYPE_CHECKING:
    from desktop_llm.store.keys import Integers

ASKED_AT_ONCE = 500
ASKED_SINGLY = 5_000
"""Keys of an import that SQLite looks up; for further ones those that are here are kept at hand, if they are few."""
MOST_AT_HAND = 1_000_000
"""In 8 MB."""
ENDS = 1 << 16
"""How many ends of keys are told apart, at first."""

Placed = Callable[[Any, str, str], Any]
"""Brings a label (in names) of the file's main text to the one that is here. Raises UserError where it has no place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relabeled:
    """A batch with the labels of known texts as the texts here have them; `unfit` labels have no place in them."""

    batch: Batch
    unfit: int


class AtHand:
    """Keys in memory."""

    def __init__(self, keys: Integers) -> None:
        """`keys` in their order."""
        import numpy as np

        self._keys = keys
        self._ends = np.zeros(ENDS, np.bool_)
        self._ends[keys & ENDS - 1] = True

    def among(self, told: Integers) -> Integers:
        """Those of these keys that are at hand."""
        import numpy as np

        likely: Integers = told[self._ends[told & ENDS - 1]]  # nearly none where few are at hand
        if not len(likely):
            return likely
        found: Integers = likely[self._keys[np.searchsorted(self._keys[:-1], likely)] == likely]
        return found


class Known:
    """The texts that were here before the import; `close` it in the end."""

    def __init__(self, connections: Connections, stop: Callable[[], bool], placed: Placed | None) -> None:
        """`placed` is for labels that speak of places, where a text may have been changed since. Raises UserError."""
        self._connections, self._stop, self._placed = connections, stop, placed
        self._any = connections.row("SELECT 1 FROM keys LIMIT 1") is not None
        self._staging: Staging | None = None
        self._asked = 0
        self._at_hand: AtHand | None = None

    def rows(self, told: Integers) -> dict[int, int]:
        """The rows that have these keys, by key. Raises UserError.

        One that came while the import goes on may be missed; `Settling` finds it in the end.
        """
        found: dict[int, int] = {}
        keys = self._likely(told)
        for start in range(0, len(keys), ASKED_AT_ONCE):
            part = keys[start : start + ASKED_AT_ONCE]
            marks = ",".join("?" * len(part))
            found.update(self._connections.rows(f"SELECT key, item FROM keys WHERE key IN ({marks})", part))
        return found

    def relabeled(self, batch: Batch, keys: Sequence[int], known: Mapping[int, int]) -> Relabeled:
        """The batch with labels that fit the texts that are here. Raises UserError."""
        if self._placed is None:
            return Relabeled(batch=batch, unfit=0)
        labels, unfit = list(batch.labels), 0
        there = [place for place, key in enumerate(keys) if key in known and labels[place] is not None]
        texts: dict[int, str] = {}
        for start in range(0, len(there), ASKED_AT_ONCE):
            part = [known[keys[place]] for place in there[start : start + ASKED_AT_ONCE]]
            marks = ",".join("?" * len(part))
            texts.update(self._connections.rows(f"SELECT id, text FROM items WHERE id IN ({marks})", part))
        for place in there:
            here = texts.get(known[keys[place]])
            if here is not None and here != batch.texts[place]:
                try:
                    labels[place] = self._placed(labels[place], batch.texts[place], here)
                except UserError:
                    labels[place] = None
                    unfit += 1
        return Relabeled(batch=replace(batch, labels=labels), unfit=unfit)

    def note(self, keys: Sequence[int], values: Sequence[str | None], known: Mapping[int, int]) -> None:
        """Keep the stored labels that known texts have in the file. Raises UserError, sqlite3.Error."""
        if self._staging is None:
            self._staging = self._opened()
        told = [(known[key], value) for key, value in zip(keys, values, strict=True) if key in known]
        self._staging.add_known(told)

    @property
    def staging(self) -> Staging | None:
        """Where these labels are; None when no known text came."""
        return self._staging

    def close(self) -> None:
        """Leave no file behind."""
        if self._staging is not None:
            self._staging.remove()

    def _likely(self, told: Integers) -> list[int]:
        """Those of some keys that may be here: asking SQLite for each takes as long as writing its text."""
        if not self._any:
            return []
        if self._asked <= ASKED_SINGLY < self._asked + len(told):
            self._at_hand = self._all()
        self._asked += len(told)
        likely = told
        if self._at_hand is not None:
            likely = self._at_hand.among(told)
        keys: list[int] = likely.tolist()
        return keys

    def _all(self) -> AtHand | None:
        """All keys that are here, in their order; None where they are many."""
        import numpy as np

        many = f"SELECT 1 FROM keys LIMIT 1 OFFSET {MOST_AT_HAND}"
        with self._connections.reading() as connection:
            if connection.execute(many).fetchone() is not None:
                return None
            keys = connection.execute("SELECT key FROM keys ORDER BY key")
            return AtHand(np.fromiter((key for (key,) in keys), np.int64))

    def _opened(self) -> Staging:
        try:
            return Staging(self._connections.path, self._stop)
        except OSError as error:
            raise from_os_error(error, "gather the labels beside", self._connections.path) from error
