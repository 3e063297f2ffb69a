"""The command that answers other programs: serve."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from desktop_llm.commands.command import Declare, Out, usage
from desktop_llm.serving.place import LOOPBACK, PORT, Place, check


def declare(verb: Declare) -> None:
    """The parser."""
    one = verb("serve", _serve, "let an export answer other programs over HTTP, until Ctrl+C")
    one.add_argument("export", type=Path, metavar="EXPORT", help="an exported folder")
    one.add_argument("--host", default=LOOPBACK, help=f"an address of this machine (default {LOOPBACK}: only itself)")
    one.add_argument("--port", type=int, default=PORT, help=f"default {PORT}; 0 takes a free one")
    one.add_argument("--token", default="", help="wanted of whoever asks; needed beyond this machine")


def _serve(told: Any, out: Out) -> None:
    from desktop_llm.verbs import serving

    place = Place(host=told.host, port=told.port, token=told.token)
    with usage():
        check(place)
    server = serving.start(told.export.expanduser(), place)
    curl = server.curl("TOKEN")  # what is printed may be kept in a log
    line = {"address": server.address, "model": server.served.name, "curl": curl}
    out(line, f"“{server.served.name}” answers on {server.address} (Ctrl+C ends it). Try:\n{curl}")
    with suppress(KeyboardInterrupt):  # what ends it
        server.go()
    done = server.metrics.told()
    out(done, f"Stopped after {serving.words(done)}.")
