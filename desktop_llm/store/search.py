"""Full-text search: an index of all texts by their groups of three characters (SQLite's FTS5, trigram tokenizer).

It lies in a file of its own, `search.db`, so that filling it keeps no label waiting; it is derived, and made anew
whenever it does not belong to the project as it is. It only proposes rows: every hit is checked against the text
itself, and what is not in it yet is read through. Two characters (a Chinese word) are found by all groups that begin
with them; each text is given two characters more at its end, so that its last ones begin groups, too.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from desktop_llm import log
from desktop_llm.errors import Cancelled
from desktop_llm.store.connection import Connections, open_file, sentences
from desktop_llm.store.schema import VISIBLE
from desktop_llm.store.where import Where

FILE = "search.db"
GROUP = 3
PAD = "\x02\x02"
ROWS_A_PIECE = 2_000
MOST_GROUPS = 300
"""Groups that one or two characters may begin; with more of them most texts have them, and reading is as quick."""
FORM = "2"
"""Changed whenever the index is built in another way."""
TABLES = """
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(text, content='', tokenize='trigram', detail=none, columnsize=0);
CREATE VIRTUAL TABLE IF NOT EXISTS groups USING fts5vocab(texts, row);
"""
TOKEN, NEXT, UPTO = "token", "next", "upto"


class Search:
    """Fills the index and says how to ask it."""

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project, whose folder has the index."""
        self._connections = connections
        self._path = connections.path.with_name(FILE)
        self._filling = threading.Lock()

    def state(self) -> tuple[int, int]:
        """Rows (by their ids) that the index has, and rows that there are: equal when it is whole."""
        with self.reading() as (connection, upto):
            last = int(
                connection.execute(f"SELECT MIN({VISIBLE}, (SELECT COALESCE(MAX(id), 0) FROM items))").fetchone()[0]
            )
            stale = int(connection.execute("SELECT COUNT(*) FROM search_stale").fetchone()[0])
        return max(0, min(upto, last) - stale), last

    def catch_up(
        self,
        *,
        on_progress: Callable[[float], None] = lambda fraction: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take in what is new or has changed. Raises Cancelled, UserError; what is in by then stays in."""
        with self._filling:
            try:
                self._catch_up(on_progress, should_stop)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError) or self._connections.closed:
                    with sentences(self._path, self._connections):
                        raise
                log.logger("store").info("the search index is damaged and made anew: %s", error)
                self._remove()
                with sentences(self._path, self._connections):
                    self._catch_up(on_progress, should_stop)

    def forget(self, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Empty the index and its file: it knows nothing of any text until it is filled again. Raises Cancelled."""
        while not self._filling.acquire(timeout=0.1):
            self._ask(should_stop)
        try:
            if self._path.exists():
                self._wipe()
        except sqlite3.OperationalError:
            with sentences(self._path, self._connections):
                raise
        except sqlite3.DatabaseError:  # damaged: it would be made anew at its next use, and is of no use till then
            self._remove()
        finally:
            self._filling.release()

    def _wipe(self) -> None:
        index = open_file(self._path, read_only=False)
        try:
            index.execute("PRAGMA secure_delete = ON")
            index.executescript(TABLES)
            # first, so that whoever asks meanwhile reads the texts themselves
            index.execute("UPDATE state SET value = '0' WHERE key = ?", (UPTO,))
            index.execute("INSERT INTO texts (texts) VALUES ('delete-all')")
            index.execute("VACUUM")
            index.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            index.close()

    @contextmanager
    def reading(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """A connection that knows the index as `search`, and the last row that the index has; 0 without an index."""
        with self._connections.reading() as connection:
            attached = self._attach(connection)
            try:
                yield connection, self._upto(connection) if attached else 0
            finally:
                if attached:
                    with suppress(sqlite3.Error):
                        connection.execute("DETACH search")

    def _attach(self, connection: sqlite3.Connection) -> bool:
        if not self._path.exists():
            return False
        try:
            connection.execute("ATTACH ? AS search", (f"{self._path.resolve().as_uri()}?mode=ro",))
        except sqlite3.Error:  # a read-only disk, a damaged file: the texts themselves are read
            return False
        return True

    def _upto(self, connection: sqlite3.Connection) -> int:
        """The last row of an index that belongs to this project."""
        try:
            told = dict(connection.execute("SELECT key, value FROM search.state").fetchall())
            return int(told[UPTO]) if told.get("form") == FORM and self._belongs(connection, told) else 0
        except (sqlite3.Error, KeyError, ValueError):
            return 0

    @staticmethod
    def _belongs(connection: sqlite3.Connection, told: dict[str, str]) -> bool:
        row = connection.execute("SELECT value FROM main.meta WHERE key = 'search'").fetchone()
        return row is not None and row[0] in (told.get(TOKEN), told.get(NEXT))

    def _remove(self) -> None:
        for end in ("", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(FILE + end).unlink(missing_ok=True)

    def _catch_up(self, on_progress: Callable[[float], None], should_stop: Callable[[], bool]) -> None:
        last, stale = self._connections.row(f"SELECT {VISIBLE}, EXISTS (SELECT 1 FROM search_stale)") or (0, 0)
        with self.reading() as (_, upto):
            if upto and upto >= last and not stale:
                return
        self._path.touch()
        index = open_file(self._path, read_only=False)
        try:
            upto = self._begin(index)
            self._refresh(index, upto, should_stop)
            self._extend(index, upto, on_progress, should_stop)
        finally:
            index.close()

    def _begin(self, index: sqlite3.Connection) -> int:
        """Make the tables where they are missing, and mark both files as belonging together; the last row known.

        A project that was put back from a backup has an older mark than the index, which then begins anew.
        """
        index.executescript(TABLES)
        told = dict(index.execute("SELECT key, value FROM state").fetchall())
        with self._connections.reading() as connection:
            fits = told.get("form") == FORM and self._belongs(connection, told)
        if not fits:
            index.execute("INSERT INTO texts (texts) VALUES ('delete-all')")
        mark = secrets.token_hex(8)
        upto = int(told.get(UPTO, "0")) if fits else 0
        put = "INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)"
        index.executemany(put, [("form", FORM), (UPTO, str(upto)), (NEXT, mark)])
        with self._connections.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('search', ?)", (mark,))
            if not fits:
                connection.execute("DELETE FROM search_stale")
        index.execute(put, (TOKEN, mark))
        return upto

    def _refresh(self, index: sqlite3.Connection, upto: int, should_stop: Callable[[], bool]) -> None:
        """Rows whose text has changed, under their new text, too; what they were is proposed still and never fits."""
        while rows := self._connections.rows(
            "SELECT item, text FROM search_stale LEFT JOIN items ON items.id = item ORDER BY item LIMIT ?",
            (ROWS_A_PIECE,),
        ):
            self._ask(should_stop)
            self._put(index, [(item, text) for item, text in rows if text is not None and item <= upto], upto)
            with self._connections.writing() as connection:
                connection.executemany(
                    "DELETE FROM search_stale WHERE item = ?1"
                    " AND COALESCE((SELECT text FROM items WHERE id = ?1), '') = COALESCE(?2, '')",
                    rows,
                )

    def _extend(
        self,
        index: sqlite3.Connection,
        upto: int,
        on_progress: Callable[[float], None],
        should_stop: Callable[[], bool],
    ) -> None:
        first = upto
        while rows := self._connections.rows(
            f"SELECT id, text, {VISIBLE} FROM items WHERE id > ? AND id <= {VISIBLE} ORDER BY id LIMIT ?",
            (upto, ROWS_A_PIECE),
        ):
            self._ask(should_stop)
            upto = rows[-1][0]
            self._put(index, [row[:2] for row in rows], upto)
            on_progress((upto - first) / max(1, rows[-1][2] - first))

    @staticmethod
    def _put(index: sqlite3.Connection, rows: list[tuple[int, str]], upto: int) -> None:
        index.execute("BEGIN IMMEDIATE")
        try:
            index.executemany(
                "INSERT INTO texts (rowid, text) VALUES (?, ?)", [(item, text + PAD) for item, text in rows]
            )
            index.execute("UPDATE state SET value = ? WHERE key = ?", (str(upto), UPTO))
            index.execute("COMMIT")
        except BaseException:  # the index stays as it was; then the reason goes on up
            with suppress(sqlite3.Error):
                index.execute("ROLLBACK")
            raise

    def _ask(self, should_stop: Callable[[], bool]) -> None:
        if should_stop() or self._connections.closed:
            raise Cancelled


def proposed(connection: sqlite3.Connection, text: str) -> Where | None:
    """For a connection that knows the index: where to start from for a text; None when reading through is as quick."""
    groups = [text[start : start + GROUP] for start in range(len(text) - GROUP + 1)]
    joint = " AND "
    if not groups and len(text) == 1 and text.isascii():
        return None
    if not groups:
        begin = text.lower()
        rows = connection.execute(
            "SELECT term FROM search.groups WHERE term >= ? AND term < ? LIMIT ?",
            (begin, begin + "\U0010ffff", MOST_GROUPS + 1),
        ).fetchall()
        groups, joint = [row[0] for row in rows], " OR "
        if len(groups) > MOST_GROUPS:
            return None
    if not groups:
        return Where("found.rowid", "search.texts AS found", ("0",), ())
    asked = joint.join('"{}"'.format(one.replace('"', '""')) for one in dict.fromkeys(groups))
    return Where("found.rowid", "search.texts AS found", ("found.texts MATCH ?",), (asked,))
