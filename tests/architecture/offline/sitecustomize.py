"""No network in tests: an audit hook that refuses connections and name look-ups.

conftest.py imports it for the test process; child interpreters find it as their `sitecustomize`
through PYTHONPATH, so a spawned worker is held to the same rule. Unix sockets stay free (they are
how processes talk here); this machine itself opens with `LOOPBACK_VARIABLE`. Connections made by C++
code (torch's rendezvous) do not pass Python's audit and are not seen.
"""

import os
import socket
import sys
from typing import Any

LOOPBACK_VARIABLE = "DESKTOP_LLM_TEST_LOOPBACK"
_ITSELF = (None, "", "localhost", "127.0.0.1", "::1", b"localhost", b"127.0.0.1")


class NetworkUsed(RuntimeError):
    """Something tried to leave the machine. No OSError: callers that forgive those must not hide it."""


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    # no global is looked at before it must be: those of a module are gone when the interpreter ends
    if event in ("socket.connect", "socket.sendto"):
        used, address = arguments
        if used.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_unless_itself(event, address[0])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        _refuse_unless_itself(event, arguments[0])


def _refuse_unless_itself(event: str, host: object) -> None:
    if host in _ITSELF and os.environ.get(LOOPBACK_VARIABLE):
        return
    raise NetworkUsed(f"{event} to {host!r}: tests run without network (mark `loopback` opens this machine)")


sys.addaudithook(_refuse_network)
