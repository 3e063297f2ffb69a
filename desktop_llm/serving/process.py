"""A server at the far end of a pipe: the window starts it, hears of it, and stops it; it leaves when the pipe ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_llm.errors import UserError
from desktop_llm.garbage import at_rest
from desktop_llm.serving.place import Place

if TYPE_CHECKING:
    from desktop_llm.serving.server import Server


def serve(folder: str, place: Place, pipe: Connection) -> None:
    """The process. It says {"address", "curl"} once it answers, what it has done each second, or {"error"}."""
    from desktop_llm.engine import worker

    worker.offline()

    def tell(told: dict[str, Any]) -> None:
        with suppress(OSError):  # the window is gone, and the server is told to stop by that
            pipe.send(told)

    try:
        with at_rest():
            from desktop_llm.serving import server

        made = server.ready(Path(folder), place)
    except UserError as error:
        tell({"error": error.message})
        return
    except Exception as error:  # noqa: BLE001 - the window must hear of it, whatever it is
        tell({"error": f"The server could not be started ({type(error).__name__}: {error})."})
        return
    tell({"address": made.address, "curl": made.curl()})
    threading.Thread(target=_listen, args=(pipe, made), name="listen", daemon=True).start()
    newest = Newest(tell)
    made.go(newest.put)
    newest.close()


class Newest:
    """Tells the newest of what it is given from a thread of its own, and forgets the rest.

    A pipe that nobody reads is full after some minutes of a word a second: a window that hangs must not hold up those
    who ask the server.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], object]) -> None:
        """`tell` may take as long as it likes."""
        self._tell = tell
        self._changed = threading.Condition()
        self._told: dict[str, Any] | None = None
        self._over = False
        # whoever does not listen holds this thread alone, and the process ends without it
        self.thread = threading.Thread(target=self._run, name="tell", daemon=True)
        self.thread.start()

    def put(self, told: dict[str, Any]) -> None:
        """This is to be told, if nothing newer comes before."""
        with self._changed:
            self._told = told
            self._changed.notify_all()

    def close(self) -> None:
        """End after what is still to be told."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._told is not None or self._over)
                told, self._told = self._told, None
            if told is None:
                return
            self._tell(told)


def _listen(pipe: Connection, server: Server) -> None:
    """Whatever the window says is to stop; when it is gone, too."""
    with suppress(EOFError, OSError):
        pipe.recv()
    server.stop()
