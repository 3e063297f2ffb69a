"""The hashes of rows on their way in, in a file of their own: there they are sorted, and repeated texts found.

The file lies beside the project's, on the disk that the rows will fill anyway, and outlives no crash.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from desktop_llm.errors import Cancelled
from desktop_llm.store import connection as connections

PREFIX = ".import-"
ROWS_A_STATEMENT = 100
STEPS_BETWEEN_QUESTIONS = 20_000
"""Steps of SQLite's machine (some milliseconds) after which it asks whether to stop."""
TABLES = (
    "CREATE TABLE fresh (id INTEGER PRIMARY KEY, hash BLOB NOT NULL, value TEXT) STRICT",
    "CREATE TABLE again (id INTEGER PRIMARY KEY, first INTEGER NOT NULL) STRICT",
    "CREATE TABLE known (place INTEGER PRIMARY KEY, item INTEGER NOT NULL, value TEXT) STRICT",
)


class Staging:
    """The file of one import: `fresh` rows with the ids they have in the project, `known` texts that came again.

    Values are stored labels or None.
    """

    def __init__(self, project_file: Path, should_stop: Callable[[], bool]) -> None:
        """Make the file. Raises OSError, sqlite3.Error."""
        handle, name = tempfile.mkstemp(prefix=PREFIX, suffix=".part", dir=project_file.parent)
        os.close(handle)
        self.path, self._should_stop = Path(name), should_stop
        try:
            self._connection = connections.connect(self.path, "mode=rw")
            # nothing here outlives a crash, so nothing is made safe against one
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -16000"):
                self._connection.execute(f"PRAGMA {pragma}")
            for statement in TABLES:
                self._connection.execute(statement)
            self._connection.execute("BEGIN")
        except BaseException:  # a file that cannot be used must not stay; then the reason goes on up
            self.remove()
            raise

    def add_fresh(self, rows: Sequence[tuple[int, bytes, str | None]]) -> None:
        """Note (id, hash, value) of rows that the project has not had. Raises sqlite3.Error."""
        insert_many(self._connection, "INSERT INTO fresh (id, hash, value) VALUES ", rows)

    def add_known(self, rows: Sequence[tuple[int, str | None]]) -> None:
        """Note (item, value) of texts that the project has. Raises sqlite3.Error."""
        insert_many(self._connection, "INSERT INTO known (item, value) VALUES ", rows)

    def settle(self) -> None:
        """Find the rows whose text came before in the file. Raises Cancelled, sqlite3.Error."""
        execute = self._connection.execute
        with stoppable(self._connection, self._should_stop):
            execute("COMMIT")
            execute("CREATE INDEX fresh_by_hash ON fresh (hash, id)")
            execute(
                "INSERT INTO again SELECT fresh.id, firsts.first FROM"
                " (SELECT hash, MIN(id) AS first FROM fresh GROUP BY hash HAVING COUNT(*) > 1) AS firsts"
                " JOIN fresh ON fresh.hash = firsts.hash AND fresh.id <> firsts.first"
            )
            execute("CREATE INDEX again_by_first ON again (first, id)")
            execute("CREATE INDEX known_by_item ON known (item, place)")

    def repeated(self) -> Iterator[tuple[int, int, str | None, str | None]]:
        """(id, first id, value, value of the first) of each row whose text came before in the file, in its order."""
        yield from self._connection.execute(
            "SELECT again.id, again.first, more.value, kept.value FROM again JOIN fresh AS more ON more.id = again.id"
            " JOIN fresh AS kept ON kept.id = again.first ORDER BY again.first, again.id"
        )

    def finish(self) -> None:
        """Close it, so that the project's connection can read it."""
        self._connection.close()

    def remove(self) -> None:
        """Take the file away."""
        if hasattr(self, "_connection"):
            self._connection.close()
        self.path.unlink(missing_ok=True)


def insert_many(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[object]]) -> None:
    """Insert rows, many with one statement: a third of the time of `executemany`. Raises sqlite3.Error."""
    if not rows:
        return
    marks = "(" + ",".join("?" * len(rows[0])) + ")"
    for start in range(0, len(rows), ROWS_A_STATEMENT):
        part = rows[start : start + ROWS_A_STATEMENT]
        connection.execute(statement + ",".join([marks] * len(part)), [value for row in part for value in row])


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
