"""A server at the far end of a pipe: the window starts it, hears of it, and stops it; it leaves when the pipe ends."""

from __future__ import annotations

import threading
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
    made.go(tell)


def _listen(pipe: Connection, server: Server) -> None:
    """Whatever the window says is to stop; when it is gone, too."""
    with suppress(EOFError, OSError):
        pipe.recv()
    server.stop()
