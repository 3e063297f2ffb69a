"""How to label: a text for the project and one for each class. Whoever changes one makes a new version of the whole."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime

from desktop_llm.errors import UserError
from desktop_llm.rows import Changes, Guideline
from desktop_llm.store.connection import Connections

CHANGED = Changes(classes=True)
LONGEST = 100_000
COLUMNS = "SELECT version, text, descriptions, at, labeler FROM guidelines"


class Guidelines:
    """Reads and writes the guideline; every version stays."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def current(self) -> int:
        """The number of the newest version; 0 before anything is written."""
        row = self._connections.row("SELECT COALESCE(MAX(version), 0) FROM guidelines")
        return int(row[0]) if row else 0

    def get(self, version: int | None = None) -> Guideline:
        """A version, the newest when not told. Raises UserError for one that there is not."""
        number = self.current() if version is None else version
        row = self._connections.row(f"{COLUMNS} WHERE version = ?", (number,))
        if row is None and number:
            raise UserError(f"There is no version {number} of the guideline.")
        return _guideline(row) if row else Guideline(version=0, text="", descriptions={}, at="", labeler="")

    def all(self) -> list[Guideline]:
        """All versions, the newest first."""
        return [_guideline(row) for row in self._connections.rows(f"{COLUMNS} ORDER BY version DESC")]

    def write(self, text: str, labeler: str = "") -> Changes:
        """Change the project's text. Raises UserError."""
        with self._connections.writing() as connection:
            old = connection.execute("SELECT text FROM guidelines ORDER BY version DESC LIMIT 1").fetchone()
            if _checked(text) == (old[0] if old else ""):
                return Changes()
            _add(connection, text, labeler)
        return CHANGED

    def describe(self, class_id: int, description: str, labeler: str = "") -> Changes:
        """Change what a class means. Raises UserError."""
        with self._connections.writing() as connection:
            row = connection.execute("SELECT description FROM classes WHERE id = ?", (class_id,)).fetchone()
            if row is None:
                raise UserError(f"The project has no label number {class_id}.")
            if row[0] == _checked(description):
                return Changes()
            connection.execute("UPDATE classes SET description = ? WHERE id = ?", (description, class_id))
            old = connection.execute("SELECT text FROM guidelines ORDER BY version DESC LIMIT 1").fetchone()
            _add(connection, old[0] if old else "", labeler)
        return CHANGED


def _checked(text: str) -> str:
    if len(text) > LONGEST:
        raise UserError(f"The text has {len(text):,} characters; at most {LONGEST:,} are kept.")
    return text


def _add(connection: sqlite3.Connection, text: str, labeler: str) -> None:
    told = dict(connection.execute("SELECT id, description FROM classes WHERE description <> '' ORDER BY id"))
    connection.execute(
        "INSERT INTO guidelines (text, descriptions, at, labeler) VALUES (?, ?, ?, ?)",
        (text, json.dumps(told, ensure_ascii=False), datetime.now(UTC).isoformat(timespec="milliseconds"), labeler),
    )


def _guideline(row: tuple[int, str, str, str, str]) -> Guideline:
    told = {int(number): text for number, text in json.loads(row[2]).items()}
    return Guideline(version=row[0], text=row[1], descriptions=told, at=row[3], labeler=row[4])
