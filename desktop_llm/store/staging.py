"""Rows on their way into a project: gathered and sorted out in a file of their own.

So the project's file is held only while ready rows are copied over, labels are written meanwhile, and what is
cancelled or killed has never touched the project. The file lies beside the project's, on the disk it will fill anyway.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_llm.errors import Cancelled
from desktop_llm.store import connection as connections

PREFIX = ".import-"
ROWS_A_STATEMENT = 100
STEPS_BETWEEN_QUESTIONS = 20_000
"""Steps of SQLite's machine (some milliseconds) after which it asks whether to stop."""
TABLES = (
    "CREATE TABLE rows (id INTEGER PRIMARY KEY, hash BLOB NOT NULL, text TEXT NOT NULL, content TEXT, extra TEXT,"
    " split TEXT NOT NULL, label TEXT) STRICT",
    "CREATE TABLE again (id INTEGER PRIMARY KEY, first INTEGER NOT NULL) STRICT",
    "CREATE TABLE known (id INTEGER PRIMARY KEY, item INTEGER NOT NULL) STRICT",
)
INSERT = "INSERT INTO rows (hash, text, content, extra, split, label) VALUES "

Columns = tuple[bytes, str, str | None, str | None, str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was found out about the rows of a file; `conflicts` within the file alone."""

    duplicates: int
    conflicts: int
    unknown: int


class Staging:
    """The file of one import. `rows` in file order, `known` those whose text the project has, by row and item id."""

    def __init__(self, project_file: Path, should_stop: Callable[[], bool]) -> None:
        """Make the file. Raises OSError, sqlite3.Error."""
        handle, name = tempfile.mkstemp(prefix=PREFIX, suffix=".part", dir=project_file.parent)
        os.close(handle)
        self.path, self._project_file, self._should_stop = Path(name), project_file, should_stop
        try:
            self._connection = connections.connect(self.path, "mode=rw")
            # nothing here outlives a crash, so nothing is made safe against one
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -16000"):
                self._connection.execute(f"PRAGMA {pragma}")
            for statement in TABLES:
                self._connection.execute(statement)
            self._connection.execute("ATTACH ? AS project", (f"{project_file.resolve().as_uri()}?mode=ro",))
            self._connection.execute("BEGIN")
        except BaseException:  # a file that cannot be used must not stay; then the reason goes on up
            self.remove()
            raise

    def add(self, rows: Sequence[Columns]) -> None:
        """Take rows behind those there are. Raises sqlite3.Error."""
        for start in range(0, len(rows), ROWS_A_STATEMENT):
            part = rows[start : start + ROWS_A_STATEMENT]
            marks = ",".join(["(?,?,?,?,?,?)"] * len(part))
            self._connection.execute(INSERT + marks, [value for row in part for value in row])

    def settle(self, *, known_only: bool) -> Settled:
        """Tell new rows from those that come again or are known. Raises Cancelled, sqlite3.Error.

        The first label that a text has in the file counts. `known_only` drops the rows the project lacks.
        """
        execute = self._connection.execute
        with stoppable(self._connection, self._should_stop):
            execute("COMMIT")
            execute("CREATE INDEX rows_by_hash ON rows (hash)")
            conflicts = self._drop_repeated()
            execute(
                "INSERT INTO known SELECT rows.id, items.id FROM rows CROSS JOIN project.items"
                " INDEXED BY items_by_hash ON items.hash = rows.hash ORDER BY rows.hash"
            )
            unknown = 0
            if known_only:
                unknown = execute("DELETE FROM rows WHERE id NOT IN (SELECT id FROM known)").rowcount
            duplicates = execute("SELECT (SELECT COUNT(*) FROM again) + (SELECT COUNT(*) FROM known)").fetchone()[0]
        return Settled(duplicates=duplicates, conflicts=conflicts, unknown=unknown)

    def labels(self) -> Iterator[Any]:
        """The different labels, in names, in the order of the file."""
        rows = self._connection.execute(
            "SELECT label FROM rows WHERE label IS NOT NULL GROUP BY label ORDER BY MIN(id)"
        )
        for (label,) in rows:
            yield json.loads(label)

    def finish(self) -> None:
        """Close it, so that the project's connection can read it."""
        self._connection.close()

    def remove(self) -> None:
        """Take the file away."""
        if hasattr(self, "_connection"):
            self._connection.close()
        self.path.unlink(missing_ok=True)

    def _drop_repeated(self) -> int:
        """Keep the first of equal texts, with the first label; how many others said another one."""
        execute = self._connection.execute
        execute(
            "INSERT INTO again SELECT rows.id, firsts.first FROM"
            " (SELECT hash, MIN(id) AS first FROM rows GROUP BY hash HAVING COUNT(*) > 1) AS firsts"
            " JOIN rows ON rows.hash = firsts.hash AND rows.id <> firsts.first"
        )
        execute("CREATE INDEX again_by_first ON again (first, id)")
        execute(
            "UPDATE rows SET label = (SELECT more.label FROM again JOIN rows AS more ON more.id = again.id"
            " WHERE again.first = rows.id AND more.label IS NOT NULL ORDER BY again.id LIMIT 1)"
            " WHERE label IS NULL AND id IN (SELECT first FROM again)"
        )
        conflicts = execute(
            "SELECT COUNT(*) FROM again JOIN rows AS more ON more.id = again.id JOIN rows AS kept"
            " ON kept.id = again.first WHERE more.label <> kept.label"
        ).fetchone()[0]
        execute("DELETE FROM rows WHERE id IN (SELECT id FROM again)")
        return int(conflicts)


@contextmanager
def stoppable(connection: sqlite3.Connection, should_stop: Callable[[], bool]) -> Iterator[None]:
    """Break long statements off when asked to. Raises Cancelled then."""
    connection.set_progress_handler(lambda: int(should_stop()), STEPS_BETWEEN_QUESTIONS)
    try:
        yield
    except sqlite3.OperationalError:
        if should_stop():
            raise Cancelled from None
        raise
    finally:
        connection.set_progress_handler(None, 0)
