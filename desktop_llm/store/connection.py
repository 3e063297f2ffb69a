"""The one door to SQLite: connections for reading, one write lane, and errors as sentences.

WAL and synchronous=FULL: a committed label survives a power cut. Every write goes through `writing`, which takes
the process' lock and BEGIN IMMEDIATE. Readers borrow a connection for as long as they read: no connection is ever
in two threads at once, and `close` can wait for each. (One kept per thread would never be given back: Qt's pool
makes Python take every piece of work for a new thread.)
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from desktop_llm.errors import Cancelled, UserError
from desktop_llm.store import schema
from desktop_llm.store.hashing import key_of

BUSY_SECONDS = 10.0
KEPT_IDLE = 4
CHECKPOINT_PAGES = 1000
LIGHT = ("synchronous = NORMAL", "foreign_keys = OFF", "wal_autocheckpoint = 0")
"""What `piece` writes with, by connections of its own: a pragma for each makes SQLite compile every statement anew."""
IMAGE = "image"
"""By what name such a connection knows the rows that it copies; see `images`."""
WAL_BYTES = 64 << 20
"""What is left of the write-ahead log after a long import."""


class Connections:
    """The connections of one project file."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        """Nothing is opened before the first use."""
        self.path, self.read_only = path, read_only
        self._bulk = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._idle_light: list[sqlite3.Connection] = []
        self._lent: set[sqlite3.Connection] = set()
        self._images: dict[sqlite3.Connection, bytes] = {}
        self._guard = threading.Condition()
        self._lane = threading.RLock()
        self._in_line = 0
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether `close` was called: long work should end."""
        return self._closed

    @contextmanager
    def reading(self, *, attached: Path | None = None) -> Iterator[sqlite3.Connection]:
        """A connection of one's own until the end of the block. Raises UserError, after `close`, too.

        The database file `attached` is known as `staged` inside, and may be written to.
        """
        with self._borrowed(self._idle) as connection, _attached(connection, attached, "mode=rw"):
            yield connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query. Raises UserError."""
        with self.reading() as connection:
            return connection.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of one query, None when there is none. Raises UserError."""
        with self.reading() as connection:
            found: tuple[Any, ...] | None = connection.execute(sql, values).fetchone()
            return found

    @contextmanager
    def writing(self, *, patience: float = -1, attached: Path | None = None) -> Iterator[sqlite3.Connection]:
        """A transaction: committed on a clean exit, rolled back on any exception. Raises UserError.

        `patience` is how many seconds to wait for another write of this program, -1 for ever; the database file
        `attached`, for much to be written at once, is known as `staged` inside.
        """
        if self.read_only:
            raise UserError(f"“{self.path.parent}” is open read-only; nothing can be changed.")
        with self._guard:
            self._in_line += 1
        try:
            came = self._lane.acquire(timeout=patience)
        finally:
            with self._guard:
                self._in_line -= 1
                self._guard.notify_all()
        if not came:
            raise UserError("Many rows are being written just now; try again in a moment.")
        try:
            with self.reading() as connection, _attached(connection, attached, "mode=ro"), _transaction(connection):
                yield connection
        finally:
            self._lane.release()

    @contextmanager
    def piece(self, *, image: bytes | None = None) -> Iterator[sqlite3.Connection]:
        """A short transaction of a long work; whoever wants to write goes first. Raises UserError.

        It is durable only with the next `writing`; its references to other rows are not checked. Its log is brought
        into the file by `settle_log` alone. The bytes of a database `image` are known as `image` inside.
        """
        with self._guard:
            self._guard.wait_for(lambda: not self._in_line, timeout=BUSY_SECONDS)
        with self._lane, self._borrowed(self._idle_light) as connection:
            if image is not None and self._images.get(connection) is not image:
                connection.deserialize(image, name=IMAGE)
                self._images[connection] = image
            with _transaction(connection):
                yield connection

    @property
    def wanted(self) -> bool:
        """Whether somebody waits to write, so that a piece should soon end."""
        return self._in_line > 0

    @contextmanager
    def bulk_turn(self, should_stop: Callable[[], bool]) -> Iterator[None]:
        """For whoever writes many rows, as there is one such work at a time. Raises Cancelled when asked to stop."""
        while not self._bulk.acquire(timeout=0.1):
            if should_stop():
                raise Cancelled
        try:
            yield
        finally:
            self._bulk.release()

    @contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """A connection outside of any transaction while nobody else writes, for what no transaction can do.

        Raises UserError.
        """
        with self._lane, self.reading() as connection:
            yield connection

    def settle_log(self, *, must: bool = False) -> None:
        """During or after a long write: bring its log into the file here, so that no label has to wait for it.

        What was written is safe in the log, too: only where it `must`, a disk that takes no more raises UserError.
        """
        with nullcontext() if must else suppress(UserError), self.reading() as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Break off what is being read or written, and close all connections."""
        with self._guard:
            self._closed = True
            while self._lent:
                for connection in self._lent:
                    connection.interrupt()
                # again and again: what was between two statements did not notice
                self._guard.wait(0.05)
            for idle in (self._idle, self._idle_light):
                for connection in idle:
                    connection.close()
                idle.clear()
            self._images.clear()

    @contextmanager
    def _borrowed(self, idle: list[sqlite3.Connection]) -> Iterator[sqlite3.Connection]:
        """One of the connections that wait in `idle`, or a new one of their kind."""
        with sentences(self.path, self):
            with self._guard:
                if self._closed:
                    raise UserError("The project was closed.")
                connection = idle.pop() if idle else self._open(light=idle is self._idle_light)
                self._lent.add(connection)
            try:
                yield connection
            finally:
                self._give_back(connection, idle)

    def _open(self, *, light: bool) -> sqlite3.Connection:
        connection = open_file(self.path, read_only=self.read_only)
        if light:
            for pragma in LIGHT:
                connection.execute(f"PRAGMA {pragma}")
            # it stays: attached for each piece, it would make SQLite compile every statement anew
            connection.execute(f"ATTACH ':memory:' AS {IMAGE}")
        return connection

    def _give_back(self, connection: sqlite3.Connection, idle: list[sqlite3.Connection]) -> None:
        with self._guard:
            self._lent.discard(connection)
            if self._closed or len(idle) >= KEPT_IDLE:
                self._images.pop(connection, None)
                connection.close()
            else:
                idle.append(connection)
            self._guard.notify_all()


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:  # whatever went wrong, the file stays as it was; then the reason goes on up
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


@contextmanager
def _attached(connection: sqlite3.Connection, path: Path | None, how: str) -> Iterator[None]:
    if path is None:
        yield
        return
    connection.execute("ATTACH ? AS staged", (f"{path.resolve().as_uri()}?{how}",))
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    try:
        yield
    finally:
        with suppress(sqlite3.Error):  # a connection that is broken is closed soon, and its attachments with it
            connection.execute("DETACH staged")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")


def open_file(path: Path, *, read_only: bool, page_size: int = 0) -> sqlite3.Connection:
    """A connection with our pragmas, in autocommit mode. Raises sqlite3.Error; UserError where a log can't be read.

    `page_size` is what an empty file gets.
    """
    connection = connect(path, "mode=ro" if read_only else "mode=rw")
    try:
        if page_size:
            connection.execute(f"PRAGMA page_size = {page_size}")
        if read_only:
            try:
                connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
            except sqlite3.OperationalError:
                # A read-only disk has no room for WAL's index; where no log is left, there is nothing to index.
                log = path.with_name(path.name + "-wal")
                if log.exists() and log.stat().st_size:
                    raise UserError(
                        f"“{path}” was copied while it was open; copy its folder to a disk that can be written."
                    ) from None
                connection.close()
                connection = connect(path, "immutable=1")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cache_size = -32000")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.create_function("holds", 2, _holds, deterministic=True)
        connection.create_function("number", 1, _number, deterministic=True)
        connection.create_function("key_of", 1, key_of, deterministic=True)
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    except (sqlite3.Error, UserError):
        connection.close()
        raise
    return connection


def _holds(text: str, part: str) -> bool:
    """For SQL: whether a text has a part, given in small letters, whatever its case."""
    return part in text.lower()


def _number(cell: str | None) -> float | None:
    """For SQL: the number in a cell, if it is one."""
    try:
        return float(cell) if cell is not None else None
    except ValueError:
        return None


def connect(path: Path, how: str) -> sqlite3.Connection:
    """A bare connection, `how` in SQLite's URI terms. Raises sqlite3.Error."""
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?{how}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # lent to one thread after the other, never to two at once
        cached_statements=256,
    )


def newer(connection: sqlite3.Connection) -> bool:
    """Whether the file was made by a newer version of the program."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    return int(version) > schema.VERSION


@contextmanager
def sentences(path: Path, connections: Connections | None = None) -> Iterator[None]:
    """Turn what SQLite says about the file, the disk and its locks into a UserError; our own bugs pass."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        told = str(error).lower()
        known = {
            "not a database": f"“{path}” is damaged or no project; restore it from a backup.",
            "malformed": f"“{path}” is damaged; restore it from a backup.",
            "disk is full": f"The disk with “{path}” is full; free some space and try again.",
            "disk i/o": f"The disk with “{path}” reports an error; check the disk and its free space.",
            "unable to open": f"“{path}” cannot be opened; check that it exists and may be read.",
            "readonly": f"“{path}” cannot be written; check its permissions.",
            "locked": f"“{path}” is busy: another program is writing to it; try again in a moment.",
        }
        if connections is not None and connections.closed and "interrupted" in told:
            raise UserError("The project was closed.") from error
        for words, sentence in known.items():
            if words in told:
                raise UserError(sentence, details=str(error)) from error
        raise
