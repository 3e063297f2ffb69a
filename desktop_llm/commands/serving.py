"""The commands that answer other programs, and try how many: serve, load."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import Any

from desktop_llm.commands.command import Declare, Out, Parser, UsageError, usage
from desktop_llm.paths import expanded
from desktop_llm.serving import address as addresses
from desktop_llm.serving.address import Address
from desktop_llm.serving.place import LOOPBACK, PORT, Place, check


def declare(verb: Declare) -> None:
    """The parser."""
    one = verb("serve", _serve, "let an export answer other programs over HTTP, until Ctrl+C")
    one.add_argument("export", type=expanded, metavar="EXPORT", help="an exported folder")
    one.add_argument("--host", default=LOOPBACK, help=f"an address of this machine (default {LOOPBACK}: only itself)")
    one.add_argument("--port", type=int, default=PORT, help=f"default {PORT}; 0 takes a free one")
    one.add_argument("--token", default="", help="wanted of whoever asks; needed beyond this machine")
    one = verb("load", _load, "ask a server from many sides at once, and tell how soon it answers")
    with_server(one, "URL")
    one.add_argument("--clients", type=int, default=32, help="who ask at once, each about one text (default 32)")
    one.add_argument("--seconds", type=float, default=10.0, help="default 10")
    one.add_argument("--texts", default="", metavar="FILE", help="what is asked about; left out: a few texts of ours")


def with_server(one: Parser, name: str) -> None:
    """The options of a command that asks a server; `name` is an argument, or an option that begins with `--`."""
    one.add_argument(name, metavar="URL", help="a server of this program, such as http://127.0.0.1:8765")
    one.add_argument("--token", default="", help="that the server wants")
    one.add_argument("--yes", action="store_true", help="texts may be sent to another machine")


def server_of(told: Any, given: str, what: str) -> Address:
    """The server that a command is to ask, where what is sent may be. Raises UsageError."""
    with usage():
        found = addresses.parse(given, told.token)
    warning = found.warning(what)
    if warning and not told.yes:
        raise UsageError(f"{warning} If that may be, say --yes.")
    return found


def _serve(told: Any, out: Out) -> None:
    from desktop_llm.verbs import serving

    place = Place(host=told.host, port=told.port, token=told.token)
    with usage():
        check(place)
    server = serving.start(told.export, place)
    curl = server.curl("TOKEN")  # what is printed may be kept in a log
    line = {"address": server.address, "model": server.served.name, "curl": curl}
    out(line, f"“{server.served.name}” answers on {server.address} (Ctrl+C ends it). Try:\n{curl}")
    with suppress(KeyboardInterrupt):  # what ends it
        server.go()
    done = server.metrics.told()
    out(done, f"Stopped after {serving.words(done)}.")


def _load(told: Any, out: Out) -> None:
    from desktop_llm.serving import load
    from desktop_llm.verbs import serving

    address = server_of(told, told.URL, "The texts")
    with usage():
        load.check(told.clients, told.seconds)
    found = serving.load(address, told.clients, told.seconds, told.texts)
    errors = {str(status): count for status, count in found.errors.items()}
    out({**asdict(found), "errors": errors}, found.words())
