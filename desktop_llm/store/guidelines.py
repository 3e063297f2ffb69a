"""How to label: a text for the project and one for each class. Whoever changes one makes a new version of the whole.

The newest version is the one with the latest time, and so the same in all copies of a project that know it; versions
are numbered as they came into this one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from desktop_llm.errors import UserError
from desktop_llm.rows import Changes, Guideline
from desktop_llm.store.connection import Connections
from desktop_llm.store.events import GUIDELINE, later, new_uid
from desktop_llm.store.guideline_joining import LONGEST, TEXT, GuidelineCopy, add, by_class, class_numbers, described

CHANGED = Changes(classes=True)
COLUMNS = "SELECT version, text, descriptions, at, labeler FROM guidelines"
NEWEST = "SELECT text, at FROM guidelines ORDER BY at DESC, uid DESC LIMIT 1"


class Guidelines:
    """Reads and writes the guideline; every version stays."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections

    def current(self) -> int:
        """The number of the newest version; 0 before anything is written."""
        row = self._connections.row(f"SELECT {GUIDELINE}")
        return int(row[0]) if row else 0

    def get(self, version: int | None = None) -> Guideline:
        """A version, the newest when not told. Raises UserError for one that there is not."""
        which = GUIDELINE if version is None else "?"
        with self._connections.reading() as connection:
            found = connection.execute(f"{COLUMNS} WHERE version = {which}", () if version is None else (version,))
            if row := found.fetchone():
                return _guideline(row, class_numbers(connection))
        if version:
            raise UserError(f"There is no version {version} of the guideline.")
        return Guideline(version=0, text="", descriptions={}, at="", labeler="")

    def all(self) -> list[Guideline]:
        """All versions, the newest first."""
        with self._connections.reading() as connection:
            numbers = class_numbers(connection)
            rows = connection.execute(f"{COLUMNS} ORDER BY at DESC, uid DESC")
            return [_guideline(row, numbers) for row in rows]

    def write(self, text: str, labeler: str = "") -> Changes:
        """Change the project's text. Raises UserError."""
        with self._connections.writing() as connection:
            old, at = _newest(connection)
            if _checked(text) == old:
                return Changes()
            _add(connection, text, TEXT, at, labeler)
        return CHANGED

    def describe(self, class_id: int, description: str, labeler: str = "") -> Changes:
        """Change what a class means. Raises UserError."""
        with self._connections.writing() as connection:
            row = connection.execute(
                "SELECT description, (SELECT MIN(uid) FROM class_uids WHERE class = classes.id) FROM classes"
                " WHERE id = ?",
                (class_id,),
            ).fetchone()
            if row is None:
                raise UserError(f"The project has no label number {class_id}.")
            if row[0] == _checked(description):
                return Changes()
            connection.execute("UPDATE classes SET description = ? WHERE id = ?", (description, class_id))
            text, at = _newest(connection)
            _add(connection, text, row[1], at, labeler)
        return CHANGED


def _checked(text: str) -> str:
    if len(text) > LONGEST:
        raise UserError(f"The text has {len(text):,} characters; at most {LONGEST:,} are kept.")
    return text


def _newest(connection: sqlite3.Connection) -> tuple[str, str]:
    """The project's text and the time of the newest version."""
    row = connection.execute(NEWEST).fetchone()
    return (str(row[0]), str(row[1])) if row else ("", "")


def _add(connection: sqlite3.Connection, text: str, changed: str, behind: str, labeler: str) -> None:
    add(
        connection,
        GuidelineCopy(
            uid=new_uid(),
            text=text,
            descriptions=described(connection),
            changed=(changed,),
            at=later(behind),
            labeler=labeler,
        ),
    )


def _guideline(row: tuple[int, str, str, str, str], numbers: Mapping[str, int]) -> Guideline:
    told = by_class(json.loads(row[2]), numbers)
    return Guideline(version=row[0], text=row[1], descriptions=told, at=row[3], labeler=row[4])
