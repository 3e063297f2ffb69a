"""The one line of what was done with labels, one by one and together: what is undone next, and done again next.

The newest goes first, whichever of the two it was. An operation has its place in line by the history's last entry when
it was done; what is done anew takes all that was undone before it out of the line.
"""

from __future__ import annotations

from dataclasses import dataclass

from desktop_llm.store.connection import Connections

SINGLE_DONE = (
    "SELECT id, item FROM label_history INDEXED BY history_to_undo WHERE undone = 0 AND origin <> 'import'"
    " ORDER BY id DESC LIMIT 1"
)
SINGLE_UNDONE = "SELECT id, item FROM label_history INDEXED BY history_to_redo WHERE undone = 1 ORDER BY id LIMIT 1"
TOGETHER = (
    "SELECT id, place, title, count FROM operations INDEXED BY operations_in_line"
    " WHERE place IS NOT NULL AND state = ? ORDER BY place {0}, id {0} LIMIT 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What comes next: the label of the row `item`, or else the `operation` with its title and number of rows."""

    item: int | None = None
    operation: int | None = None
    title: str = ""
    count: int = 1


class Undoing:
    """Says what is next; `Labels` and `Operations` do it."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def next_undo(self) -> Step | None:
        """What would be taken back: the newest that stands."""
        single = self._connections.row(SINGLE_DONE)
        together = self._connections.row(TOGETHER.format("DESC"), ("done",))
        # an operation's place is an entry that was there when it ended: it came after that entry
        if together is not None and (single is None or together[1] >= single[0]):
            return Step(operation=together[0], title=together[2], count=together[3])
        return None if single is None else Step(item=single[1])

    def next_redo(self) -> Step | None:
        """What would be done again: the oldest that was undone, and nothing is done after it."""
        single = self._connections.row(SINGLE_UNDONE)
        together = self._connections.row(TOGETHER.format("ASC"), ("undone",))
        if together is not None and (single is None or together[1] < single[0]):
            return Step(operation=together[0], title=together[2], count=together[3])
        return None if single is None else Step(item=single[1])
