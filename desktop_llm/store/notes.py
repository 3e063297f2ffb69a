"""What a project remembers beside its rows: small values by name, and its secret."""

from __future__ import annotations

import json
import secrets
from typing import Any

from desktop_llm.store.connection import Connections

SECRET = "secret"
SECRET_BYTES = 32


class Notes:
    """Reads and keeps JSON values by name."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def get(self, name: str, default: Any) -> Any:
        """A value, `default` where there is none."""
        row = self._connections.row("SELECT value FROM meta WHERE key = ?", (key(name),))
        return default if row is None else json.loads(row[0])

    def put(self, name: str, value: Any) -> None:
        """Keep a value. Raises UserError."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        with self._connections.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key(name), text))

    def secret(self) -> bytes:
        """32 random bytes of the project's own, made when they are first needed. Raises UserError."""
        row = self._connections.row("SELECT value FROM meta WHERE key = ?", (SECRET,))
        if row is None:
            drawn = secrets.token_hex(SECRET_BYTES)
            with self._connections.writing() as connection:
                connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)", (SECRET, drawn))
            row = self._connections.row("SELECT value FROM meta WHERE key = ?", (SECRET,))
        assert row is not None
        return bytes.fromhex(row[0])


def key(name: str) -> str:
    """Under what a value is kept in `meta`."""
    return f"note.{name}"
