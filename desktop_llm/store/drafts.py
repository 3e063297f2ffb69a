"""Labels that somebody has begun to say where a whole one is asked for: second opinions, and decisions in a dispute.

They are no entries of a row's history, as nothing is said yet; they wait for who comes back, after any restart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from desktop_llm.rows import Show
from desktop_llm.store.connection import Connections
from desktop_llm.store.labels import PATIENCE_SECONDS
from desktop_llm.store.notes import Notes, key

NOTE = "drafts"
Drafts = dict[tuple[Show, int], Any]
"""Stored label values by what is shown, and row."""


class KeptDrafts:
    """Reads and keeps the drafts of each labeler."""

    def __init__(self, connections: Connections, notes: Notes) -> None:
        """`connections` and `notes` of the project."""
        self._connections, self._notes = connections, notes

    def of(self, labeler: str) -> Drafts:
        """Those of a labeler."""
        return {(show, item): value for show, item, value in self._all().get(labeler, [])}

    def put(self, labeler: str, drafts: Drafts) -> None:
        """Keep these, and no others of this labeler. Raises UserError."""
        self._write({**self._all(), labeler: [[*place, value] for place, value in drafts.items()]})

    def rename(self, old: str, new: str) -> None:
        """What `old` has begun to say is `new`'s, but where that one has begun, too. Raises UserError."""
        drafts = {**self.of(old), **self.of(new)}
        if drafts != self.of(new):
            self._write({name: some for name, some in self._all().items() if name != old})
            self.put(new, drafts)

    def rewrite(self, change: Callable[[Any], Any]) -> None:
        """Let all drafts of everybody say what `change` makes of their values. Raises UserError."""
        before = self._all()
        after = {name: [[show, item, change(value)] for show, item, value in some] for name, some in before.items()}
        if after != before:
            self._write(after)

    def _all(self) -> dict[str, list[Any]]:
        told: dict[str, list[Any]] = self._notes.get(NOTE, default={})
        return told

    def _write(self, told: Mapping[str, list[Any]]) -> None:
        text = json.dumps({name: some for name, some in told.items() if some}, ensure_ascii=False)
        with self._connections.writing(patience=PATIENCE_SECONDS) as connection:
            connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key(NOTE), text))
