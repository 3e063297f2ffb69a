"""Filters that a person has given a name, kept in the project."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from desktop_llm.errors import UserError
from desktop_llm.rows import Filter
from desktop_llm.store.connection import Connections

KEY = "filters"
LONGEST_NAME = 60


class SavedFilters:
    """Reads and keeps filters by name."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def all(self) -> dict[str, Filter]:
        """All of them, by name in its alphabetical order; what another version wrote and this one cannot say is out."""
        row = self._connections.row("SELECT value FROM meta WHERE key = ?", (KEY,))
        told: dict[str, dict[str, Any]] = json.loads(row[0]) if row else {}
        known = {one.name for one in fields(Filter)}
        return {
            name: Filter(**values)
            for name, values in sorted(told.items(), key=lambda pair: pair[0].casefold())
            if known.issuperset(values)
        }

    def put(self, name: str, told: Filter) -> None:
        """Keep a filter under a name, in place of one that has it. Raises UserError for a name that is none."""
        name = " ".join(name.split())
        if not name or len(name) > LONGEST_NAME:
            raise UserError(f"A filter needs a name of 1 to {LONGEST_NAME} characters.")
        if told.found:
            raise UserError("These rows were found just now by their profile; no filter can tell them later.")
        empty = asdict(Filter())
        self._change(name, {key: value for key, value in asdict(told).items() if value != empty[key]})

    def remove(self, name: str) -> None:
        """Forget one."""
        self._change(name, None)

    def _change(self, name: str, values: dict[str, Any] | None) -> None:
        with self._connections.writing() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (KEY,)).fetchone()
            told = json.loads(row[0]) if row else {}
            told.pop(name, None)
            if values is not None:
                told[name] = values
            text = json.dumps(told, ensure_ascii=False)
            connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (KEY, text))
