"""The one door to SQLite: a connection per thread, one write lane, and errors as sentences.

WAL and synchronous=FULL: a committed label survives a power cut. Every write goes through `writing`, which takes
the process' lock and BEGIN IMMEDIATE; reads go straight to the thread's own connection.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from desktop_llm.errors import UserError
from desktop_llm.store import schema

BUSY_SECONDS = 10.0


class Connections:
    """The connections of one project file."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        """Nothing is opened before the first use."""
        self.path, self.read_only = path, read_only
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._lane = threading.RLock()
        self._closed = False

    def reading(self) -> sqlite3.Connection:
        """This thread's connection. Raises UserError after `close`."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None or self._closed:
            connection = self._connect()
            self._local.connection = connection
        return connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed on a clean exit, rolled back on any exception. Raises UserError."""
        if self.read_only:
            raise UserError(f"“{self.path.parent}” is open read-only; nothing can be changed.")
        with self._lane:
            connection = self.reading()
            with sentences(self.path):
                connection.execute("BEGIN IMMEDIATE")
            try:
                with sentences(self.path):
                    yield connection
                    connection.execute("COMMIT")
            except BaseException:  # whatever went wrong, the file stays as it was; then the reason goes on up
                with suppress(sqlite3.Error):
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lane, self._guard:
            self._closed = True
            for connection in self._all:
                with suppress(sqlite3.Error):
                    connection.interrupt()
                    connection.close()
            self._all.clear()

    def _connect(self) -> sqlite3.Connection:
        if self._closed:
            raise UserError("The project was closed.")
        with sentences(self.path):
            connection = open_file(self.path, read_only=self.read_only)
        with self._guard:
            self._all.append(connection)
        return connection


def open_file(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """A connection with our pragmas, in autocommit mode. Raises sqlite3.Error."""
    mode = "ro" if read_only else "rw"
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # only so that `close` may close the connections of ended threads
        cached_statements=256,
    )
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cache_size = -32000")
        connection.execute("PRAGMA temp_store = MEMORY")
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def newer(connection: sqlite3.Connection) -> bool:
    """Whether the file was made by a newer version of the program."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    return int(version) > schema.VERSION


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Turn what SQLite says about the file, the disk and its locks into a UserError; our own bugs pass."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        told = str(error).lower()
        known = {
            "not a database": f"“{path}” is damaged or no project; restore it from a backup.",
            "malformed": f"“{path}” is damaged; restore it from a backup.",
            "disk is full": f"The disk with “{path}” is full; free some space and try again.",
            "disk i/o": f"The disk with “{path}” reports an error; check the disk.",
            "unable to open": f"“{path}” cannot be opened; check that it exists and may be read.",
            "readonly": f"“{path}” cannot be written; check its permissions.",
            "locked": f"“{path}” is busy: another program is writing to it; try again in a moment.",
        }
        for words, sentence in known.items():
            if words in told:
                raise UserError(sentence, details=str(error)) from error
        raise
