"""Brings the write-ahead log of a long write into the file while the writing goes on."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from desktop_llm.store.connection import Connections

ROWS = 5_000
"""Rows after which the log is brought into the file."""
FEW_ROWS = 2_500
ROWS_OF_A_LOG = 30_000
"""Rows after which a log may begin anew, which the writing has to wait for: some 8 MB."""
MOST_ROWS = 100_000


class Log:
    """The log of one import; `close` it in the end.

    SQLite begins the log anew only where all of it is in the file, which never happens while somebody writes on: so
    the rows that came meanwhile are brought in without writing further ones, once they are few.
    """

    def __init__(self, connections: Connections) -> None:
        """`connections` of the project."""
        self._connections = connections
        self._thread = ThreadPoolExecutor(1, "desktop-llm-log")
        self._running: Future[None] | None = None
        self._rows = self._in_log = 0

    def grew(self, rows: int) -> None:
        """So many rows were written. Raises UserError when the disk takes no more."""
        self._rows += rows
        self._in_log += rows
        if self._running is not None and (self._running.done() or self._rows >= MOST_ROWS):
            self._running.result()
            self._running = None
            few = self._rows < FEW_ROWS and self._in_log >= ROWS_OF_A_LOG
            if few or self._rows >= MOST_ROWS:
                self._rows = self._in_log = 0
                self._connections.settle_log(must=True)
        if self._running is None and self._rows >= ROWS:
            self._rows = 0
            self._running = self._thread.submit(self._connections.settle_log, must=True)

    def settle(self) -> None:
        """Bring all of it in. Raises UserError when the disk takes no more."""
        if self._running is not None:
            self._running.result()
            self._running = None
        self._rows = self._in_log = 0
        self._connections.settle_log(must=True)

    def close(self) -> None:
        """Wait for what is under way."""
        self._thread.shutdown()
