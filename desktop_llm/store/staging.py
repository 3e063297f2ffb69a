"""What a file says of texts that the project has, in a database of its own until the import's end.

It lies beside the project's, on the disk that the rows will fill anyway, and outlives no crash.
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
from desktop_llm.store.many import insert_many

PREFIX = ".import-"
STEPS_BETWEEN_QUESTIONS = 20_000
"""Steps of SQLite's machine (some milliseconds) after which it asks whether to stop."""
TABLE = "CREATE TABLE known (place INTEGER PRIMARY KEY, item INTEGER NOT NULL, value TEXT) STRICT"


class Staging:
    """The file of one import: the rows of `known` texts that came again, with the stored label or None."""

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
            self._connection.execute(TABLE)
            self._connection.execute("BEGIN")
        except BaseException:  # a file that cannot be used must not stay; then the reason goes on up
            self.remove()
            raise

    def add_known(self, rows: Sequence[tuple[int, str | None]]) -> None:
        """Note (item, value) of texts that the project has. Raises sqlite3.Error."""
        insert_many(self._connection, "known (item, value)", "(?,?)", list(zip(*rows, strict=True)))

    def settle(self) -> None:
        """All are there: close it, so that the project's connection can read it. Raises Cancelled, sqlite3.Error."""
        with stoppable(self._connection, self._should_stop):
            self._connection.execute("COMMIT")
            self._connection.execute("CREATE INDEX known_by_item ON known (item, place)")
        self._connection.close()

    def remove(self) -> None:
        """Take the file away."""
        if hasattr(self, "_connection"):
            self._connection.close()
        self.path.unlink(missing_ok=True)


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
